//! Flags that were typed and would be lost: those of Rust where Go is built, and those that hold for one call where the
//! command of a later one is written. What a variable of the environment says is for whom it fits.

use crate::cli::{Deployer, InitArgs, ZipArgs};
use crate::error::{Error, Result};

/// What Go has instead of a flag of Rust's, by clap's name of it.
const OF_RUST: [(&str, &str, &str); 9] = [
    ("features", "--features", TAGS),
    ("all_features", "--all-features", TAGS),
    ("no_default_features", "--no-default-features", TAGS),
    (
        "profile",
        "--profile",
        "go has no profiles, but build tags and linker flags: --tags netgo --ldflags '-X main.version=1'",
    ),
    (
        "optimize",
        "--optimize",
        "go optimizes by itself, guided by a CPU profile beside the package: default.pgo",
    ),
    (
        "panic",
        "--panic",
        "in Go the program recovers from a panic itself, or ends",
    ),
    (
        "target_cpu",
        "--target-cpu",
        "go takes the CPU from its environment: GOARM64=v8.2 or GOAMD64=v2",
    ),
    ("allocator", "--allocator", RUNTIME),
    ("runtime_archive", "--runtime-archive", RUNTIME),
];
const TAGS: &str = "build tags are what Go has: --tags netgo";
const RUNTIME: &str =
    "Go brings an allocator of its own; GOGC and GOMEMLIMIT tune it where the function runs";

/// Flags that a written command does not hold, and the line of the configuration that says the same, where there is one.
const OF_ONE_CALL: [(&str, &str, &str); 26] = [
    ("go", "--go", "go = \"./cmd/orders\""),
    ("binary", "--binary", "binary = \"dist/orders\""),
    ("name", "--name", "the table's own name"),
    ("package", "--package", "package = \"orders\""),
    ("bin", "--bin", "bin = \"orders\""),
    ("runtime", "--runtime", "runtime = \"provided.al2023\""),
    ("optimize", "--optimize", "optimize = \"size\""),
    ("panic", "--panic", "panic = \"abort\""),
    ("strip", "--strip", "strip = \"none\""),
    ("target_cpu", "--target-cpu", "target-cpu = \"generic\""),
    ("allocator", "--allocator", "allocator = \"system\""),
    (
        "runtime_archive",
        "--runtime-archive",
        "runtime-archive = false",
    ),
    ("pgo", "--pgo", "pgo.events = [\"events\"]"),
    ("pgo_repeat", "--pgo-repeat", "pgo.repeat = 50"),
    ("pgo_env", "--pgo-env", ""),
    ("pgo_out", "--pgo-out", ""),
    (
        "pgo_profile",
        "--pgo-profile",
        "pgo.profile = \"orders.profdata\"",
    ),
    ("include", "--include", "include = [\"templates\"]"),
    ("layout", "--layout", ""),
    ("target_dir", "--target-dir", ""),
    ("profile", "--profile", "profile = \"release\""),
    ("features", "--features", "features = [\"json\"]"),
    ("all_features", "--all-features", "all-features = true"),
    (
        "no_default_features",
        "--no-default-features",
        "no-default-features = true",
    ),
    ("tags", "--tags", "tags = [\"netgo\"]"),
    ("ldflags", "--ldflags", "ldflags = \"-X main.version=1\""),
];

/// Refuses flags of Rust's beside `--go`, and Go's without it.
///
/// # Errors
/// [`Error::Usage`] for the first such flag.
pub(super) fn refuse_of_other_language(arguments: &ZipArgs, functions: &[String]) -> Result<()> {
    let build = &arguments.build;
    let is_given = |id: &str| build.given.iter().any(|given| given == id);
    if arguments.go.is_none() {
        // Functions of the configuration may be Go.
        let flags = [("tags", "--tags"), ("ldflags", "--ldflags")];
        let lost = flags
            .iter()
            .find(|(id, _)| functions.is_empty() && is_given(id));
        return lost.map_or(Ok(()), |(_, flag)| {
            Err(Error::Usage {
                message: format!("`{flag}` is for Go, and no Go package is named"),
                hint: Some(format!("name one: slsbuild zip --go ./cmd/orders {flag} …")),
            })
        });
    }
    let refused = |flag: &str, hint: &str| {
        Err(Error::Usage {
            message: format!("`{flag}` is for Rust, and `--go` builds Go"),
            hint: Some(hint.to_owned()),
        })
    };
    if !build.cargo.extra.is_empty() {
        return refused(
            "--",
            "go takes more flags from its environment: GOFLAGS=-mod=vendor slsbuild zip --go DIR",
        );
    }
    match OF_RUST.iter().find(|(id, ..)| is_given(id)) {
        Some((_, flag, hint)) => refused(flag, hint),
        None => Ok(()),
    }
}

/// Refuses flags that the commands `init` writes would not hold.
///
/// # Errors
/// [`Error::Usage`] for the first such flag.
pub(super) fn refuse_of_one_call(arguments: &InitArgs) -> Result<()> {
    let build = &arguments.plan.zip.build;
    let is_given = |id: &str| build.given.iter().any(|given| given == id);
    let refused = |flag: &str, hint: String| {
        Err(Error::Usage {
            message: format!(
                "`{flag}` holds for one call, and the commands that are written here are run later"
            ),
            hint: Some(hint),
        })
    };
    if let Some((_, flag, line)) = OF_ONE_CALL.iter().find(|(id, ..)| is_given(id)) {
        return refused(
            flag,
            match *line {
                "" => format!("leave `{flag}` out here, and say it when you build"),
                line => format!("say it in slsbuild.toml, below [functions.NAME]: {line}"),
            },
        );
    }
    if !build.cargo.extra.is_empty() {
        return refused(
            "--",
            "cargo reads .cargo/config.toml in every call".to_owned(),
        );
    }
    if arguments.tool == Deployer::Sam && is_given("out_dir") {
        return refused(
            "--out-dir",
            "SAM names the directory itself: leave --out-dir out".to_owned(),
        );
    }
    Ok(())
}
