//! A Go main package: where it lies, what it is called, and that it can be built without cgo, as `go list` tells it.
//! Building it is `build/go.rs`'s.

mod cgo;
mod environment;
mod flags;
mod list;
mod place;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs;
use crate::process::Command;
use crate::target::Arch;
use crate::ui::Ui;

pub use cgo::CgoPackage;
pub use environment::{GoEnvironment, go_missing};
use list::Listing;

/// A `go.mod` beyond this size is not looked into.
const MOST_MODULE_FILE: u64 = 1 << 20;

/// What the user tells go through us. The names and meanings are go's; what `GOFLAGS` holds is kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoOptions {
    /// Build tags to set beside ours.
    pub tags: Vec<String>,
    /// Linker flags, quoted as `go build -ldflags` reads them.
    pub ldflags: Option<String>,
    /// The network is not touched.
    pub offline: bool,
    /// How many programs go runs at once, over all builds that run at once; none: as many as there are CPUs.
    pub jobs: Option<usize>,
}

/// A Go main package, which is one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoPackage {
    /// The path that it would be imported by.
    pub import_path: String,
    /// Its directory: includes are relative to it.
    pub directory: PathBuf,
    /// The directory of the module's go.mod: the outer bound of includes where the module lies outside the project.
    pub module_root: PathBuf,
    /// Its `default.pgo`, by which go guides the optimizer without being told.
    pub profile: Option<PathBuf>,
    /// Packages that have code with and without cgo, of which the latter is built.
    pub without_cgo: Vec<CgoPackage>,
    /// The go that builds it.
    pub go: GoEnvironment,
}

impl GoPackage {
    /// What to say where `--pgo` meets a Go function: we train none, and go needs no flag.
    pub fn pgo_note(&self, function: &str) -> String {
        let place = place::from_here(&self.directory);
        self.profile.as_ref().map_or_else(
            || {
                format!(
                    "`--pgo` does not train `{function}`, which is Go: put a CPU profile of it (runtime/pprof) at {place}/default.pgo, and go uses it by itself"
                )
            },
            |_| format!("`--pgo` does not train `{function}`, which is Go: it is guided by {place}/default.pgo, as go does by itself"),
        )
    }
}

/// Finds the main package in the directory `place` and checks that go can build it for each arch without cgo.
///
/// # Errors
/// [`Error::Project`] when there is no single main package of a module, [`Error::GoList`] when go refuses it,
/// [`Error::ToolMissing`] when there is no go, it is too old for the module, or the package needs cgo.
pub fn load(place: &Path, options: &GoOptions, arches: &[Arch], ui: Ui) -> Result<GoPackage> {
    flags::check(options)?;
    if let Some(directory) = place::pattern(place) {
        return Err(place::is_pattern(place, directory, options, ui));
    }
    let directory = place::directory(place)?;
    let go = GoEnvironment::read(&directory, options, ui)?;
    let module_root = place::module_root(place, &go)?;
    let asked = Asked {
        place,
        directory: &directory,
        go: &go,
        options,
        ui,
    };
    let mut package = None;
    let mut without_cgo: Vec<CgoPackage> = Vec::new();
    for &arch in arches {
        let listing = Listing::read(asked, arch)?;
        let main = place::main(asked, &listing, &module_root)?;
        listing.check(asked)?;
        for found in cgo::check(&listing)? {
            if !without_cgo.contains(&found) {
                without_cgo.push(found);
            }
        }
        package.get_or_insert(main);
    }
    let import_path = package.ok_or_else(|| Error::Usage {
        message: format!("no arch is given to build `{}` for", place.display()),
        hint: Some("name one: --arch arm64".to_owned()),
    })?;
    let profile = directory.join("default.pgo");
    Ok(GoPackage {
        import_path,
        profile: profile.is_file().then_some(profile),
        directory,
        module_root,
        without_cgo,
        go,
    })
}

/// The directory of the module that `directory` lies in, or itself.
pub fn module_around(directory: &Path) -> PathBuf {
    let mut around = directory.ancestors();
    let module = around.find(|one| one.join("go.mod").is_file());
    module.unwrap_or(directory).to_owned()
}

/// What the line of a `go.mod` says that begins with `word`: `module`, `go`. None where there is no such line or file.
pub fn module_line(module: &Path, word: &str) -> Option<String> {
    let text = fs::read_bounded(&module.join("go.mod"), MOST_MODULE_FILE).ok()?;
    line(&String::from_utf8_lossy(&text), word)
}

fn line(text: &str, word: &str) -> Option<String> {
    let mut lines = text.lines().map(str::split_whitespace);
    let said = lines.find_map(|mut words| (words.next()? == word).then(|| words.next())?)?;
    let said = said.trim_matches(['"', '`']);
    (!said.is_empty()).then(|| said.to_owned())
}

/// The name of the function in `directory`, before go is asked: that of its directory or, at the module's root, the last
/// element of the module's path.
pub fn default_name(directory: &Path) -> String {
    match module_line(directory, "module") {
        Some(path) => name(directory, directory, &path),
        None => name(directory, Path::new(""), ""),
    }
}

/// The name of a function: that of its directory, or at the module's root that of the module, without its `/v2`.
fn name(directory: &Path, module_root: &Path, module_path: &str) -> String {
    let last = directory.file_name().filter(|_| directory != module_root);
    if let Some(name) = last {
        return name.to_string_lossy().into_owned();
    }
    let is_version = |element: &str| {
        element
            .strip_prefix('v')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut elements = module_path.rsplit('/');
    let last = elements.next().unwrap_or(module_path);
    match elements.next() {
        Some(before) if is_version(last) => before.to_owned(),
        _ => last.to_owned(),
    }
}

/// go in the environment that our builds have: no cgo unless asked about, linux, the arch, and no network if so wished.
pub fn command(options: &GoOptions, arch: Arch, cgo: bool) -> Command {
    let mut command = Command::new("go");
    command
        .env("CGO_ENABLED", if cgo { "1" } else { "0" })
        .env("GOOS", "linux")
        .env("GOARCH", arch.name());
    if options.offline {
        // A module of GOPRIVATE is fetched past GOPROXY, and so past its `off`.
        command.env("GOPROXY", "off").env("GONOPROXY", "none");
    }
    command
}

/// What one call of [`load`] is about.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    /// The directory as the user names it.
    place: &'a Path,
    /// The directory.
    directory: &'a Path,
    go: &'a GoEnvironment,
    options: &'a GoOptions,
    ui: Ui,
}

#[cfg(test)]
pub(crate) mod tests;
