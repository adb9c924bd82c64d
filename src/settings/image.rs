//! What holds for a function's image: flags, environment and the table `image`, merged as everything else is. What a
//! platform makes of it where nothing is said is `platform/`'s.

use std::collections::BTreeMap;

use super::values::pairs;
use crate::artifact::oci::media_type::Compression;
use crate::cli::{self, ImageArgs};
use crate::error::{Error, Result};
use crate::project::config::Platform;

/// What is said of images by flags and environment. What is not said is empty; variables, labels, annotations and rules go over
/// and beside those of files.
#[derive(Clone, Debug, Default)]
pub struct ImageOverrides {
    /// Who runs it.
    pub platform: Option<Platform>,
    /// What it is made of.
    pub image: ImageSettings,
}

/// What holds for a function's image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSettings {
    /// What it stands on, where that is said.
    pub base: Option<String>,
    /// How layers are compressed, where that is said.
    pub compression: Option<Compression>,
    /// Whom it runs as, where that is said.
    pub user: Option<String>,
    /// Its working directory, where that is said.
    pub workdir: Option<String>,
    /// The ports that it listens on, where that is said.
    pub ports: Vec<u16>,
    /// What is started, where that is said.
    pub entrypoint: Vec<String>,
    /// The arguments of what is started, where that is said.
    pub cmd: Vec<String>,
    /// The tags that it is pushed under.
    pub tags: Vec<String>,
    /// Variables of its environment.
    pub env: BTreeMap<String, String>,
    /// Labels of its config.
    pub labels: BTreeMap<String, String>,
    /// Annotations of its manifest.
    pub annotations: BTreeMap<String, String>,
    /// Rules whose errors are to be warnings.
    pub allow: Vec<String>,
}

impl ImageOverrides {
    /// Decides what the flags of `image` mean.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value that cannot be meant.
    pub(super) fn resolve(arguments: &ImageArgs) -> Result<Self> {
        let given = |text: &Option<String>| super::given(text.as_ref());
        let image = ImageSettings {
            base: given(&arguments.base),
            compression: arguments.compression.map(|compression| match compression {
                cli::Compression::Gzip => Compression::Gzip,
                cli::Compression::Zstd => Compression::Zstd,
            }),
            user: given(&arguments.user),
            workdir: given(&arguments.workdir),
            ports: arguments.port.clone(),
            entrypoint: words("--entrypoint", &arguments.entrypoint)?,
            cmd: words("--cmd", &arguments.cmd)?,
            tags: arguments.tag.clone(),
            env: pairs("--env", &arguments.env)?,
            labels: pairs("--label", &arguments.label)?,
            annotations: pairs("--annotation", &arguments.annotation)?,
            allow: arguments.allow.clone(),
        };
        Ok(Self {
            platform: arguments.platform.map(platform),
            image,
        })
    }
}

/// The platform that a flag names.
fn platform(platform: cli::ImagePlatform) -> Platform {
    match platform {
        cli::ImagePlatform::Lambda => Platform::Lambda,
        cli::ImagePlatform::CloudRun => Platform::CloudRun,
        cli::ImagePlatform::Fargate => Platform::Fargate,
        cli::ImagePlatform::Container => Platform::Container,
        cli::ImagePlatform::AppRunner => Platform::AppRunner,
    }
}

/// The words of a flag that is given once for each, or once with a JSON list as a Dockerfile has it.
fn words(flag: &str, given: &[String]) -> Result<Vec<String>> {
    match given {
        [list] if list.starts_with('[') => serde_json::from_str(list).map_err(|_| Error::Usage {
            message: format!("`{flag} {list}` is no JSON list of strings"),
            hint: Some(format!("{flag} '[\"serve\", \"--verbose\"]', or once for each word: {flag} serve {flag}=--verbose")),
        }),
        words => Ok(words.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::values;

    #[test]
    fn words_are_given_one_by_one_or_as_a_list() {
        let owned = |list: &[&str]| {
            list.iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(words("--cmd", &owned(&["a", "b c"])).unwrap(), ["a", "b c"]);
        assert_eq!(
            words("--cmd", &owned(&[r#"["a", "b c"]"#])).unwrap(),
            ["a", "b c"]
        );
        assert_eq!(words("--cmd", &owned(&["[a"])).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_pair_has_a_name() {
        let given = ["A=1".to_owned(), "B=x=y".to_owned(), "C=".to_owned()];
        let read = values::pairs("--env", &given).unwrap();
        assert_eq!(
            read.into_iter().collect::<Vec<_>>(),
            [("A", "1"), ("B", "x=y"), ("C", "")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        for wrong in ["A", "=1", ""] {
            assert_eq!(
                values::pairs("--env", &[wrong.to_owned()])
                    .unwrap_err()
                    .exit_code(),
                2
            );
        }
    }
}
