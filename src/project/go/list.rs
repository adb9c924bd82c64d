//! The packages that a main package is made of, for one arch: `go list -deps` without cgo, and with it where files that want cgo
//! were left out.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::{Asked, command, flags, place};
use crate::error::{Error, Result};
use crate::fs;
use crate::process::{Command, quote};
use crate::target::Arch;

/// The fields that are read, so that go prints and looks up no more.
const FIELDS: &str =
    "-json=ImportPath,Name,Dir,Standard,DepOnly,GoFiles,CgoFiles,IgnoredGoFiles,Imports,Error";
/// A source file beyond this size is not looked into.
const MOST_SOURCE: u64 = 16 << 20;
/// How many of go's complaints are shown.
const MOST_COMPLAINTS: usize = 10;

/// A package as go lists it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Listed {
    /// The path that it is imported by.
    pub(super) import_path: String,
    /// Its name; empty where go found no file to build.
    pub(super) name: String,
    /// Its directory.
    pub(super) dir: String,
    /// Whether it comes with go.
    pub(super) standard: bool,
    /// Whether only another package asked for it.
    pub(super) dep_only: bool,
    /// Its files that are built without cgo.
    pub(super) go_files: Vec<String>,
    /// Its files that import "C".
    pub(super) cgo_files: Vec<String>,
    /// Its files that are left out: for other systems, or for cgo.
    pub(super) ignored_go_files: Vec<String>,
    /// What it imports.
    pub(super) imports: Vec<String>,
    /// Why it cannot be built.
    pub(super) error: Option<Complaint>,
}

/// Why go cannot build a package.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Complaint {
    pos: String,
    /// The reason, in go's words.
    pub(super) err: String,
}

/// The package in a directory with all that it imports, directly or not.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    /// The package itself, as it is built: without cgo.
    pub(super) main: Listed,
    /// What it imports.
    pub(super) dependencies: Vec<Listed>,
    /// All of them as they would be built with cgo.
    pub(super) with_cgo: Vec<Listed>,
}

/// Whether a package may have files that were left out since they want cgo: what imports "C" names it in this way. Go's own
/// packages do without, all of them.
fn leaves_cgo_out(package: &Listed) -> bool {
    let mut ignored = package.ignored_go_files.iter();
    let names_c = |file: &String| {
        let source = fs::read_bounded(&Path::new(&package.dir).join(file), MOST_SOURCE);
        // One that cannot be read may be anything.
        source.map_or(true, |text| memchr::memmem::find(&text, b"\"C\"").is_some())
    };
    !package.standard && ignored.any(names_c)
}

impl Listing {
    /// Asks go about the package in the directory.
    pub(super) fn read(asked: Asked<'_>, arch: Arch) -> Result<Self> {
        let list = |cgo: bool| {
            let mut command = command(asked.options, arch, cgo);
            command
                .args(["list", "-e", "-deps", FIELDS])
                .arg(flags::tags_flag(asked.go, asked.options))
                .arg(".");
            run(&mut command, asked.directory, asked)
        };
        let mut packages = list(false)?;
        let with_cgo = if packages.iter().any(leaves_cgo_out) {
            list(true)?
        } else {
            packages.clone()
        };
        let at = packages.iter().position(|package| !package.dep_only);
        let main = packages.remove(at.context("`go list` named no package")?);
        Ok(Self {
            main,
            dependencies: packages,
            with_cgo,
        })
    }

    /// The package at an import path, as it is built.
    pub(super) fn package(&self, import_path: &str) -> Option<&Listed> {
        std::iter::once(&self.main)
            .chain(&self.dependencies)
            .find(|package| package.import_path == import_path)
    }

    /// The package at an import path, as it would be built with cgo.
    pub(super) fn with_cgo(&self, import_path: &str) -> Option<&Listed> {
        self.with_cgo
            .iter()
            .find(|package| package.import_path == import_path)
    }

    /// Whether a package needs cgo: it has files that import "C", and without them none is left.
    pub(super) fn needs_cgo(&self, package: &Listed) -> bool {
        let with = self.with_cgo(&package.import_path);
        package.go_files.is_empty() && with.is_some_and(|with| !with.cgo_files.is_empty())
    }

    /// Refuses what go cannot build, unless it is for want of cgo, which is told in other words.
    pub(super) fn check(&self, asked: Asked<'_>) -> Result<()> {
        let packages = self.dependencies.iter().chain([&self.main]);
        let complaints: Vec<String> = packages
            .filter(|package| !self.needs_cgo(package))
            .filter_map(|package| package.error.as_ref())
            .map(Complaint::line)
            .collect();
        if complaints.is_empty() {
            return Ok(());
        }
        let mut words = complaints[..complaints.len().min(MOST_COMPLAINTS)].join("\n");
        if complaints.len() > MOST_COMPLAINTS {
            let more = complaints.len() - MOST_COMPLAINTS;
            let _ = write!(words, "\n… and {more} more");
        }
        Err(refused(asked.place, asked.directory, &words))
    }
}

impl Complaint {
    fn line(&self) -> String {
        if self.pos.is_empty() {
            self.err.clone()
        } else {
            format!("{}: {}", self.pos, self.err)
        }
    }
}

/// Runs a `go list -json` in a directory. Go's own words are shown once, and only when it fails.
pub(super) fn run(
    command: &mut Command,
    directory: &Path,
    asked: Asked<'_>,
) -> Result<Vec<Listed>> {
    command.directory(directory);
    asked.ui.command(&command);
    let output = command.output().map_err(super::go_missing)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(refused(asked.place, directory, &words));
    }
    let packages = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    Ok(packages
        .collect::<Result<_, _>>()
        .context("`go list -json` printed what is no package")?)
}

/// The failure behind what go said about the package or module in `directory`.
pub(super) fn refused(place: &Path, directory: &Path, words: &str) -> Error {
    /// What go says, and the arguments of go that mend it.
    const CURES: [(&str, &str); 10] = [
        ("parsing $GOFLAGS", "env GOFLAGS"),
        ("inconsistent vendoring", "mod vendor"),
        ("vendor/modules.txt", "mod vendor"),
        ("disabled by GOPROXY=off", "mod download"),
        ("one of the workspace modules", "work use ."),
        ("found in the current workspace", "work use ."),
        ("missing go.sum entry", "mod tidy"),
        ("updates to go.mod needed", "mod tidy"),
        ("no required module provides", "mod tidy"),
        ("cannot find module providing", "mod tidy"),
    ];
    let words = words.trim();
    // A module that asks for a newer go than there is, and one that go could not or must not get.
    let toolchain = |line: &&str| {
        line.contains("requires go ")
            || line.contains("toolchain not available")
            || line.contains("GOTOOLCHAIN=")
    };
    if let Some(line) = words.lines().find(toolchain) {
        return Error::ToolMissing {
            message: format!(
                "`go` does not run here: {}",
                line.trim_start_matches("go: ")
            ),
            hint: format!(
                "let go get it, or install it: cd {} && GOTOOLCHAIN=auto go version",
                place::quoted(directory)
            ),
        };
    }
    let cure = CURES.iter().find(|(said, _)| words.contains(said));
    let module = directory
        .ancestors()
        .find(|ancestor| ancestor.join("go.mod").is_file());
    let hint = match (cure, module) {
        (Some((_, cure)), Some(module)) => format!("cd {} && go {cure}", quote(module.as_os_str())),
        (Some((_, cure)), None) => format!("go {cure}"),
        (None, _) => format!(
            "go says why above; ask it alone: cd {} && GOOS=linux go list .",
            quote(directory.as_os_str())
        ),
    };
    Error::GoList {
        place: place.to_owned(),
        output: words.to_owned(),
        hint,
    }
}
