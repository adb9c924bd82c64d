//! The name of an image in a registry: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`, with Docker Hub's short forms.

use std::fmt;
use std::str::FromStr;

use super::Digest;

/// Docker Hub's host, where a name has none.
const HUB: &str = "docker.io";
/// The tag, where a name has none.
const LATEST: &str = "latest";
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests>
const MOST_TAG: usize = 128;
const MOST_NAME: usize = 255;

/// Which image of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pin {
    /// What a tag stands for at the moment.
    Tag(String),
    /// Exactly this one.
    Digest(Digest),
}

/// A repository of a registry, and an image in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The registry's host, with its port if one is given.
    pub host: String,
    /// The repository.
    pub repository: String,
    /// The tag, if one is given or nothing is.
    pub tag: Option<String>,
    /// The digest, if one is given.
    pub digest: Option<Digest>,
}

impl Reference {
    /// The image that is meant: a digest beats a tag.
    pub fn pin(&self) -> Pin {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Pin::Digest(*digest),
            (None, Some(tag)) => Pin::Tag(tag.clone()),
            (None, None) => Pin::Tag(LATEST.to_owned()),
        }
    }

    /// Exactly this image of the repository.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// This tag of the repository.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        Self {
            tag: Some(tag.to_owned()),
            digest: None,
            ..self.clone()
        }
    }

    /// The host and the repository, without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// Whether the registry runs on this machine: only there is http taken without being asked for.
    pub fn is_loopback(&self) -> bool {
        let host = match self.host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self
                .host
                .rsplit_once(':')
                .map_or(self.host.as_str(), |(host, _)| host),
        };
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost"
            || host.ends_with(".localhost")
            || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl FromStr for Reference {
    /// Why it cannot be a name, in a few words.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("it is a URL: leave the scheme out".to_owned());
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        let (host, path) = match rest.split_once('/') {
            Some((first, path)) if is_host(first) => (first.to_owned(), path),
            _ => (HUB.to_owned(), rest),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        if let Some(tag) = &tag {
            check_tag(tag)?;
        }
        check_host(&host)?;
        let repository = if host == HUB && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository.to_owned()
        };
        check_repository(&repository)?;
        let implied = || digest.is_none().then(|| LATEST.to_owned());
        Ok(Self {
            host,
            repository,
            tag: tag.or_else(implied),
            digest,
        })
    }
}

/// Whether the first part of a name is a host: Docker's own rule, which every tool follows
/// (<https://pkg.go.dev/github.com/distribution/reference>, 2026-11).
fn is_host(first: &str) -> bool {
    first == "localhost"
        || first.contains(['.', ':'])
        || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn check_host(host: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    let first = host.bytes().next();
    let opens = first.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[');
    if !opens || !host.bytes().all(allowed) {
        return Err(format!("`{}` is no host", host.escape_debug()));
    }
    let port = match host.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port,
        _ => return Ok(()),
    };
    match port.parse::<u16>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("`{}` is no port", port.escape_debug())),
    }
}

/// Refuses what is no tag.
///
/// # Errors
/// With the cause, in a few words.
pub fn check_tag(tag: &str) -> Result<(), String> {
    let first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let other = |byte: u8| first(byte) || byte == b'.' || byte == b'-';
    let is_tag =
        tag.len() <= MOST_TAG && tag.bytes().next().is_some_and(first) && tag.bytes().all(other);
    if is_tag {
        return Ok(());
    }
    Err(format!(
        "`{}` is no tag: at most 128 letters, digits, `_`, `.` and `-`, the first no `.` or `-`",
        tag.escape_debug()
    ))
}

fn check_repository(repository: &str) -> Result<(), String> {
    let is_part = |part: &str| {
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let inner = |byte: u8| alphanumeric(byte) || b"._-".contains(&byte);
        let ends = [part.bytes().next(), part.bytes().last()];
        ends.into_iter().all(|byte| byte.is_some_and(alphanumeric)) && part.bytes().all(inner)
    };
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(format!(
            "`{}` has capital letters, which repositories cannot have",
            repository.escape_debug()
        ));
    }
    if repository.len() > MOST_NAME || !repository.split('/').all(is_part) {
        return Err(format!("`{}` is no repository", repository.escape_debug()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match text.parse::<Reference>() {
            Ok(reference) => reference.to_string(),
            Err(cause) => format!("! {cause}"),
        }
    }

    #[test]
    fn names_are_read_as_docker_reads_them() {
        let digest = Digest::of(b"abc");
        for (text, whole) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("user/app:1", "docker.io/user/app:1"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("127.0.0.1:5000/a/b-c_d.e:v1", "127.0.0.1:5000/a/b-c_d.e:v1"),
            ("[::1]:5000/app", "[::1]:5000/app:latest"),
            (
                "gcr.io/distroless/static-debian13:nonroot",
                "gcr.io/distroless/static-debian13:nonroot",
            ),
        ] {
            assert_eq!(read(text), whole);
        }
        let pinned = format!("gcr.io/x/y@{digest}");
        assert_eq!(read(&pinned), pinned);
        let both = format!("gcr.io/x/y:v1@{digest}");
        let reference: Reference = both.parse().unwrap();
        assert_eq!(reference.pin(), Pin::Digest(digest));
        assert_eq!(reference.to_string(), both);
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_cause() {
        let wrong = [
            "",
            "https://gcr.io/x",
            "gcr.io/",
            "gcr.io/X",
            "gcr.io/x:",
            "gcr.io/x:-a",
            "gcr.io/x@sha256:1",
            "gcr.io:port/x",
            "gcr.io/a//b",
            "gcr.io/../b",
            "gcr.io/a b",
            "user@host.io/x",
            "gcr.io/x:a:b",
        ];
        let answers: Vec<String> = wrong
            .iter()
            .map(|text| format!("{text}  {}", read(text)))
            .collect();
        insta::assert_snapshot!(answers.join("\n"));
        assert!(answers.iter().all(|answer| answer.contains("  ! ")));
    }

    #[test]
    fn this_machine_is_told_from_others() {
        let is = |text: &str| text.parse::<Reference>().unwrap().is_loopback();
        for here in [
            "localhost:1/x",
            "127.0.0.1/x",
            "127.8.0.1:5000/x",
            "[::1]:5000/x",
            "a.localhost/x",
        ] {
            assert!(is(here), "{here}");
        }
        for there in [
            "gcr.io/x",
            "10.0.0.1/x",
            "localhost.example.com/x",
            "alpine",
        ] {
            assert!(!is(there), "{there}");
        }
    }
}
