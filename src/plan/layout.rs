//! cargo-lambda's layout: where its users' tools look for what was built (SAM's `rust-cargolambda`, CDK constructs, scripts).
//! The path holds neither arch nor profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Step;
use crate::error::{Error, Result};
use crate::project::config::Kind;
use crate::project::{Function, Project};
use crate::settings::{Layout, Settings};

/// The two files of an artifact in cargo-lambda's layout
/// (<https://www.cargo-lambda.info/commands/build.html>, as of 2026-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CargoLambdaFiles {
    /// The program: `<bin>/bootstrap`, or `extensions/<name>`.
    pub program: PathBuf,
    /// The zip: `<bin>/bootstrap.zip`, or `extensions/<name>.zip`.
    pub zip: PathBuf,
    /// The program's name in the zip.
    pub entry: String,
}

impl CargoLambdaFiles {
    /// The files of a function below `lambda`; none for a layer, which cargo-lambda does not know.
    pub(super) fn of(function: &Function, lambda: &Path) -> Option<Self> {
        let name = function
            .binary()
            .map_or(&function.name, |binary| &binary.name);
        match function.kind {
            Kind::Function => {
                let directory = lambda.join(name);
                Some(Self {
                    program: directory.join("bootstrap"),
                    zip: directory.join("bootstrap.zip"),
                    entry: "bootstrap".to_owned(),
                })
            }
            // An extension is found by its own name, which is that of its program.
            Kind::Extension => {
                let directory = lambda.join("extensions");
                Some(Self {
                    program: directory.join(&function.name),
                    zip: directory.join(format!("{}.zip", function.name)),
                    entry: format!("extensions/{}", function.name),
                })
            }
            Kind::Layer => None,
        }
    }

    /// The directory that both lie in.
    pub fn directory(&self) -> &Path {
        self.program.parent().unwrap_or(&self.program)
    }
}

/// The directory that cargo-lambda would write into, if its layout is asked for.
///
/// # Errors
/// Where there is no target directory of cargo's that it could lie in.
pub(super) fn directory(project: &Project, settings: &Settings) -> Result<Option<PathBuf>> {
    if settings.layout == Layout::Slsbuild {
        return Ok(None);
    }
    let target = match (&project.workspace, &settings.cargo.target_dir) {
        (Some(workspace), _) => workspace.target_directory.clone(),
        (None, Some(directory)) => std::path::absolute(directory)?,
        (None, None) => {
            return Err(Error::Usage {
                message: "`--layout cargo-lambda` lies in cargo's target directory, and there is no cargo workspace here".to_owned(),
                hint: Some("name the directory: --layout cargo-lambda --target-dir target".to_owned()),
            });
        }
    };
    Ok(Some(target.join("lambda")))
}

/// Refuses the layout for directories: its zip would be missing, or be that of an earlier build.
pub(super) fn refuse_unpacked(cargo_lambda: Option<&Path>) -> Result<()> {
    match cargo_lambda {
        None => Ok(()),
        Some(_) => Err(Error::Usage {
            message: "`--layout cargo-lambda` holds zips, and this makes a directory".to_owned(),
            hint: Some("slsbuild zip --layout cargo-lambda".to_owned()),
        }),
    }
}

/// Refuses two artifacts for one path.
pub(super) fn refuse_shared(steps: &[&Step]) -> Result<()> {
    let mut taken: BTreeMap<&Path, &Step> = BTreeMap::new();
    for step in steps {
        let Some(files) = &step.also else { continue };
        let Some(other) = taken.insert(&files.program, step) else {
            continue;
        };
        let (name, arch) = (&step.function.name, step.target.arch);
        return Err(if other.function.name == *name {
            Error::Usage {
                message: format!(
                    "`--layout cargo-lambda` has one place for `{name}`, and this builds it for {} and {arch}",
                    other.target.arch
                ),
                hint: Some(format!("choose one: --arch {arch}")),
            }
        } else {
            Error::Usage {
                message: format!(
                    "`--layout cargo-lambda` has one place for `{}` and `{name}`: `{}`",
                    other.function.name,
                    crate::fs::from_here(&files.program).display()
                ),
                hint: Some("build them one by one, or give their binaries other names".to_owned()),
            }
        });
    }
    Ok(())
}
