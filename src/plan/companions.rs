//! Layers and extensions that a function names, beyond what their names and kinds say (`project/config`): that they are built
//! for its arches, that there are no more than Lambda takes, and that every internal one is packed somewhere.

use super::Wish;
use crate::error::{Error, Result};
use crate::platform::lambda::{MOST_EXTENSIONS, MOST_LAYERS};
use crate::project::Source;
use crate::project::config::{Kind, Located};
use crate::target::Arch;

/// Refuses layers and extensions that could not be deployed with a function.
pub(super) fn refuse_bad(wish: &Wish, all: &[Wish]) -> Result<()> {
    let own = &wish.settings;
    let layers: Vec<&Located<String>> = own.layers.iter().collect();
    refuse_more(wish, &layers, "layers", MOST_LAYERS)?;
    let is_extension = |located: &&Located<String>| {
        companion(located, all).is_some_and(|other| other.function.kind == Kind::Extension)
    };
    let named = own.layers.iter().chain(&own.extensions);
    let extensions: Vec<&Located<String>> = named.clone().filter(is_extension).collect();
    refuse_more(wish, &extensions, "extensions", MOST_EXTENSIONS)?;
    for located in named {
        let other = companion(located, all);
        if let Some(arch) = other.and_then(|other| missing_arch(wish, other)) {
            let (name, function) = (&located.value, &wish.function.name);
            return Err(Error::Config {
                place: located.place.to_string(),
                message: format!("`{name}` is not built for {arch}, as `{function}` is"),
                hint: Some(format!("add {arch} to the arches of `{name}`")),
            });
        }
    }
    Ok(())
}

fn companion<'a>(located: &Located<String>, all: &'a [Wish]) -> Option<&'a Wish> {
    all.iter()
        .find(|other| other.function.name == located.value)
}

fn refuse_more(wish: &Wish, named: &[&Located<String>], what: &str, most: usize) -> Result<()> {
    let Some(located) = named.get(most) else {
        return Ok(());
    };
    let (name, count) = (&wish.function.name, named.len());
    Err(Error::Config {
        place: located.place.to_string(),
        message: format!("`{name}` has {count} {what}, and Lambda takes {most}"),
        hint: Some(format!("leave out {}", count - most)),
    })
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
