//! The measurement: starts and calls of all contenders in turn.

use super::contender::{Call, Contender};
use super::document::EventFigures;
use super::statistics::interleave;
use crate::error::Result;
use crate::local::Event;
use crate::ui::Ui;

/// How many times a line of progress changes while one event is measured.
const PROGRESS_STEPS: u32 = 20;

/// An event, and how it is named.
#[derive(Debug)]
pub(super) struct Subject {
    /// Its name in messages and tables.
    pub(super) label: String,
    /// The event.
    pub(super) event: Event,
    /// Nobody asked for it: the empty event, which functions need not understand.
    pub(super) beside: bool,
}

/// How often an event is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    /// Measured.
    pub(super) calls: u32,
    /// Before that.
    pub(super) warm_up: u32,
}

/// Starts each contender anew, `count` times and once before, and leaves the last process of each running.
/// Returns the microseconds to the first `/next`.
pub(super) fn starts(contenders: &mut [Contender], count: u32, ui: Ui) -> Result<Vec<Vec<f64>>> {
    let total = count.saturating_add(1);
    let started = interleave(contenders, total, |round, contender| {
        step(ui, "start", round, total);
        contender.start()
    });
    // The first start of each reads its files from the disk.
    started
        .map(|series| skip(series, 1))
        .map_err(|(_, error)| error)
}

/// Calls each contender with an event. `None` when a process did not survive the empty event, which is said.
pub(super) fn calls(
    contenders: &mut [Contender],
    subject: &Subject,
    rounds: Rounds,
    ui: Ui,
) -> Result<Option<EventFigures>> {
    let total = rounds.warm_up.saturating_add(rounds.calls);
    let called = interleave(contenders, total, |round, contender| {
        step(ui, &subject.label, round, total);
        let call = contender.call(&subject.event)?;
        match call.failure {
            Some(failure) if !subject.beside => Err(failure),
            Some(_) | None => Ok(call),
        }
    });
    let series = match called {
        Ok(series) => skip(series, rounds.warm_up),
        Err((index, failure)) if subject.beside => {
            ui.note(format!(
                "`{}` does not survive an empty event ({}): there is no such row",
                contenders[index].path.display(),
                failure.kind()
            ));
            return Ok(None);
        }
        Err((index, failure)) => {
            return Err(contenders[index].failed(&failure, Some(&subject.label)));
        }
    };
    say_errors(contenders, &series, ui);
    let (label, size) = (subject.label.clone(), subject.event.bytes.len());
    Ok(Some(EventFigures::new(
        label,
        subject.beside,
        size,
        &series,
    )))
}

/// An error is an answer too, and its path may cost another time than that of a response.
fn say_errors(contenders: &[Contender], series: &[Vec<Call>], ui: Ui) {
    for (contender, calls) in contenders.iter().zip(series) {
        if let Some(failure) = calls.iter().find_map(|call| call.failure.as_ref()) {
            ui.note(format!(
                "`{}` answers the empty event with an error ({}), which is part of that row",
                contender.path.display(),
                failure.kind()
            ));
        }
    }
}

fn skip<T>(series: Vec<Vec<T>>, before: u32) -> Vec<Vec<T>> {
    let before = usize::try_from(before).unwrap_or(usize::MAX);
    series
        .into_iter()
        .map(|series| series.into_iter().skip(before).collect())
        .collect()
}

fn step(ui: Ui, what: &str, round: u32, total: u32) {
    if round.is_multiple_of((total / PROGRESS_STEPS).max(1)) {
        ui.progress("Measuring", format!("{round} of {total}: {what}"));
    }
}
