//! A rule's verdict over an artifact. Rules live with their platform; this is only the shape of what they say.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The platform rejects the artifact or cannot run it: exit code 5.
    Error,
    /// It runs, but probably not as meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// What one rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id, `platform/kebab-name`: stable, for filters and documentation.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// One line that names the object in backticks and gives the cause.
    pub message: String,
    /// What to do about it, with a command where one exists.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding that makes the artifact unusable on its platform.
    pub fn error(rule: &str, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Error, message)
    }

    /// A finding that the user should look at.
    pub fn warning(rule: &str, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Warning, message)
    }

    /// A finding that is only worth knowing.
    pub fn note(rule: &str, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Note, message)
    }

    /// The same finding with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn new(rule: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            severity,
            message: message.into(),
            hint: None,
        }
    }
}
