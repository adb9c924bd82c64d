//! Whether a profile was made of the source and by the toolchain that it is used for: LLVM takes what matches and is silent
//! about the rest.

use std::collections::BTreeSet;

use crate::binary;
use crate::finding::Finding;

/// Of a fitting profile some functions are always missing: those of C and assembly, and those that only a guided build has.
const USUAL_PERCENT: usize = 25;

/// Holds the functions that a profile knows against those of the unstripped binary that it guided.
pub fn profile_fit(function: &str, unstripped: &[u8], known: &BTreeSet<String>) -> Option<Finding> {
    let functions = binary::compiled_functions(unstripped);
    let missing = functions
        .iter()
        .filter(|name| !known.contains(*name))
        .count();
    let percent = (missing * 100).checked_div(functions.len())?;
    if percent <= USUAL_PERCENT {
        return None;
    }
    let finding = Finding::warning(
        "lambda/profile",
        format!(
            "the profile does not fit `{function}`: it knows nothing of {percent} % of its functions ({missing} of {})",
            functions.len()
        ),
    );
    Some(finding.with_hint(
        "it was made of another source or version, for another arch, with other settings or by another toolchain; make one: slsbuild zip --pgo EVENTS --pgo-out FILE",
    ))
}
