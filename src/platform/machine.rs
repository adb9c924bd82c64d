//! The machines that a platform runs its functions on: which architecture is usual, and which CPU there is at least.

use super::lambda;
use crate::project::config::Platform;
use crate::target::Arch;

/// The machines that code is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Lambda's.
    Lambda,
    /// Any of the architecture: no container platform promises a CPU.
    Any,
}

impl Machine {
    /// The machines of a platform.
    pub fn of(platform: Platform) -> Self {
        match platform {
            Platform::Lambda => Self::Lambda,
            Platform::CloudRun | Platform::Fargate | Platform::Container | Platform::AppRunner => {
                Self::Any
            }
        }
    }

    /// What every one of them has at least, as LLVM names it. `compact` is of code that is to be small.
    pub fn baseline_cpu(self, arch: Arch, compact: bool) -> &'static str {
        match (self, arch) {
            (Self::Lambda, _) => lambda::baseline_cpu(arch, compact),
            (Self::Any, Arch::Arm64) => "generic",
            (Self::Any, Arch::Amd64) => "x86-64",
        }
    }

    /// The same for go, as the variable and value that tell it; go's own default where there is nothing to tell.
    pub fn go_level(self, arch: Arch) -> (&'static str, &'static str) {
        match (self, arch) {
            (Self::Lambda, _) => lambda::go_level(arch),
            (Self::Any, Arch::Arm64) => ("GOARM64", "v8.0"),
            (Self::Any, Arch::Amd64) => ("GOAMD64", "v1"),
        }
    }
}
