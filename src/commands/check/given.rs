//! What was given to `check`: told by what lies there, and by its form where nothing does.

use std::io::Read as _;
use std::path::Path;
use std::str::FromStr as _;

use crate::artifact::oci::Reference;
use crate::cli::CheckArgs;
use crate::error::{Error, Result};
use crate::fs;
use crate::platform::lambda::Kind;

/// An artifact that is to be checked.
pub(super) enum Given<'a> {
    /// A file that is taken for a zip.
    Zip(&'a Path),
    /// A layout directory or an image archive.
    Image(&'a Path),
    /// An image in a registry.
    Reference(&'a Path, Reference),
}

impl<'a> Given<'a> {
    /// Tells what was given.
    ///
    /// # Errors
    /// [`Error::Usage`] where nothing is there, and for flags that it has no use for.
    pub(super) fn new(path: &'a Path, arguments: &CheckArgs) -> Result<Self> {
        let given = Self::find(path)?;
        let shown = path.display();
        let usage = |message: String, hint: &str| Error::Usage {
            message,
            hint: Some(hint.to_owned()),
        };
        match (&given, arguments.platform.as_deref()) {
            (Self::Zip(_), Some(platform)) if platform != "lambda" => Err(usage(
                format!("`{shown}` is taken for a zip, which only Lambda runs, and not {platform}"),
                "leave `--for` out, or name an image: slsbuild image makes one",
            )),
            (Self::Image(_) | Self::Reference(..), _) if arguments.kind.is_some() => Err(usage(
                format!("`{shown}` is an image, and `--kind` is about Lambda's zips"),
                "leave `--kind` out",
            )),
            (Self::Zip(_) | Self::Image(_) | Self::Reference(..), _) => Ok(given),
        }
    }

    fn find(path: &'a Path) -> Result<Self> {
        let cause = match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match reference(path) {
                Some(reference) => return Ok(Self::Reference(path, reference)),
                None => "does not exist",
            },
            Ok(facts) if facts.is_dir() && path.join("index.json").exists() => {
                return Ok(Self::Image(path));
            }
            Ok(facts) if facts.is_dir() => "is a directory, not a zip",
            Ok(facts) if !facts.is_file() => "is no regular file",
            Ok(_) if is_tar(path)? => return Ok(Self::Image(path)),
            Ok(_) => return Ok(Self::Zip(path)),
            Err(error) => return Err(error.into()),
        };
        Err(Error::Usage {
            message: format!("`{}` {cause}", path.display()),
            hint: Some("make one, and check what it prints: slsbuild zip".to_owned()),
        })
    }

    /// As it was given.
    pub(super) fn path(&self) -> &'a Path {
        match self {
            Self::Zip(path) | Self::Image(path) | Self::Reference(path, _) => path,
        }
    }

    /// What a zip of our own is, which a layer of files does not show.
    pub(super) fn named_kind(&self) -> Option<Kind> {
        let name = self.path().file_name();
        name.is_some_and(|name| name == "layer.zip")
            .then_some(Kind::Layer)
    }
}

/// The reference that a name can be: with a host in front, so that no path that is mistyped is looked for in a registry.
fn reference(path: &Path) -> Option<Reference> {
    const FILES: [&str; 4] = [".zip", ".tar", ".tgz", ".gz"];
    let text = path.to_str()?;
    let is_path = text.starts_with(['.', '/', '~']) || FILES.iter().any(|end| text.ends_with(end));
    let reference = Reference::from_str(text).ok().filter(|_| !is_path)?;
    text.strip_prefix(&reference.host)?
        .starts_with('/')
        .then_some(reference)
}

/// Whether a file is a tar archive, by the mark in its first header; or one that is compressed, which is refused by its name.
/// What old tools write without the mark is no image.
fn is_tar(path: &Path) -> Result<bool> {
    const COMPRESSED: [&[u8]; 3] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ"];
    let mut start = Vec::new();
    fs::File::open(path)?.take(262).read_to_end(&mut start)?;
    let is_compressed = COMPRESSED.iter().any(|magic| start.starts_with(magic));
    let is_plain = start.get(257..262) == Some(b"ustar") && !start.starts_with(b"PK");
    Ok(is_compressed || is_plain)
}
