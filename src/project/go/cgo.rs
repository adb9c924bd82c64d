//! Which packages want cgo, and who brings them. Our builds have none: a static binary needs no C compiler then.
//!
//! A package that has files with `import "C"` and none without is refused: go would leave it empty. One that has both is
//! built from its other files, which are there for just that (`net`, crypto libraries), and a note names it: whether they
//! compile only the build shows. The exception are packages whose other files are known to do nothing but fail when they
//! are called: they would build, and die in the first invocation.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use super::list::{Listed, Listing};
use crate::error::{Error, Result};

/// A package with cgo code, and how the function comes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgoPackage {
    /// The path that it is imported by.
    pub import_path: String,
    /// Import paths from the main package to it, both included.
    pub chain: Vec<String>,
}

/// What is known about packages with cgo: the module, whether its code without cgo only fails, and what does without.
const KNOWN: [(&str, bool, &str); 10] = [
    // static_mock.go: every call answers "go-sqlite3 requires cgo to work. This is a stub".
    ("github.com/mattn/go-sqlite3", true, "modernc.org/sqlite"),
    ("gorm.io/driver/sqlite", false, "github.com/glebarez/sqlite"),
    (
        "github.com/confluentinc/confluent-kafka-go",
        false,
        "github.com/twmb/franz-go",
    ),
    (
        "github.com/DataDog/zstd",
        false,
        "github.com/klauspost/compress/zstd",
    ),
    (
        "github.com/valyala/gozstd",
        false,
        "github.com/klauspost/compress/zstd",
    ),
    (
        "github.com/godror/godror",
        false,
        "github.com/sijms/go-ora/v2",
    ),
    (
        "github.com/libgit2/git2go",
        false,
        "github.com/go-git/go-git/v5",
    ),
    (
        "github.com/chai2010/webp",
        false,
        "github.com/gen2brain/webp",
    ),
    (
        "github.com/linxGnu/grocksdb",
        false,
        "github.com/cockroachdb/pebble",
    ),
    ("github.com/pebbe/zmq4", false, "github.com/go-zeromq/zmq4"),
];

impl CgoPackage {
    /// The failure of a function that cannot be built without this package's cgo code.
    pub fn missing(&self) -> Error {
        let package = &self.import_path;
        let message = match self.chain.as_slice() {
            [] | [_] => format!("`{package}` needs cgo, which slsbuild builds without"),
            [first, between @ .., last] => {
                let mut chain = format!("`{first}` imports ");
                for path in between {
                    let _ = write!(chain, "`{path}`, which imports ");
                }
                format!("`{last}` needs cgo, which slsbuild builds without: {chain}`{last}`")
            }
        };
        Error::ToolMissing {
            message,
            // A package on the way may be the one to replace, such as a driver of gorm's.
            hint: self.chain.iter().find_map(|path| known(path)).map_or_else(
                || "see what needs it, and look for a package in pure Go: CGO_ENABLED=0 GOOS=linux go build .".to_owned(),
                |(_, instead)| format!("use one in pure Go: go get {instead}"),
            ),
        }
    }

    /// What to say about a package that is built from its code without cgo.
    pub fn note(&self) -> String {
        format!("`{}` is built without its cgo code", self.import_path)
    }
}

/// What is known about the package at an import path: whether it is a stub without cgo, and what replaces it.
fn known(import_path: &str) -> Option<(bool, &'static str)> {
    let is_in = |module: &str| {
        import_path
            .strip_prefix(module)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let found = KNOWN.iter().find(|(module, ..)| is_in(module));
    found.map(|&(_, is_stub, instead)| (is_stub, instead))
}

/// The packages that are built without their cgo code.
///
/// # Errors
/// [`Error::ToolMissing`] for the first that cannot be.
pub(super) fn check(listing: &Listing) -> Result<Vec<CgoPackage>> {
    let mut without = Vec::new();
    let packages = std::iter::once(&listing.main).chain(&listing.dependencies);
    for package in packages.filter(|package| !package.standard && has_cgo(listing, package)) {
        let import_path = package.import_path.clone();
        let found = CgoPackage {
            chain: chain(listing, &import_path),
            import_path,
        };
        let is_stub = known(&found.import_path).is_some_and(|(is_stub, _)| is_stub);
        if is_stub || listing.needs_cgo(package) {
            return Err(found.missing());
        }
        without.push(found);
    }
    Ok(without)
}

fn has_cgo(listing: &Listing, package: &Listed) -> bool {
    let with = listing.with_cgo(&package.import_path);
    with.is_some_and(|with| !with.cgo_files.is_empty())
}

/// The shortest way from the main package to another.
fn chain(listing: &Listing, to: &str) -> Vec<String> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let start = listing.main.import_path.as_str();
    let mut next = VecDeque::from([start]);
    while let Some(path) = next.pop_front() {
        if path == to {
            break;
        }
        for import in listing
            .package(path)
            .into_iter()
            .flat_map(|package| &package.imports)
        {
            if import != start && !came_from.contains_key(import.as_str()) {
                came_from.insert(import, path);
                next.push_back(import);
            }
        }
    }
    let mut chain = vec![to.to_owned()];
    let mut at = to;
    while let Some(from) = came_from.get(at) {
        chain.push((*from).to_owned());
        at = from;
    }
    chain.reverse();
    chain
}
