//! What the user did not ask for and should know: said before cargo starts.

use super::{CPlan, CargoPlan, Linker, Reason, RuntimePlan, TargetPlan};
use crate::error::Names;
use crate::ui::Ui;

impl CargoPlan {
    /// Says what the user did not ask for: profile keys that win, a linker of theirs, a C compiler that is missing.
    pub fn say_notes(&self, ui: Ui) {
        let kept: Vec<String> = self
            .profile
            .kept
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        if !kept.is_empty() {
            ui.note(format_args!(
                "profile `{}` keeps its own {}",
                self.profile.name,
                Names(&kept)
            ));
        }
        for target in &self.targets {
            if let Linker::User(linker) = &target.linker {
                let without = match target.runtime_archive {
                    RuntimePlan::Left(Reason::OwnLinker) => ", without the runtime archive",
                    RuntimePlan::Linked(_) | RuntimePlan::Left(_) => "",
                };
                ui.note(format_args!(
                    "`{}` is linked by your own `{linker}`{without}",
                    target.target
                ));
            }
            if let RuntimePlan::Left(Reason::OldRustc(version)) = &target.runtime_archive {
                ui.warning(
                    format_args!("rustc {version} cannot compile the runtime archive, without which a static binary takes twice the CPU"),
                    Some("rustup update, or say that you know: --runtime-archive off"),
                );
            }
        }
        let wants_option = |target: &TargetPlan| {
            let option = self.profile.llvm_option(target.target.arch);
            option.is_some()
        };
        if !self.rustc.knows_llvm_options && self.targets.iter().any(wants_option) {
            ui.note("rustc's LLVM does not know an option that makes the function faster: it is built without");
        }
        self.say_flags_for_gcc(ui);
        self.say_missing_c_compiler(ui);
    }

    /// rust-lld takes a linker's own options; those that only gcc's front end knows break the link.
    fn say_flags_for_gcc(&self, ui: Ui) {
        let is_for_gcc = |flag: &str| {
            flag.contains("-Wl,")
                || flag.contains("linker-flavor=gcc")
                || flag.ends_with("-pthread")
        };
        for target in self
            .targets
            .iter()
            .filter(|target| target.linker == Linker::RustLld)
        {
            if let Some(flag) = target.user_flags.iter().find(|flag| is_for_gcc(flag)) {
                let variable = target.target.triple().replace('-', "_").to_uppercase();
                ui.warning(
                    format_args!("rustflag `{flag}` is for gcc, and `{}` is linked by rust-lld", target.target),
                    Some(&format!("drop `-Wl,`, or link by gcc: CARGO_TARGET_{variable}_LINKER=cc slsbuild zip")),
                );
            }
        }
    }

    fn say_missing_c_compiler(&self, ui: Ui) {
        let missing = self
            .targets
            .iter()
            .filter_map(|target| match &target.c_compiler {
                CPlan::Missing(packages) => Some((target.target.triple(), packages)),
                CPlan::NotNeeded | CPlan::Unknown | CPlan::User(_) | CPlan::Found(_) => None,
            });
        let (triples, packages): (Vec<_>, Vec<_>) = missing.unzip();
        let mut names: Vec<&str> = packages
            .into_iter()
            .flatten()
            .map(|package| package.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            let verb = if names.len() == 1 {
                "compiles"
            } else {
                "compile"
            };
            ui.warning(
                format_args!(
                    "{} probably {verb} C, and no C compiler was found for {}",
                    Names(&names),
                    Names(&triples)
                ),
                Some("if the build fails, install zig, which is one: pip install ziglang"),
            );
        }
    }
}
