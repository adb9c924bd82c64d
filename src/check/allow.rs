//! Rules that the user takes upon themselves: what they find is a warning and no error.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::finding::{Finding, Severity};
use crate::platform::rule;

/// The rules that are allowed to be broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<&'static str>);

impl Allowed {
    /// The rules of these ids.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] for an id that no rule has.
    pub fn parse<S: AsRef<str>>(ids: &[S]) -> Result<Self> {
        let ids = ids.iter().map(|id| Ok(rule(id.as_ref())?.id));
        ids.collect::<Result<_>>().map(Self)
    }

    /// The ids that no finding has: a flag that does nothing is told of.
    pub fn unused(&self, findings: &[&Finding]) -> Vec<&'static str> {
        let found: BTreeSet<&str> = findings
            .iter()
            .map(|finding| finding.rule.as_str())
            .collect();
        let unused = self.0.iter().filter(|id| !found.contains(**id));
        unused.copied().collect()
    }
}

/// Makes warnings of the errors of rules that are allowed to be broken.
pub fn allow(findings: &mut [Finding], allowed: &Allowed) {
    for finding in findings {
        if finding.severity == Severity::Error && allowed.0.contains(finding.rule.as_str()) {
            finding.severity = Severity::Warning;
        }
    }
}
