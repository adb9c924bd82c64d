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
        match companion(located, all) {
            Some(other) if !is_ready(wish) && !is_ready(other) => {
                refuse_other_arches(wish, other, located)?;
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// The same of arches where a ready binary is the function or its companion: what it is for, its file says, which need
/// not be there before the function is wanted.
pub(super) fn refuse_bad_ready(wishes: &[Wish]) -> Result<()> {
    for wish in wishes.iter().filter(|wish| wish.wanted) {
        for located in wish.settings.layers.iter().chain(&wish.settings.extensions) {
            match companion(located, wishes) {
                Some(other) if is_ready(wish) || is_ready(other) => {
                    refuse_other_arches(wish, other, located)?;
                }
                Some(_) | None => {}
            }
        }
    }
    Ok(())
}

fn is_ready(wish: &Wish) -> bool {
    matches!(wish.function.source, Source::Ready(_))
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
        hint: Some(format!(
            "leave out {} of them, such as `{}`",
            count - most,
            located.value
        )),
    })
}

/// Refuses a companion that is missing for an arch that the function is built for.
fn refuse_other_arches(wish: &Wish, other: &Wish, located: &Located<String>) -> Result<()> {
    let (asked, there) = (arches(wish)?, arches(other)?);
    let Some(arch) = asked.into_iter().find(|arch| !there.contains(arch)) else {
        return Ok(());
    };
    let (name, function) = (&located.value, &wish.function.name);
    let hint = if is_ready(other) {
        format!(
            "name a file for each arch below [functions.{name}]: binary = \"dist/{{arch}}/{name}\""
        )
    } else {
        let arches: Vec<String> = there
            .iter()
            .chain([&arch])
            .map(|arch| format!("\"{arch}\""))
            .collect();
        format!("below [functions.{name}]: arch = [{}]", arches.join(", "))
    };
    let is = if is_ready(other) { "there" } else { "built" };
    Err(Error::Config {
        place: located.place.to_string(),
        message: format!("`{name}` is not {is} for {arch}, as `{function}` is"),
        hint: Some(hint),
    })
}

/// The arches that it is for, each once.
fn arches(wish: &Wish) -> Result<Vec<Arch>> {
    let targets = wish.targets();
    let targets = targets.map_err(|error| wish.settings.blame("binary", error))?;
    let mut arches: Vec<Arch> = Vec::new();
    for target in targets {
        if !arches.contains(&target.arch) {
            arches.push(target.arch);
        }
    }
    Ok(arches)
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
