//! Where Lambda unpacks each kind of zip.

use crate::project::config::Kind;

/// Where Lambda unpacks it, and where it unpacks what is not in it.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>,
/// <https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html> (2026-11)
pub(super) fn roots(kind: Kind) -> (&'static str, &'static str) {
    const TASK: &str = "/var/task/";
    const LAYERS: &str = "/opt/";
    match kind {
        Kind::Function => (TASK, LAYERS),
        Kind::Extension | Kind::Layer => (LAYERS, TASK),
    }
}

/// What alone can bring what lies under the other root.
pub(super) fn other(kind: Kind) -> &'static str {
    match kind {
        Kind::Function => "a layer",
        Kind::Extension | Kind::Layer => "a function",
    }
}
