//! Which files are read: the one asked for or the nearest `slsbuild.toml`, the workspace's manifest and its members'.
//! What they may say together across files is checked here; one file alone is `read.rs`'s.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::document::{error_at, quoted};
use super::{
    CargoLambda, Config, FunctionTable, Kind, Located, ManifestSections, checks, parse,
    parse_manifest,
};
use crate::error::{Error, Result, did_you_mean};
use crate::fs;
use crate::project::lexical;

/// The file's name, where none is asked for.
pub const FILE: &str = "slsbuild.toml";

/// A configuration beyond this size is refused unread.
const MAX_FILE: u64 = 1 << 20;

/// A manifest beyond this size is refused: it is cargo's file, and larger ones are generated.
const MAX_MANIFEST: u64 = 16 << 20;

/// The manifests of a cargo workspace, as `cargo metadata` names them.
#[derive(Clone, Debug)]
pub struct WorkspaceManifests {
    /// The workspace's own: `Cargo.toml` of its root, which may be a member's too.
    pub root: PathBuf,
    /// The members' packages and manifests.
    pub members: Vec<Member>,
}

/// A member of a workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its package's name.
    pub package: String,
    /// Its manifest.
    pub manifest: PathBuf,
}

/// All that was read.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Our own sections.
    pub config: Config,
    /// The file that was asked for or found, absolute.
    pub file: Option<PathBuf>,
    /// What packages say to cargo-lambda, by the packages' names, where there is no section of ours at all.
    pub cargo_lambda: BTreeMap<String, CargoLambda>,
}

/// Reads the file asked for, which is relative to `start`, else the nearest above that, and the manifests' sections.
///
/// # Errors
/// [`Error::Usage`] when the one asked for is no file, [`Error::Config`] when a file cannot be read or meant.
pub fn load(
    asked: Option<&Path>,
    start: &Path,
    workspace: Option<&WorkspaceManifests>,
) -> Result<Loaded> {
    let mut loaded = Loaded {
        file: find(asked, start)?,
        ..Loaded::default()
    };
    if let Some(path) = &loaded.file {
        let text = read(path, MAX_FILE)?;
        let directory = path.parent().unwrap_or(start);
        let section = parse(&text, &fs::from_here(path), directory)?;
        loaded.config.sections.push(section);
    }
    if let Some(workspace) = workspace {
        manifests(&mut loaded, workspace)?;
    }
    across(&loaded.config)?;
    Ok(loaded)
}

fn find(asked: Option<&Path>, start: &Path) -> Result<Option<PathBuf>> {
    let Some(path) = asked else {
        let nearest = start.ancestors().map(|directory| directory.join(FILE));
        return Ok({ nearest }.find(|file| file.is_file()));
    };
    let file = start.join(path);
    if file.is_file() {
        return Ok(Some(lexical(&file)));
    }
    Err(Error::Usage {
        message: format!(
            "`{}` is no file, so it cannot be the configuration",
            fs::from_here(path).display()
        ),
        hint: Some(format!("name a {FILE}: --config PATH/{FILE}")),
    })
}

fn manifests(loaded: &mut Loaded, workspace: &WorkspaceManifests) -> Result<()> {
    let mut members: Vec<&Member> = workspace.members.iter().collect();
    members.sort_by(|one, two| (&one.package, &one.manifest).cmp(&(&two.package, &two.manifest)));
    let is_member = members
        .iter()
        .any(|member| member.manifest == workspace.root);
    if !is_member {
        let sections = manifest(&workspace.root, None)?;
        root(loaded, sections.workspace)?;
    }
    let mut packages = Vec::new();
    for member in members {
        let sections = manifest(&member.manifest, Some(&member.package))?;
        if member.manifest == workspace.root {
            root(loaded, sections.workspace)?;
        }
        packages.extend(sections.package.map(|section| section.value));
        if let Some(theirs) = sections.cargo_lambda {
            loaded.cargo_lambda.insert(member.package.clone(), theirs);
        }
    }
    loaded.config.sections.extend(packages);
    // One section of ours, and theirs are of the past: what is said at two places would be searched at the wrong one.
    if !loaded.config.sections.is_empty() {
        loaded.cargo_lambda.clear();
    }
    Ok(())
}

/// Takes the workspace's section, which a file beside it would contradict.
fn root(loaded: &mut Loaded, section: Option<Located<super::Section>>) -> Result<()> {
    let Some(section) = section else {
        return Ok(());
    };
    if let Some(file) = &loaded.file {
        let message = format!(
            "`[workspace.metadata.slsbuild]` and `{}` are both there, and only one can be the workspace's configuration",
            fs::from_here(file).display()
        );
        let hint = format!("move the section into {FILE}, or remove that file");
        return Err(error_at(&section.place, message, Some(hint)));
    }
    loaded.config.sections.push(section.value);
    Ok(())
}

/// The sections of a manifest. Most manifests say nothing to us, and are not parsed.
fn manifest(path: &Path, package: Option<&str>) -> Result<ManifestSections> {
    let text = read(path, MAX_MANIFEST)?;
    let says = |word: &str| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    let to_cargo_lambda = says("metadata") && says("lambda");
    if !to_cargo_lambda && !says("slsbuild") {
        return Ok(ManifestSections::default());
    }
    let directory = path.parent().unwrap_or(path);
    parse_manifest(&text, &fs::from_here(path), directory, package)
}

fn read(path: &Path, limit: u64) -> Result<String> {
    let refused = |message: String, hint: Option<String>| Error::Config {
        place: fs::from_here(path).display().to_string(),
        message,
        hint,
    };
    let bytes = fs::read_bounded(path, limit).map_err(|error| {
        if error.kind() == io::ErrorKind::FileTooLarge {
            refused(format!("is larger than {} MiB", limit >> 20), None)
        } else {
            // fs-err's words name the path, which stands before them already.
            let words = error.to_string();
            let cause = words
                .split_once("`: ")
                .map_or(words.as_str(), |(_, cause)| cause);
            refused(format!("cannot be read: {cause}"), None)
        }
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let hint = "save it as UTF-8".to_owned();
        refused(format!("line {line} is no UTF-8"), Some(hint))
    })
}

/// What several files, or functions, may say together.
fn across(config: &Config) -> Result<()> {
    let functions = || {
        let sections = config.sections.iter();
        sections.flat_map(|section| &section.functions)
    };
    let names: Vec<_> = functions().map(|function| &function.name).collect();
    checks::twins(&names)?;
    let by_name: BTreeMap<&str, &FunctionTable> = functions()
        .map(|function| (function.name.value.as_str(), function))
        .collect();
    let defaults = config.sections.iter().map(|section| &section.defaults);
    for keys in defaults.chain(functions().map(|function| &function.keys)) {
        for name in keys.layers.iter().flat_map(|layers| &layers.value) {
            referred(name, &by_name, Role::Layer)?;
        }
        for name in keys
            .extensions
            .iter()
            .flat_map(|extensions| &extensions.value)
        {
            referred(name, &by_name, Role::Internal)?;
        }
    }
    Ok(())
}

/// What a function refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Layer,
    Internal,
}

fn role(function: &FunctionTable) -> Option<Role> {
    let kind = function.kind.as_ref().map(|kind| kind.value);
    let internal = function
        .internal
        .as_ref()
        .is_some_and(|internal| internal.value);
    match kind.unwrap_or_default() {
        Kind::Function => None,
        Kind::Extension if internal => Some(Role::Internal),
        Kind::Extension | Kind::Layer => Some(Role::Layer),
    }
}

fn referred(
    name: &Located<String>,
    functions: &BTreeMap<&str, &FunctionTable>,
    wanted: Role,
) -> Result<()> {
    let function = functions.get(name.value.as_str());
    if function.is_some_and(|function| role(function) == Some(wanted)) {
        return Ok(());
    }
    let (what, declaration) = match wanted {
        Role::Layer => ("layer", "kind = \"layer\" or kind = \"extension\""),
        Role::Internal => (
            "internal extension",
            "kind = \"extension\" and internal = true",
        ),
    };
    let message = match function {
        None => format!(
            "{what} {} is declared by no function table",
            quoted(&name.value)
        ),
        Some(function) => format!(
            "`{}` is no {what}: see `{}`",
            name.value, function.name.place
        ),
    };
    let known: Vec<&str> = functions
        .values()
        .filter(|function| role(function) == Some(wanted))
        .map(|function| function.name.value.as_str())
        .collect();
    let hint = did_you_mean(&name.value, &known)
        .unwrap_or_else(|| format!("declare it: [functions.NAME] with {declaration}"));
    Err(error_at(&name.place, message, Some(hint)))
}

#[cfg(test)]
mod tests;
