//! Bases that have a name of their own, and what is to be said of a base.

use std::str::FromStr as _;

use crate::artifact::oci::{Digest, Pin, Reference};

/// What an image is built on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing at all.
    Scratch,
    /// The small base that slsbuild makes itself, for machines without network.
    Builtin,
    /// An image in a registry.
    Reference(Reference),
}

/// Google's distroless base for static binaries, as user 65532
/// (<https://github.com/GoogleContainerTools/distroless/blob/main/static/README.md>, 2026-11).
const DISTROLESS: &str = "gcr.io/distroless/static-debian13:nonroot";
const DISTROLESS_DEBIAN12: &str = "gcr.io/distroless/static-debian12:nonroot";
/// Lambda's own base for OS-only functions (<https://gallery.ecr.aws/lambda/provided>, 2026-11).
const LAMBDA: &str = "public.ecr.aws/lambda/provided:al2023";

/// The names that stand for a base.
pub const BASE_NAMES: [&str; 5] = [
    "distroless",
    "distroless-debian12",
    "lambda",
    "scratch",
    "builtin",
];

/// <https://github.com/GoogleContainerTools/distroless/blob/main/SUPPORT_POLICY.md> (2026-11)
const DEBIAN12_ENDED: &str = "the base is distroless on Debian 12, whose support ended in September 2026: --base distroless is Debian 13's";
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html> (2026-11)
const AL2_ENDED: &str = "the base is Amazon Linux 2, which Lambda supports no longer since 2026-07-31: --base lambda is Amazon Linux 2023's";

impl Base {
    /// The base that a name stands for, if it stands for one.
    pub fn named(name: &str) -> Option<Self> {
        let reference = |text| Reference::from_str(text).ok().map(Self::Reference);
        match name {
            "scratch" => Some(Self::Scratch),
            "builtin" => Some(Self::Builtin),
            "distroless" => reference(DISTROLESS),
            "distroless-debian12" => reference(DISTROLESS_DEBIAN12),
            "lambda" => reference(LAMBDA),
            _ => None,
        }
    }
}

/// What a user of this base should know.
pub fn base_note(base: &Reference) -> Option<&'static str> {
    let is_distroless = base.host == "gcr.io" && base.repository.starts_with("distroless/");
    if is_distroless && base.repository.ends_with("-debian12") {
        return Some(DEBIAN12_ENDED);
    }
    let is_lambda = base.host == "public.ecr.aws" && base.repository.starts_with("lambda/");
    let is_al2 = |pin| match pin {
        Pin::Tag(tag) => tag == "al2" || tag.starts_with("al2."),
        Pin::Digest(Digest(_)) => false,
    };
    (is_lambda && is_al2(base.pin())).then_some(AL2_ENDED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_for_a_base() {
        for name in BASE_NAMES {
            assert!(Base::named(name).is_some(), "{name}");
        }
        assert_eq!(Base::named("gcr.io/distroless/static"), None);
    }

    #[test]
    fn a_base_whose_support_ended_is_told_of() {
        let note = |text: &str| base_note(&Reference::from_str(text).unwrap());
        for name in ["distroless", "lambda"] {
            let Some(Base::Reference(reference)) = Base::named(name) else {
                panic!("{name} is a reference");
            };
            assert_eq!(base_note(&reference), None);
        }
        assert_eq!(
            note("gcr.io/distroless/base-debian12"),
            Some(DEBIAN12_ENDED)
        );
        assert_eq!(note("public.ecr.aws/lambda/provided:al2"), Some(AL2_ENDED));
        assert_eq!(note("ghcr.io/me/static-debian12"), None);
    }
}
