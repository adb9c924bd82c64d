//! What must never be printed: passwords and tokens, and the list of those that are in use, by which a registry's own words are
//! cleaned before anyone sees them.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A password or a token. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret over.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one header or form that it belongs in.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The secrets that were sent somewhere.
#[derive(Debug, Default)]
pub(super) struct Secrets(Mutex<Vec<Secret>>);

impl Secrets {
    /// Remembers one.
    pub(super) fn add(&self, secret: &Secret) {
        // Shorter ones would be found in every other word.
        const SHORTEST: usize = 4;
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.0.len() >= SHORTEST && !secrets.contains(secret) {
            secrets.push(secret.clone());
        }
    }

    /// `text` without any of them.
    pub(super) fn redact(&self, text: &str) -> String {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(&secret.0, "[secret]")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_and_is_cut_out_of_what_others_say() {
        let secret = Secret::new("hunter22");
        assert_eq!(format!("{secret:?}"), "[secret]");
        let secrets = Secrets::default();
        secrets.add(&secret);
        assert_eq!(secrets.redact("bad token hunter22!"), "bad token [secret]!");
    }
}
