//! What the platforms that run container images demand of one: [`ImagePlatform`] names them, [`Facts`] is what each says of itself
//! in `lambda/image.rs` and `container/`. `base.rs` knows the bases by name, `refuse.rs` what cannot be asked for, `layout.rs`
//! where things lie in an image; `facts.rs` reads an image that is there, and `lint/` holds it against the rules.

mod base;
mod facts;
mod layout;
mod lint;
mod refuse;

pub use crate::project::config::Platform as ImagePlatform;
pub use base::{BASE_NAMES, Base, base_note};
pub use facts::{Content, Found, ImageFacts, KnownLayers, Layer, Program};
pub use layout::{ImageLayout, Wishes};
pub use lint::{Subject, image_limits, lint};
pub use refuse::Asked;

use crate::artifact::oci::media_type::Compression;
use crate::error::{Error, Result, did_you_mean};
use crate::platform::{container, lambda};
use crate::target::Arch;

/// What a platform demands of an image, and what an image for it gets where nothing is said.
#[derive(Debug)]
pub struct Facts {
    /// What users type.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// The base that an image gets.
    pub base: &'static str,
    /// The architectures that are built.
    pub default_arches: &'static [Arch],
    /// The architectures that an image may be for.
    pub arches: &'static [Arch],
    /// The architecture that must be among those of an image.
    pub required_arch: Option<Arch>,
    /// Whether it takes an index, which holds an image for each of several architectures. Where it does not, each architecture
    /// gets a name of its own.
    pub index: bool,
    /// How layers may be compressed, the default first.
    pub compressions: &'static [Compression],
    /// The port that a server is reached at.
    pub port: Option<u16>,
    /// The working directory, which relative targets of includes lie under.
    pub workdir: &'static str,
    /// What a user of the platform should know, once a run.
    pub notes: &'static [&'static str],
}

impl ImagePlatform {
    /// The platform of a name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.name() == name)
    }

    /// The platform that a flag names.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name when there is none of that name.
    pub fn parse(name: &str) -> Result<Self> {
        let known = Self::ALL.map(Self::name);
        Self::from_name(name).ok_or_else(|| Error::Usage {
            message: format!("unknown platform `{name}`"),
            hint: Some(
                did_you_mean(name, &known)
                    .unwrap_or_else(|| format!("images are for {}", known.join(", "))),
            ),
        })
    }

    /// What it demands.
    pub fn facts(self) -> &'static Facts {
        match self {
            Self::Lambda => &lambda::image::FACTS,
            Self::CloudRun => &container::cloud_run::FACTS,
            Self::Fargate => &container::fargate::FACTS,
            Self::Container => &container::FACTS,
            Self::AppRunner => &container::app_runner::FACTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_known_by_its_name_and_others_by_the_nearest() {
        for platform in ImagePlatform::ALL {
            assert_eq!(ImagePlatform::parse(platform.name()).unwrap(), platform);
        }
        let refusal = |name| {
            let error = ImagePlatform::parse(name).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            format!("{error}; {}", error.hint().unwrap())
        };
        insta::assert_snapshot!(["cloudrun", "lamda", "vercel"].map(refusal).join("\n"), @r"
        unknown platform `cloudrun`; did you mean `cloud-run`?
        unknown platform `lamda`; did you mean `lambda`?
        unknown platform `vercel`; images are for lambda, cloud-run, fargate, container, app-runner
        ");
    }

    #[test]
    fn every_platform_runs_what_it_is_built_for_by_default() {
        for platform in ImagePlatform::ALL {
            let facts = platform.facts();
            assert!(Base::named(facts.base).is_some());
            assert_eq!(facts.compressions.first(), Some(&Compression::Gzip));
            let asked = Asked {
                arches: facts.default_arches,
                compression: Compression::Gzip,
                index: facts.default_arches.len() > 1,
                port: facts.port,
                workdir: Some(facts.workdir),
                user: None,
                entrypoint: None,
            };
            platform.refuse(&asked).unwrap();
        }
    }
}
