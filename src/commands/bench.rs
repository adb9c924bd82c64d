//! `slsbuild bench`: what calls and starts of a function cost, measured on the very artifact under the Runtime API. Two
//! artifacts run side by side, take turns, and are compared pair by pair. stdout is a table or one JSON document.

mod contender;
mod document;
mod measure;
mod statistics;
mod table;

use std::time::Instant;

use anyhow::Context as _;

use self::contender::Contender;
use self::document::{ArtifactFigures, ArtifactRatio, Document};
use self::measure::{Rounds, Subject};
use crate::cli::{BenchArgs, Format};
use crate::error::{Error, Result};
use crate::local::{Event, event_label};
use crate::ui::Ui;

/// The event that shows what the exchange itself costs.
const EMPTY: &str = "{}";

/// Measures the function in one artifact, or compares two.
pub fn bench(arguments: &BenchArgs, format: Format, ui: Ui) -> Result<()> {
    let subjects = subjects(arguments, ui)?;
    let mut contenders = contenders(arguments, ui)?;
    advise(&contenders, ui);
    announce(&contenders, ui);
    let started = Instant::now();
    let document = measure(&mut contenders, &subjects, arguments, ui)?;
    let seconds = started.elapsed().as_secs_f64();
    ui.status("Finished", format!("in {seconds:.1} s"));
    match format {
        Format::Human => ui.result_bytes(table::render(&document).as_bytes()),
        Format::Json => {
            let json = serde_json::to_string_pretty(&document);
            ui.result(json.context("the result cannot be printed")?)
        }
    }
}

fn measure(
    contenders: &mut [Contender],
    subjects: &[Subject],
    arguments: &BenchArgs,
    ui: Ui,
) -> Result<Document> {
    let rounds = Rounds {
        calls: arguments.calls,
        warm_up: arguments.warm_up,
    };
    let starts = measure::starts(contenders, arguments.starts, ui)?;
    let mut events = Vec::new();
    for subject in subjects {
        events.extend(measure::calls(contenders, subject, rounds, ui)?);
    }
    let figures = contenders.iter().zip(&starts);
    let artifacts: Vec<ArtifactFigures> = figures
        .filter_map(|(contender, starts)| ArtifactFigures::new(contender, starts))
        .collect();
    Ok(Document {
        calls: rounds.calls,
        warm_up: rounds.warm_up,
        starts: arguments.starts,
        ratio: ArtifactRatio::new(&artifacts, &starts),
        artifacts,
        events,
    })
}

/// The events that were typed, and the empty one after them, unless it is among them: a function may not survive it.
fn subjects(arguments: &BenchArgs, ui: Ui) -> Result<Vec<Subject>> {
    if arguments
        .events
        .iter()
        .filter(|event| *event == "-")
        .count()
        > 1
    {
        return Err(Error::Usage {
            message: "`--event -` is given more than once, and stdin can be read once".to_owned(),
            hint: Some("name files: --event FILE --event FILE".to_owned()),
        });
    }
    let mut subjects = Vec::new();
    for argument in &arguments.events {
        let (label, event) = (event_label(argument), Event::read(argument)?);
        if !event.is_json {
            ui.note(format!("event `{label}` is no JSON: it is passed as it is"));
        }
        subjects.push(Subject {
            label,
            event,
            beside: false,
        });
    }
    let is_empty = |subject: &Subject| subject.event.bytes.trim_ascii() == EMPTY.as_bytes();
    if !subjects.iter().any(is_empty) {
        subjects.push(Subject {
            label: "(empty event)".to_owned(),
            event: Event::read(EMPTY)?,
            beside: true,
        });
    }
    Ok(subjects)
}

fn contenders(arguments: &BenchArgs, ui: Ui) -> Result<Vec<Contender>> {
    let artifacts = arguments.artifacts.iter();
    artifacts
        .map(|artifact| Contender::new(artifact, &arguments.function, ui))
        .collect()
}

fn announce(contenders: &[Contender], ui: Ui) {
    let paths: Vec<String> = contenders
        .iter()
        .map(|contender| contender.path.display().to_string())
        .collect();
    ui.status("Benchmarking", paths.join(" against "));
}

/// Says what the figures are not good for.
fn advise(contenders: &[Contender], ui: Ui) {
    for contender in contenders {
        let (sandbox, path) = (contender.instance.sandbox(), contender.path.display());
        if sandbox.emulator().is_some() {
            ui.note(format!(
                "`{path}` runs through qemu, whose own CPU time and memory are measured: compare only artifacts of one arch"
            ));
        } else if sandbox.arch().is_none() {
            ui.note(format!(
                "`{path}` has a script for a bootstrap: what it starts beside itself is not measured, what it becomes by `exec` is"
            ));
        }
    }
    if let [first, second] = contenders {
        let arches = [first, second].map(|contender| contender.instance.sandbox().arch());
        if let [Some(first), Some(second)] = arches
            && first != second
        {
            ui.warning(
                format!("{first} and {second} cannot be compared on one machine: one of them is emulated"),
                None,
            );
        }
    }
}
