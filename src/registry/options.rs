//! How a client goes about its work: what it may do, and how patient it is.

use std::time::Duration;

use super::credentials::Places;
use crate::ui::Ui;

/// How a client goes about its work.
#[derive(Clone, Debug)]
pub struct Options {
    /// Also talks to registries without TLS, or with a certificate that nobody vouches for.
    pub insecure: bool,
    /// The flag that forbids the network, if one does: any request is an error that names it.
    pub offline: Option<&'static str>,
    /// The host that is pushed to, which `SLSBUILD_REGISTRY_USERNAME` and `SLSBUILD_REGISTRY_PASSWORD` are meant for.
    pub push_host: Option<String>,
    /// Where credentials are.
    pub places: Places,
    /// How long is waited, and how often tried.
    pub patience: Patience,
    /// Who is told, with `-v`, what goes on.
    pub ui: Ui,
}

impl Options {
    /// What users get: TLS everywhere but on this machine, and the credentials that the environment names.
    pub fn new(ui: Ui) -> Self {
        Self {
            insecure: false,
            offline: None,
            push_host: None,
            places: Places::from_environment(),
            patience: Patience::default(),
            ui,
        }
    }
}

/// How long is waited, and how often tried. Only tests are in a hurry.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a connection may be silent.
    pub silence: Duration,
    /// How long a manifest, a config or a token may take, over all attempts' one.
    pub document: Duration,
    /// How long a credential helper may take.
    pub helper: Duration,
    /// How often something is tried at most.
    pub attempts: u32,
    /// How long is waited before the second attempt; before each further one three times as long.
    pub first_pause: Duration,
    /// How long is waited at most: a registry that asks for more is given up.
    pub longest_pause: Duration,
    /// For how long a registry may stay bad until no new attempt is begun. One that is silent takes [`Self::silence`] more.
    pub give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            document: Duration::from_secs(60),
            helper: Duration::from_secs(30),
            attempts: 4,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            // With the silence of a last attempt: within two minutes.
            give_up: Duration::from_secs(85),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_stays_bad_is_given_up_within_two_minutes() {
        let patience = Patience::default();
        // The last attempt begins at the latest possible moment, and is silent to its end.
        assert!(patience.give_up + patience.silence <= Duration::from_secs(120));
        assert!(patience.document <= Duration::from_secs(60));
        assert!(patience.longest_pause <= patience.give_up);
    }
}
