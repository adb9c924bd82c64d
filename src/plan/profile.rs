//! The profile: what slsbuild adds to the user's, and what of theirs it honours by itself.

use crate::binary::Strip;
use crate::project::cargo_config::Profile;
use crate::project::toolchain::Rustc;
use crate::settings::{Optimize, Panic, Settings};
use crate::ui::Ui;

/// The profile, with what slsbuild adds to it.
#[derive(Clone, Debug)]
pub struct ProfilePlan {
    /// Its name.
    pub name: String,
    /// Keys that slsbuild sets, as TOML values.
    pub set: Vec<(&'static str, String)>,
    /// An option for LLVM that goes with the opt-level.
    pub llvm_option: Option<&'static str>,
    /// Keys of the user's that slsbuild would have set otherwise, as TOML values.
    pub kept: Vec<(&'static str, String)>,
}

impl ProfilePlan {
    pub(super) fn new(profile: &Profile, settings: &Settings, ui: Ui) -> Self {
        let mut wanted: Vec<(&'static str, String)> = Vec::new();
        // A profile for development is left alone but for what is asked for on this call.
        if profile.is_release || settings.optimize.is_some() {
            let level = match settings.optimize.unwrap_or(Optimize::Speed) {
                Optimize::Size => "\"z\"",
                Optimize::Balanced => "\"s\"",
                Optimize::Speed => "3",
            };
            wanted.push(("opt-level", level.to_owned()));
        }
        if profile.is_release {
            wanted.push(("lto", "\"fat\"".to_owned()));
            wanted.push(("codegen-units", "1".to_owned()));
        }
        let (kept, mut set): (Vec<_>, Vec<_>) = wanted
            .into_iter()
            .partition(|(key, _)| profile.keys.contains_key(key));
        // Cargo keeps the symbols whatever the profile says: slsbuild strips, and keeps the unstripped binary.
        set.push(("strip", "\"none\"".to_owned()));
        if let Some(panic) = settings.panic {
            let strategy = match panic {
                Panic::Unwind => "\"unwind\"",
                Panic::Abort => "\"abort\"",
            };
            set.push(("panic", strategy.to_owned()));
        }
        let kept = kept
            .into_iter()
            .map(|(key, _)| (key, profile.keys[key].to_string()))
            .collect();
        Self {
            name: profile.name.clone(),
            llvm_option: llvm_option(settings.optimize, &set, ui),
            set,
            kept,
        }
    }
}

/// At opt-level s LLVM inlines so little that some code (SHA-256 over vectors) runs ten times slower; with this threshold it is
/// as fast as at 3, and 4 % larger than at s (docs/adr/0012-what-the-optimizer-aims-at.md).
const INLINE_MORE: &str = "-inline-threshold=100";

fn llvm_option(
    optimize: Option<Optimize>,
    set: &[(&'static str, String)],
    ui: Ui,
) -> Option<&'static str> {
    let is_ours = set.iter().any(|(key, _)| *key == "opt-level");
    if optimize != Some(Optimize::Balanced) || !is_ours {
        return None;
    }
    if !Rustc::knows_llvm_option(INLINE_MORE, ui) {
        ui.note(format_args!(
            "rustc's LLVM has no `{INLINE_MORE}`: without it `balanced` is slower"
        ));
        return None;
    }
    Some(INLINE_MORE)
}

/// What the user's profile says of stripping, done by us instead of cargo.
pub(super) fn strip_of(profile: &Profile) -> Strip {
    match profile.keys.get("strip") {
        Some(toml::Value::Boolean(false)) => Strip::None,
        Some(toml::Value::String(what)) if what == "none" => Strip::None,
        Some(toml::Value::String(what)) if what == "debuginfo" => Strip::Debuginfo,
        _ => Strip::Symbols,
    }
}
