//! An artifact on the bench: its process, started anew and called, and what it says when that fails.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;

use crate::cli::FunctionArgs;
use crate::error::{Error, Result};
use crate::local::{Configuration, Event, Failure, Instance, Invocation, Logging, Sandbox};
use crate::process;
use crate::ui::{Ui, Verbosity};

/// An artifact whose function is measured.
#[derive(Debug)]
pub(super) struct Contender {
    /// The artifact.
    pub(super) path: PathBuf,
    /// The name of its function.
    pub(super) name: String,
    /// Its process.
    pub(super) instance: Instance,
    arn: String,
    timeout: Duration,
    ui: Ui,
}

/// What one call took.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// CPU time of the process, user and system, in microseconds.
    pub(super) cpu_us: f64,
    /// From the event to the next `GET /next`, in microseconds.
    pub(super) wall_us: f64,
    /// What it answered instead of a response.
    pub(super) failure: Option<Failure>,
}

impl Contender {
    /// Unpacks an artifact. Its log is printed only with `-v`: it would flood the terminal.
    pub(super) fn new(artifact: &Path, arguments: &FunctionArgs, ui: Ui) -> Result<Self> {
        let configuration = Configuration::new(artifact, arguments)?;
        let logging = if ui.verbosity() >= Verbosity::Verbose {
            Logging::Printed(ui)
        } else {
            Logging::Kept
        };
        Ok(Self {
            path: artifact.to_owned(),
            name: configuration.name.clone(),
            arn: configuration.arn(),
            timeout: configuration.timeout,
            instance: Instance::new(Sandbox::new(artifact)?, configuration, logging)?,
            ui,
        })
    }

    /// Starts the process anew and returns the microseconds until it asked for its first event.
    pub(super) fn start(&mut self) -> Result<f64> {
        let init = self.instance.restart()?;
        if let Some(failure) = init.failure {
            return Err(self.failed(&failure, None));
        }
        if self.instance.cpu().is_none() {
            return Err(anyhow!("this system does not say the CPU time of `{}`", self.name).into());
        }
        Ok(microseconds(init.duration))
    }

    /// Calls the function; an error is one that its process did not survive.
    pub(super) fn call(&mut self, event: &Event) -> Result<Call, Failure> {
        let invocation = Invocation::new(event.bytes.clone(), self.timeout, self.arn.clone());
        let outcome = self.instance.invoke(invocation);
        if let Some(ending) = outcome.ended {
            return Err(Failure::Exited(ending));
        }
        if outcome.lingered {
            return Err(Failure::TimedOut(self.timeout));
        }
        match (outcome.cpu, outcome.failure) {
            (Some(cpu), failure) => Ok(Call {
                cpu_us: microseconds(cpu),
                wall_us: microseconds(outcome.duration),
                failure,
            }),
            (None, Some(failure)) => Err(failure),
            // It had a clock when it started, so it ended since.
            (None, None) => Err(Failure::Exited(self.instance.end())),
        }
    }

    /// Ends the process, prints the end of its log, which may say why, and words the failure.
    pub(super) fn failed(&mut self, failure: &Failure, event: Option<&str>) -> Error {
        self.instance.end_saying(self.ui);
        let alone = || {
            let event = match event {
                None => String::new(),
                Some(event) if event.ends_with('…') => " --event EVENT".to_owned(),
                Some(event) => format!(" --event {}", process::quote(event.as_ref())),
            };
            let artifact = process::quote(self.path.as_os_str());
            format!("to see it alone: slsbuild invoke {artifact}{event}")
        };
        let hint = failure
            .hint(Some(("bench", &self.path)))
            .unwrap_or_else(alone);
        failure.error(&self.name, event.map(str::to_owned), Some(hint))
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
