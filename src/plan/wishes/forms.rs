//! Which of the wanted functions are zips, and which images: what a project holds of the other form is left to its own verb.

use crate::error::{Error, Names, Result};
use crate::plan::Wish;
use crate::project::config::{Kind, Platform};
use crate::ui::Ui;

/// The functions whose artifacts are zips or directories. Of all functions, those of platforms that run images are left out with
/// a note; one that is named is the plan's to refuse.
///
/// # Errors
/// When nothing is left.
pub fn zips(mut wishes: Vec<Wish>, names: &[String], ui: Ui) -> Result<Vec<Wish>> {
    if !names.is_empty() {
        return Ok(wishes);
    }
    let mut left_out = Vec::new();
    for wish in wishes.iter_mut().filter(|wish| wish.wanted) {
        if wish.settings.platform != Platform::Lambda {
            wish.wanted = false;
            left_out.push(wish.function.name.clone());
        }
    }
    if left_out.is_empty() {
        return Ok(wishes);
    }
    if wishes.iter().all(|wish| !wish.wanted) {
        return Err(Error::Usage {
            message: format!(
                "{}, and there is no other function",
                run_as_images(&left_out)
            ),
            hint: Some("slsbuild image".to_owned()),
        });
    }
    ui.note(format_args!(
        "{}: `slsbuild image` makes them",
        run_as_images(&left_out)
    ));
    Ok(wishes)
}

fn run_as_images(names: &[String]) -> String {
    let verb = if names.len() == 1 {
        "runs as an image"
    } else {
        "run as images"
    };
    format!("{} {verb}", Names(names))
}

/// The functions that are made into images: of all, those whose platform the configuration says, where it says any.
///
/// # Errors
/// For an extension or a layer, which no image is made of, and when nothing is left.
pub fn images(mut wishes: Vec<Wish>, names: &[String]) -> Result<Vec<Wish>> {
    let other = |wish: &&Wish| wish.wanted && wish.function.kind != Kind::Function;
    if let Some(wish) = wishes
        .iter()
        .filter(other)
        .find(|wish| names.contains(&wish.function.name))
    {
        return Err(Error::Usage {
            message: format!(
                "`{}` is of kind {}, and images are made of functions",
                wish.function.name,
                wish.function.kind.name()
            ),
            hint: Some(format!("slsbuild build {}", wish.function.name)),
        });
    }
    let says = |wish: &Wish| {
        let origin = wish.settings.origins.get("platform");
        origin.is_some_and(|origin| origin.place().is_some())
    };
    let of_kind = |wish: &Wish| wish.wanted && wish.function.kind == Kind::Function;
    let some_say = wishes.iter().any(|wish| of_kind(wish) && says(wish));
    for wish in &mut wishes {
        let is_left_out = names.is_empty() && some_say && !says(wish);
        wish.wanted = of_kind(wish) && !wish.companion && !is_left_out;
    }
    if wishes.iter().any(|wish| wish.wanted) {
        return Ok(wishes);
    }
    Err(Error::Project {
        message: "there is no function to make an image of".to_owned(),
        hint: Some(
            "name one in slsbuild.toml: [functions.orders] with package = \"orders\"".to_owned(),
        ),
    })
}
