//! Layers and extensions that a function names: that there are such, of the right kind and for its arches, and no more than
//! Lambda takes.

use super::Wish;
use crate::error::{Error, Result, did_you_mean};
use crate::platform::lambda::{MOST_EXTENSIONS, MOST_LAYERS};
use crate::project::config::{Kind, Located};
use crate::project::{Function, Source};
use crate::target::Arch;

/// A key of a function's table that names other tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Layers,
    Extensions,
}

/// Refuses layers and extensions that there are not, or that are no such thing.
pub(super) fn refuse_bad(wish: &Wish, all: &[Wish]) -> Result<()> {
    for (names, key) in [
        (&wish.settings.layers, Key::Layers),
        (&wish.settings.extensions, Key::Extensions),
    ] {
        for located in names {
            refuse_one(wish, located, key, all).map_err(|(message, hint)| Error::Config {
                place: located.place.to_string(),
                message,
                hint,
            })?;
        }
        if let Some(located) = names.get(key.most()) {
            return Err(Error::Config {
                place: located.place.to_string(),
                message: format!(
                    "`{}` has {} {}, and Lambda takes {}",
                    wish.function.name,
                    names.len(),
                    key.name(),
                    key.most()
                ),
                hint: None,
            });
        }
    }
    Ok(())
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Extensions => "extensions",
        }
    }

    fn most(self) -> usize {
        match self {
            Self::Layers => MOST_LAYERS,
            Self::Extensions => MOST_EXTENSIONS,
        }
    }

    /// Whether a function may be named by this key.
    fn fits(self, function: &Function) -> bool {
        match (self, function.kind) {
            (Self::Layers, Kind::Layer) => true,
            (Self::Layers, Kind::Extension) => !function.internal,
            (Self::Extensions, Kind::Extension) => function.internal,
            (Self::Layers | Self::Extensions, Kind::Function) | (Self::Extensions, Kind::Layer) => {
                false
            }
        }
    }

    /// What to write instead, for a function that does not fit.
    fn hint(self, function: &Function) -> &'static str {
        match (self, function.kind) {
            (Self::Layers, Kind::Extension) => "it is internal: extensions = [\"…\"]",
            (Self::Extensions, Kind::Extension | Kind::Layer) => {
                "it is no internal extension: layers = [\"…\"]"
            }
            (Self::Layers, _) => "a layer has kind = \"layer\" or kind = \"extension\"",
            (Self::Extensions, Kind::Function) => {
                "it wants kind = \"extension\" and internal = true"
            }
        }
    }
}

fn refuse_one(
    wish: &Wish,
    located: &Located<String>,
    key: Key,
    all: &[Wish],
) -> Result<(), (String, Option<String>)> {
    let (name, key_name) = (&located.value, key.name());
    let Some(other) = all.iter().find(|other| other.function.name == *name) else {
        let fitting = all.iter().filter(|other| key.fits(&other.function));
        let known: Vec<&str> = fitting.map(|other| other.function.name.as_str()).collect();
        let hint =
            did_you_mean(name, &known).unwrap_or_else(|| format!("declare it: [functions.{name}]"));
        return Err((
            format!("`{key_name}` names `{name}`, which no function table declares"),
            Some(hint),
        ));
    };
    if !key.fits(&other.function) {
        let kind = other.function.kind.name();
        let internal = if other.function.internal {
            "internal "
        } else {
            ""
        };
        return Err((
            format!("`{name}` in `{key_name}` is of kind {internal}{kind}"),
            Some(key.hint(&other.function).to_owned()),
        ));
    }
    if let Some(arch) = missing_arch(wish, other) {
        return Err((
            format!(
                "`{name}` is not built for {arch}, as `{}` is",
                wish.function.name
            ),
            Some(format!("add {arch} to the arches of `{name}`")),
        ));
    }
    Ok(())
}

/// An arch that a function is built for and its companion is not. What a ready binary is for, its file says.
fn missing_arch(wish: &Wish, other: &Wish) -> Option<Arch> {
    if matches!(wish.function.source, Source::Ready(_))
        || matches!(other.function.source, Source::Ready(_))
    {
        return None;
    }
    let has = |arch| {
        other
            .settings
            .targets
            .iter()
            .any(|target| target.arch == arch)
    };
    let arches = wish.settings.targets.iter().map(|target| target.arch);
    arches.into_iter().find(|arch| !has(*arch))
}

/// An internal extension has no artifact of its own: some function must pack it.
pub(super) fn refuse_unpacked(wish: &Wish, all: &[Wish], name: &Located<String>) -> Result<()> {
    let packs = |other: &Wish| {
        let mut names = other.settings.extensions.iter();
        names.any(|located| located.value == wish.function.name)
    };
    if !wish.function.internal || all.iter().any(packs) {
        return Ok(());
    }
    Err(Error::Config {
        place: name.place.to_string(),
        message: format!(
            "internal extension `{}` is packed by no function",
            name.value
        ),
        hint: Some(format!(
            "say which one starts it: extensions = [\"{}\"]",
            name.value
        )),
    })
}
