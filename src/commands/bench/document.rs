//! What was measured, as `--format json` prints it and as the table is made from. Fields are only ever added.

use serde::Serialize;

use super::contender::{Call, Contender};
use super::statistics::Spread;
use crate::target::Arch;

/// All that one run measured. Two artifacts were measured in turn, and are compared pair by pair.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    /// How many calls of each event were measured.
    pub(super) calls: u32,
    /// How many calls of each event went before.
    pub(super) warm_up: u32,
    /// How many starts were measured; one went before.
    pub(super) starts: u32,
    /// One or two artifacts, as they were typed.
    pub(super) artifacts: Vec<ArtifactFigures>,
    /// The events, as they were typed, and the empty one.
    pub(super) events: Vec<EventFigures>,
    /// The first artifact's figures divided by the second's; null without a second.
    pub(super) ratio: Option<ArtifactRatio>,
}

/// The figures of an artifact that belong to no event.
#[derive(Debug, Serialize)]
pub(super) struct ArtifactFigures {
    /// The artifact, as it was typed.
    pub(super) path: String,
    /// The function's name.
    pub(super) function: String,
    /// The bootstrap's arch; null for a script.
    pub(super) arch: Option<Arch>,
    /// The emulator whose CPU time and memory are in all figures; null where the machine runs the arch itself.
    pub(super) emulator: Option<String>,
    /// From right before the exec to the first `GET /next`, in microseconds.
    pub(super) first_next_us: Spread,
    /// The most resident memory of the process that took all events, in KiB.
    pub(super) peak_memory_kib: u64,
}

/// The first artifact's figures divided by the second's.
#[derive(Debug, Serialize)]
pub(super) struct ArtifactRatio {
    /// The ratios of the starts, each of two neighbouring pairs.
    pub(super) first_next: Option<Spread>,
    /// The ratio of the peaks.
    pub(super) peak_memory: Option<f64>,
}

/// The figures of an event.
#[derive(Debug, Serialize)]
pub(super) struct EventFigures {
    /// The event as it was typed, shortened.
    pub(super) event: String,
    /// It was not asked for: an empty event, which shows what the exchange itself costs.
    pub(super) beside: bool,
    /// The event's size in bytes.
    pub(super) size: usize,
    /// One for each artifact, in their order.
    pub(super) artifacts: Vec<CallFigures>,
    /// The first artifact's calls divided by the second's, pair by pair; null without a second.
    pub(super) ratio: Option<CallRatio>,
}

/// What calls of one event took.
#[derive(Debug, Serialize)]
pub(super) struct CallFigures {
    /// CPU time of the process, user and system, in microseconds.
    pub(super) cpu_us: Option<Spread>,
    /// From the event to the next `GET /next`, in microseconds.
    pub(super) wall_us: Option<Spread>,
    /// How many calls were answered with an error, which only the empty event may be.
    pub(super) errors: usize,
}

/// Ratios of calls: each of two neighbouring pairs, one in either order, so there are half as many as calls.
#[derive(Debug, Serialize)]
pub(super) struct CallRatio {
    /// Of their CPU time.
    pub(super) cpu: Option<Spread>,
    /// Of their time.
    pub(super) wall: Option<Spread>,
}

impl EventFigures {
    /// The figures of each artifact's calls.
    pub(super) fn new(event: String, beside: bool, size: usize, calls: &[Vec<Call>]) -> Self {
        let cpu = |calls: &Vec<Call>| calls.iter().map(|call| call.cpu_us).collect::<Vec<_>>();
        let wall = |calls: &Vec<Call>| calls.iter().map(|call| call.wall_us).collect::<Vec<_>>();
        let figures = |calls: &Vec<Call>| CallFigures {
            cpu_us: Spread::of(&cpu(calls)),
            wall_us: Spread::of(&wall(calls)),
            errors: calls.iter().filter(|call| call.failure.is_some()).count(),
        };
        let ratio = match calls {
            [first, second] => Some(CallRatio {
                cpu: Spread::of_ratios(&cpu(first), &cpu(second)),
                wall: Spread::of_ratios(&wall(first), &wall(second)),
            }),
            _ => None,
        };
        Self {
            event,
            beside,
            size,
            artifacts: calls.iter().map(figures).collect(),
            ratio,
        }
    }
}

impl ArtifactFigures {
    /// The figures of an artifact after all events; `None` when it was never started.
    pub(super) fn new(contender: &Contender, starts: &[f64]) -> Option<Self> {
        let sandbox = contender.instance.sandbox();
        let emulator = sandbox.emulator().and_then(std::path::Path::file_name);
        Some(Self {
            path: contender.path.display().to_string(),
            function: contender.name.clone(),
            arch: sandbox.arch(),
            emulator: emulator.map(|name| name.to_string_lossy().into_owned()),
            first_next_us: Spread::of(starts)?,
            peak_memory_kib: contender.instance.peak_kib(),
        })
    }
}

impl ArtifactRatio {
    /// The ratios of two artifacts; `None` without a second.
    pub(super) fn new(artifacts: &[ArtifactFigures], starts: &[Vec<f64>]) -> Option<Self> {
        let ([first, second], [first_starts, second_starts]) = (artifacts, starts) else {
            return None;
        };
        let peak = |artifact: &ArtifactFigures| {
            u32::try_from(artifact.peak_memory_kib).map_or(f64::MAX, f64::from)
        };
        Some(Self {
            first_next: Spread::of_ratios(first_starts, second_starts),
            peak_memory: Spread::of_ratios(&[peak(first)], &[peak(second)])
                .map(|spread| spread.median),
        })
    }
}
