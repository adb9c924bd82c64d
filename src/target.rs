//! Arch and target: what users type (`arm64`), what rustc calls it (`aarch64-unknown-linux-musl`) and what
//! an ELF header holds. A closed set: a triple that is not listed here is one that slsbuild does not build.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A CPU architecture, named as the platforms name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit Arm (AWS Graviton).
    Arm64,
    /// 64-bit x86.
    Amd64,
}

impl Arch {
    /// Every arch that slsbuild knows.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::Amd64];

    /// The arch that a user typed: one of ours, or a name from elsewhere that means one of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        let means = |arch: &Self| arch.name() == name || arch.aliases().contains(&name);
        Self::ALL.into_iter().find(means)
    }

    /// The arch of the machine slsbuild runs on, if it is one that platforms run.
    pub fn host() -> Option<Self> {
        match std::env::consts::ARCH {
            "aarch64" => Some(Self::Arm64),
            "x86_64" => Some(Self::Amd64),
            _ => None,
        }
    }

    /// The name users type: `arm64` or `amd64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Amd64 => "amd64",
        }
    }

    /// Its names elsewhere, which are taken for ours.
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Arm64 => &["aarch64"],
            Self::Amd64 => &["x86_64", "x86-64", "x64"],
        }
    }

    /// The name that rustc, qemu and the kernel use.
    pub fn cpu(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64",
            Self::Amd64 => "x86_64",
        }
    }

    /// The name that Lambda's API uses for `--architectures`.
    pub fn lambda_name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::Amd64 => "x86_64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The C library a Linux binary is linked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Libc {
    /// musl, linked statically: runs on every Linux base.
    Musl,
    /// glibc, linked dynamically: runs where the base's glibc is new enough.
    Gnu,
}

/// A Linux target that slsbuild can build for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its CPU architecture.
    pub arch: Arch,
    /// Its C library.
    pub libc: Libc,
}

impl Target {
    /// Every target that `--target` accepts.
    pub const ALL: [Self; 4] = [
        Self {
            arch: Arch::Arm64,
            libc: Libc::Musl,
        },
        Self {
            arch: Arch::Amd64,
            libc: Libc::Musl,
        },
        Self {
            arch: Arch::Arm64,
            libc: Libc::Gnu,
        },
        Self {
            arch: Arch::Amd64,
            libc: Libc::Gnu,
        },
    ];

    /// The static musl target of an arch.
    pub fn musl(arch: Arch) -> Self {
        Self {
            arch,
            libc: Libc::Musl,
        }
    }

    /// The target of a rustc triple, if slsbuild builds for it.
    pub fn from_triple(triple: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|target| target.triple() == triple)
    }

    /// The triple as rustc and rustup spell it.
    pub fn triple(self) -> &'static str {
        match (self.arch, self.libc) {
            (Arch::Arm64, Libc::Musl) => "aarch64-unknown-linux-musl",
            (Arch::Amd64, Libc::Musl) => "x86_64-unknown-linux-musl",
            (Arch::Arm64, Libc::Gnu) => "aarch64-unknown-linux-gnu",
            (Arch::Amd64, Libc::Gnu) => "x86_64-unknown-linux-gnu",
        }
    }

    /// The directory name of this target's artifacts: the arch, with `-gnu` behind it for glibc.
    pub fn directory(self) -> &'static str {
        match (self.arch, self.libc) {
            (Arch::Arm64, Libc::Musl) => "arm64",
            (Arch::Amd64, Libc::Musl) => "amd64",
            (Arch::Arm64, Libc::Gnu) => "arm64-gnu",
            (Arch::Amd64, Libc::Gnu) => "amd64-gnu",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.triple())
    }
}
