//! Layers and extensions that a function names, beyond what their names and kinds say (`project/config`): that they are built
//! for its arches, that there are no more than Lambda takes, and that every internal one is packed somewhere.

use super::Wish;
use crate::error::{Error, Result};
use crate::platform::lambda::{MOST_EXTENSIONS, MOST_LAYERS};
use crate::project::Source;
use crate::project::config::Located;
use crate::target::Arch;

/// Refuses layers and extensions that could not be deployed with a function.
pub(super) fn refuse_bad(wish: &Wish, all: &[Wish]) -> Result<()> {
    let own = &wish.settings;
    let refused =
        |located: &Located<String>, message: String, hint: Option<String>| Error::Config {
            place: located.place.to_string(),
            message,
            hint,
        };
    for (names, what, most) in [
        (&own.layers, "layers", MOST_LAYERS),
        (&own.extensions, "extensions", MOST_EXTENSIONS),
    ] {
        if let Some(located) = names.get(most) {
            let (name, count) = (&wish.function.name, names.len());
            let message = format!("`{name}` has {count} {what}, and Lambda takes {most}");
            return Err(refused(located, message, None));
        }
        for located in names {
            let other = all
                .iter()
                .find(|other| other.function.name == located.value);
            if let Some(arch) = other.and_then(|other| missing_arch(wish, other)) {
                let (name, function) = (&located.value, &wish.function.name);
                return Err(refused(
                    located,
                    format!("`{name}` is not built for {arch}, as `{function}` is"),
                    Some(format!("add {arch} to the arches of `{name}`")),
                ));
            }
        }
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
