//! What a zip is for Lambda: a function, an external extension's layer, or another layer; and where each is unpacked.

use serde::{Deserialize, Serialize};

/// What Lambda makes of a zip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It starts its `bootstrap`.
    #[default]
    Function,
    /// A layer whose `extensions/` it starts before the function.
    Extension,
    /// Files that functions find under `/opt`.
    Layer,
}

impl Kind {
    /// Every kind of zip.
    pub const ALL: [Self; 3] = [Self::Function, Self::Extension, Self::Layer];

    /// The name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Extension => "extension",
            Self::Layer => "layer",
        }
    }

    /// Where Lambda unpacks it, and where it unpacks what is not in it.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>,
    /// <https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html> (2026-11)
    pub(super) fn roots(self) -> (&'static str, &'static str) {
        const TASK: &str = "/var/task/";
        const LAYERS: &str = "/opt/";
        match self {
            Self::Function => (TASK, LAYERS),
            Self::Extension | Self::Layer => (LAYERS, TASK),
        }
    }

    /// What alone can bring what lies under the other root.
    pub(super) fn other(self) -> &'static str {
        match self {
            Self::Function => "a layer",
            Self::Extension | Self::Layer => "a function",
        }
    }
}
