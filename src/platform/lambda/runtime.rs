//! Lambda's OS-only runtimes, and the glibc that each brings.

use crate::binary::GlibcVersion;
use crate::error::{Error, Result, did_you_mean};
use crate::finding::Finding;

/// A runtime of Lambda that starts a `bootstrap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Runtime {
    /// Amazon Linux 2023.
    #[default]
    ProvidedAl2023,
    /// Amazon Linux 2, which has ended.
    ProvidedAl2,
}

/// When Lambda's support of `provided.al2` ended.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html> (2026-11)
const AL2_ENDED: &str = "2026-07-31";

/// Runtimes that Lambda no longer lets anyone create.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html> (2026-11)
const DEPRECATED: [&str; 2] = ["provided", "go1.x"];

impl Runtime {
    /// Every runtime that slsbuild knows.
    pub const ALL: [Self; 2] = [Self::ProvidedAl2023, Self::ProvidedAl2];

    /// The runtime of an identifier, if slsbuild knows it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|runtime| runtime.name() == name)
    }

    /// The runtime that a flag names.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name when there is none of that name.
    pub fn parse(name: &str) -> Result<Self> {
        let known = Self::ALL.map(Self::name);
        Self::from_name(name).ok_or_else(|| Error::Usage {
            message: if DEPRECATED.contains(&name) {
                format!("runtime `{name}` was deprecated by Lambda")
            } else {
                format!("unknown runtime `{name}`")
            },
            hint: Some(
                did_you_mean(name, &known)
                    .unwrap_or_else(|| format!("--runtime {}", Self::default().name())),
            ),
        })
    }

    /// Lambda's identifier.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProvidedAl2023 => "provided.al2023",
            Self::ProvidedAl2 => "provided.al2",
        }
    }

    /// The glibc of its base.
    /// <https://github.com/aws/aws-lambda-go#readme> (2026-11)
    pub fn glibc(self) -> GlibcVersion {
        let minor = match self {
            Self::ProvidedAl2023 => 34,
            Self::ProvidedAl2 => 26,
        };
        GlibcVersion { major: 2, minor }
    }

    /// Whether the runtime itself is fit to be used.
    pub(super) fn lint(self) -> Option<Finding> {
        match self {
            Self::ProvidedAl2023 => None,
            Self::ProvidedAl2 => Some(
                Finding::warning(
                    "lambda/runtime-ended",
                    format!(
                        "runtime `{}` is without support since {AL2_ENDED}: functions can soon not be created or updated",
                        self.name()
                    ),
                )
                .with_hint(format!("--runtime {}", Self::default().name())),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> String {
        let error = Runtime::parse(name).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        format!("{error}; {}", error.hint().unwrap_or_default())
    }

    #[test]
    fn identifiers_are_lambdas_own() {
        for runtime in Runtime::ALL {
            assert_eq!(Runtime::parse(runtime.name()).unwrap(), runtime);
        }
        assert!(Runtime::ProvidedAl2.glibc() < Runtime::ProvidedAl2023.glibc());
    }

    #[test]
    fn unknown_runtimes_are_answered_with_the_nearest() {
        insta::assert_snapshot!(
            ["provided.al2032", "provided", "go1.x", "nodejs24.x"].map(refusal).join("\n"),
            @r"
        unknown runtime `provided.al2032`; did you mean `provided.al2023`?
        runtime `provided` was deprecated by Lambda; --runtime provided.al2023
        runtime `go1.x` was deprecated by Lambda; --runtime provided.al2023
        unknown runtime `nodejs24.x`; --runtime provided.al2023
        "
        );
    }
}
