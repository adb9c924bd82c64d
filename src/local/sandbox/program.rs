//! The program that runs a file of the sandbox: the file itself, or qemu for a foreign arch.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{BINARY_LIMIT, is_executable};
use crate::error::Result;
use crate::project::toolchain::find_emulator;
use crate::target::Arch;
use crate::{binary, fs};

/// A file that is to be started.
#[derive(Clone, Debug)]
pub(in crate::local) struct Program {
    path: PathBuf,
    runner: Runner,
    arch: Option<Arch>,
}

/// What is executed.
#[derive(Clone, Debug)]
enum Runner {
    /// The file itself.
    Native,
    /// An emulator, which is given the file.
    Emulated(PathBuf),
    /// Nothing: Lambda could not start it either.
    Unusable(String),
}

impl Program {
    /// How this machine runs a file, which lies at `shown` on Lambda. The format is judged here and not by trying: where the
    /// kernel says "exec format error", libc would hand the file to a shell.
    pub(super) fn of(path: PathBuf, shown: &str) -> Result<Self> {
        let unusable = |cause: &str| Runner::Unusable(format!("fork/exec {shown}: {cause}"));
        let (runner, arch) = match fs::metadata(&path) {
            Ok(facts) if facts.is_file() && is_executable(&facts) => {
                let bytes = fs::read_bounded(&path, BINARY_LIMIT)?;
                if bytes.starts_with(b"#!") {
                    (Runner::Native, None)
                } else {
                    match arch(&bytes) {
                        None => (unusable("exec format error"), None),
                        Some(arch) if Arch::host() == Some(arch) => (Runner::Native, Some(arch)),
                        Some(arch) => (Runner::Emulated(find_emulator(arch)?), Some(arch)),
                    }
                }
            }
            Ok(_) => (unusable("permission denied"), None),
            Err(_) => (unusable("no such file or directory"), None),
        };
        Ok(Self { path, runner, arch })
    }

    /// A file that is not there, for this cause.
    pub(super) fn missing(path: PathBuf, cause: &str) -> Self {
        Self {
            path,
            runner: Runner::Unusable(cause.to_owned()),
            arch: None,
        }
    }

    pub(super) fn emulator(&self) -> Option<&Path> {
        match &self.runner {
            Runner::Emulated(emulator) => Some(emulator),
            Runner::Native | Runner::Unusable(_) => None,
        }
    }

    pub(in crate::local) fn arch(&self) -> Option<Arch> {
        self.arch
    }

    /// What is executed with which arguments, or why Lambda could not start it.
    pub(in crate::local) fn command(&self) -> Result<(OsString, Vec<OsString>), String> {
        let file = self.path.clone().into_os_string();
        match &self.runner {
            Runner::Native => Ok((file, Vec::new())),
            Runner::Emulated(emulator) => {
                let mut arguments = Vec::new();
                // The CPU that qemu emulates by default for amd64 has no AVX2, which Lambda's have.
                if self.arch == Some(Arch::Amd64) {
                    arguments.extend(["-cpu".into(), "max".into()]);
                }
                arguments.push(file);
                Ok((emulator.into(), arguments))
            }
            Runner::Unusable(cause) => Err(cause.clone()),
        }
    }
}

fn arch(bytes: &[u8]) -> Option<Arch> {
    bytes
        .starts_with(b"\x7fELF")
        .then(|| binary::inspect(bytes).ok()?.arch)
        .flatten()
}
