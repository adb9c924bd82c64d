//! The profile: what slsbuild adds to the user's, and what of theirs it honours by itself.

use crate::binary::Strip;
use crate::project::cargo_config::Profile;
use crate::project::toolchain::{ALIGN_LOOPS, INLINE_MORE};
use crate::project::{Optimize, Panic};
use crate::settings::Compile;
use crate::target::Arch;

/// The profile, with what slsbuild adds to it.
#[derive(Clone, Debug)]
pub struct ProfilePlan {
    /// Its name.
    pub name: String,
    /// Keys that slsbuild sets, as TOML values.
    pub set: Vec<(&'static str, String)>,
    /// What the optimizer aims at, where slsbuild says it.
    pub aim: Option<Optimize>,
    /// Keys of the user's that slsbuild would have set otherwise, as TOML values.
    pub kept: Vec<(&'static str, String)>,
}

impl ProfilePlan {
    pub(super) fn new(profile: &Profile, compile: &Compile) -> Self {
        let mut wanted: Vec<(&'static str, String)> = Vec::new();
        // A profile for development is left alone but for what is asked for on this call.
        let default = profile.is_release.then_some(Optimize::Speed);
        let aim = compile.optimize.or(default);
        if let Some(aim) = aim {
            let level = match aim {
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
        let is_ours = |key: &str| set.iter().any(|(ours, _)| *ours == key);
        let aim = aim.filter(|_| is_ours("opt-level"));
        // Cargo keeps the symbols whatever the profile says: slsbuild strips, and keeps the unstripped binary.
        set.push(("strip", "\"none\"".to_owned()));
        if let Some(panic) = compile.panic {
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
            aim,
            set,
            kept,
        }
    }

    /// The LLVM option that goes with what the optimizer aims at (docs/adr/0012-what-the-optimizer-aims-at.md).
    pub fn llvm_option(&self, arch: Arch) -> Option<&'static str> {
        match (self.aim?, arch) {
            (Optimize::Balanced, _) => Some(INLINE_MORE),
            (Optimize::Speed, Arch::Amd64) => Some(ALIGN_LOOPS),
            // LLVM aligns loops by itself for Neoverse N1.
            (Optimize::Speed, Arch::Arm64) | (Optimize::Size, _) => None,
        }
    }

    /// Whether code is to be small, by what slsbuild sets or what the user's profile says.
    pub fn is_compact(&self) -> bool {
        let levels = self.set.iter().chain(&self.kept);
        let mut levels = levels.filter(|(key, _)| *key == "opt-level");
        levels.any(|(_, level)| level == "\"s\"" || level == "\"z\"")
    }
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
