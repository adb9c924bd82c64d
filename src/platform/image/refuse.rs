//! What cannot be asked of an image for a platform: found before anything is built.

use std::fmt;

use super::ImagePlatform;
use crate::artifact::oci::media_type::Compression;
use crate::error::{Error, Result};
use crate::target::Arch;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The architectures of all images.
    pub arches: &'a [Arch],
    /// How layers are compressed.
    pub compression: Compression,
    /// Whether one index over all architectures is asked for by name.
    pub index: bool,
    /// The port of the server.
    pub port: Option<u16>,
    /// The working directory.
    pub workdir: Option<&'a str>,
    /// The user that the program runs as.
    pub user: Option<&'a str>,
    /// What is started.
    pub entrypoint: Option<&'a [String]>,
}

impl ImagePlatform {
    /// Refuses what the platform cannot run: an architecture (exit 5), a compression (5), an index (5); and flags that mean
    /// nothing to it (2).
    ///
    /// # Errors
    /// [`Error::Usage`] or [`Error::Rejected`], with the rule's name and what works.
    pub fn refuse(self, asked: &Asked<'_>) -> Result<()> {
        self.refuse_arches(asked.arches)?;
        self.refuse_compression(asked.compression)?;
        self.refuse_index(asked)?;
        self.refuse_flags(asked)
    }

    fn refuse_arches(self, arches: &[Arch]) -> Result<()> {
        let facts = self.facts();
        let title = facts.title;
        if let Some(arch) = arches.iter().find(|arch| !facts.arches.contains(arch)) {
            let runs = facts.arches.iter().map(|arch| arch.name());
            let runs = runs.collect::<Vec<_>>().join(", ");
            return Err(self.rejected(
                facts.required_arch.map_or("arch", Arch::name),
                format!("{title} does not run {arch}: it runs {runs}"),
                &format!("--arch {}", runs.replace(", ", ",")),
            ));
        }
        match facts.required_arch {
            Some(required) if !arches.contains(&required) => Err(self.rejected(
                required.name(),
                format!("{title} runs only images that hold linux/{required}"),
                &format!("--arch {required}"),
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn refuse_compression(self, compression: Compression) -> Result<()> {
        let facts = self.facts();
        if facts.compressions.contains(&compression) {
            return Ok(());
        }
        let takes = facts.compressions.iter().map(|one| one.name());
        let takes = takes.collect::<Vec<_>>().join(" or ");
        Err(self.rejected(
            compression.name(),
            format!(
                "{} is not known to take layers in {}, but in {takes}",
                facts.title,
                compression.name()
            ),
            "--compression gzip",
        ))
    }

    fn refuse_index(self, asked: &Asked<'_>) -> Result<()> {
        let facts = self.facts();
        if !asked.index || facts.index {
            return Ok(());
        }
        Err(self.rejected(
            "index",
            format!(
                "{} takes an image for one architecture, and no index over several",
                facts.title
            ),
            "each architecture gets a tag of its own, with `-arm64` or `-amd64` behind it: leave the index out",
        ))
    }

    /// Flags that the platform would ignore are lost, and that is said.
    fn refuse_flags(self, asked: &Asked<'_>) -> Result<()> {
        let usage = |message: String, hint: &str| Error::Usage {
            message,
            hint: Some(hint.to_owned()),
        };
        if let Some(workdir) = asked.workdir.filter(|path| !path.starts_with('/')) {
            return Err(usage(
                format!(
                    "working directory `{}` is not absolute",
                    workdir.escape_debug()
                ),
                &format!("--workdir {}", self.facts().workdir),
            ));
        }
        if self != Self::Lambda {
            return Ok(());
        }
        // <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#images-parms> (2026-11)
        if asked.port.is_some() {
            return Err(usage(
                "`--port` is for a server, and Lambda calls a function through its Runtime API"
                    .to_owned(),
                "for an HTTP server: --for cloud-run, or the Lambda Web Adapter in the image",
            ));
        }
        if asked.user.is_some() {
            return Err(usage(
                "`--user` has no meaning on Lambda, which runs every image as a user of its own"
                    .to_owned(),
                "leave `--user` out: all files are readable for everyone",
            ));
        }
        let relative = asked.entrypoint.and_then(<[String]>::first);
        if let Some(program) = relative.filter(|program| !program.starts_with('/')) {
            return Err(self.rejected(
                "entrypoint",
                format!(
                    "Lambda starts no entrypoint that is not absolute: `{}`",
                    program.escape_debug()
                ),
                "--entrypoint /var/task/bootstrap",
            ));
        }
        Ok(())
    }

    fn rejected(self, rule: &str, message: impl fmt::Display, hint: &str) -> Error {
        Error::Rejected {
            message: format!("{message} [{self}/{rule}]"),
            hint: Some(hint.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Asked<'static> = Asked {
        arches: &[Arch::Amd64],
        compression: Compression::Gzip,
        index: false,
        port: None,
        workdir: None,
        user: None,
        entrypoint: None,
    };

    fn arches(arches: &[Arch]) -> Asked<'_> {
        Asked { arches, ..PLAIN }
    }

    fn compression(compression: Compression) -> Asked<'static> {
        Asked {
            compression,
            ..PLAIN
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_rule_and_a_way_out() {
        let relative = ["orders".to_owned()];
        let (mut index, mut port, mut user) = (arches(&Arch::ALL), PLAIN, PLAIN);
        let (mut entrypoint, mut workdir) = (PLAIN, PLAIN);
        index.index = true;
        port.port = Some(8080);
        user.user = Some("1000");
        entrypoint.entrypoint = Some(&relative);
        workdir.workdir = Some("app");
        let cases = [
            (ImagePlatform::AppRunner, arches(&[Arch::Arm64])),
            (ImagePlatform::CloudRun, arches(&[Arch::Arm64])),
            (ImagePlatform::Lambda, compression(Compression::Zstd)),
            (ImagePlatform::AppRunner, compression(Compression::Zstd)),
            (ImagePlatform::Lambda, index),
            (ImagePlatform::Lambda, port),
            (ImagePlatform::Lambda, user),
            (ImagePlatform::Lambda, entrypoint),
            (ImagePlatform::Container, workdir),
        ];
        let refusal = |(platform, asked): (ImagePlatform, Asked<'_>)| {
            let error = platform.refuse(&asked).unwrap_err();
            format!("{}: {error}; {}", error.exit_code(), error.hint().unwrap())
        };
        insta::assert_snapshot!(cases.map(refusal).join("\n"), @r"
        5: App Runner does not run arm64: it runs amd64 [app-runner/amd64]; --arch amd64
        5: Cloud Run runs only images that hold linux/amd64 [cloud-run/amd64]; --arch amd64
        5: Lambda is not known to take layers in zstd, but in gzip [lambda/zstd]; --compression gzip
        5: App Runner is not known to take layers in zstd, but in gzip [app-runner/zstd]; --compression gzip
        5: Lambda takes an image for one architecture, and no index over several [lambda/index]; each architecture gets a tag of its own, with `-arm64` or `-amd64` behind it: leave the index out
        2: `--port` is for a server, and Lambda calls a function through its Runtime API; for an HTTP server: --for cloud-run, or the Lambda Web Adapter in the image
        2: `--user` has no meaning on Lambda, which runs every image as a user of its own; leave `--user` out: all files are readable for everyone
        5: Lambda starts no entrypoint that is not absolute: `orders` [lambda/entrypoint]; --entrypoint /var/task/bootstrap
        2: working directory `app` is not absolute; --workdir /app
        ");
    }

    #[test]
    fn what_can_be_is_taken() {
        use ImagePlatform::{CloudRun, Container, Fargate, Lambda};
        for platform in [Lambda, CloudRun, Fargate] {
            platform.refuse(&arches(&Arch::ALL)).unwrap();
        }
        for platform in [CloudRun, Fargate, Container] {
            platform.refuse(&compression(Compression::Zstd)).unwrap();
        }
    }
}
