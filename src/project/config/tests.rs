//! The reader on whole texts: what is read, and what each bad input gets.

use std::fmt::Write as _;
use std::path::Path;

use insta::assert_snapshot;

use super::*;
use crate::error::{Error, Result};

/// Every key once, where it may stand.
pub(super) const EXAMPLE: &str = r#"
[defaults]
platform = "lambda"
arch = ["arm64"]
runtime = "provided.al2023"
profile = "release"
optimize = "size"
panic = "unwind"
strip = "symbols"
target-cpu = "neoverse-n1"
allocator = "dlmalloc"
runtime-archive = true

[functions.orders]
package = "orders"
bin = "orders"
kind = "function"
features = ["postgres"]
all-features = false
no-default-features = true
include = ["templates/**", { from = "../shared/ca.pem", to = "certs/ca.pem" }]
layers = ["files", "telemetry"]
extensions = ["profiler"]
budget = { zip = "2 MB", unzipped = "6MiB" }
pgo = { events = ["events/"], repeat = 20 }
env = { TABLE = "orders" }

[functions.api]
package = "api"
platform = "cloud-run"
budget.image = "20 MB"

[functions.api.image]
base = "distroless"
compression = "zstd"
user = "1000"
workdir = "/srv"
port = [8080, 9090]
entrypoint = ["/app/api", "serve"]
cmd = ["--verbose"]
tag = ["v1"]
label = { team = "shop" }
annotation = { "org.opencontainers.image.source" = "shop" }
allow = ["cloud-run/contract"]

[functions.stamped]
package = "stamped"
pgo.profile = "stamped.profdata"

[functions.thumbnail]
go = "./cmd/thumbnail"
arch = ["arm64", "x86_64", "amd64"]
tags = ["netgo"]
ldflags = "-X main.version=1"

[functions.legacy]
binary = "dist/legacy-arm64"
arch = "arm64"

[functions.telemetry]
package = "telemetry"
kind = "extension"

[functions.profiler]
go = "profiler"
kind = "extension"
internal = true

[functions.files]
kind = "layer"
include = ["layer/**"]
"#;

fn read(text: &str) -> Result<Section> {
    parse(text, Path::new("slsbuild.toml"), Path::new("/project"))
}

/// What the user sees of each text, which is given without its leading newline.
fn refused(texts: &[&str]) -> String {
    let mut shown = String::new();
    for text in texts {
        show(&mut shown, &read(text).expect_err(text));
    }
    shown
}

fn show(shown: &mut String, error: &Error) {
    assert_eq!(error.exit_code(), 3, "{error}");
    writeln!(shown, "error: {}", error.one_line()).unwrap();
    if let Some(hint) = error.hint() {
        assert!(!hint.contains('\n'));
        writeln!(shown, "hint: {hint}").unwrap();
    }
}

/// A function's table with these lines.
fn function(lines: &str) -> String {
    format!("[functions.orders]\n{lines}\n")
}

fn refused_in_function(lines: &[&str]) -> String {
    let texts: Vec<String> = lines.iter().map(|lines| function(lines)).collect();
    refused(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn everything_that_can_be_written_is_read_with_its_place() {
    let section = read(EXAMPLE).unwrap();
    let names: Vec<&str> = section
        .functions
        .iter()
        .map(|function| function.name.value.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "orders",
            "api",
            "stamped",
            "thumbnail",
            "legacy",
            "telemetry",
            "profiler",
            "files"
        ]
    );
    assert!(section.declares_functions);
    let orders = &section.functions[0];
    assert_eq!(orders.name.place.to_string(), "slsbuild.toml:14:12");
    assert_eq!(orders.keys.budget_zip.as_ref().unwrap().value, 2_000_000);
    assert_eq!(orders.keys.budget_unzipped.as_ref().unwrap().value, 6 << 20);
    assert_eq!(orders.keys.pgo_repeat.as_ref().unwrap().value, 20);
    let include = orders.keys.include.as_ref().unwrap();
    assert_eq!(include.place.to_string(), "slsbuild.toml:21:11");
    assert_eq!(include.value[1].place.to_string(), "slsbuild.toml:21:28");
    assert_eq!(
        include.value[1].value,
        Include::FromTo {
            from: "../shared/ca.pem".to_owned(),
            to: "certs/ca.pem".to_owned()
        }
    );
    let api = &section.functions[1].keys;
    assert_eq!(api.platform.as_ref().unwrap().value, Platform::CloudRun);
    assert_eq!(api.image.port.as_ref().unwrap().value, [8080, 9090]);
    let arch = section.functions[3].keys.arch.as_ref().unwrap();
    assert_eq!(arch.value, [Arch::Arm64, Arch::Amd64]);
    let arch = section.functions[4].keys.arch.as_ref().unwrap();
    assert_eq!(arch.value, [Arch::Arm64]);
    assert_eq!(section.defaults.strip.unwrap().value, Strip::Symbols);
}

#[test]
fn an_empty_text_declares_nothing() {
    let section = read("").unwrap();
    assert!(!section.declares_functions);
    assert!(read("[functions]").unwrap().declares_functions);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_accepted() {
    let text = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    let section = read(&text).unwrap();
    let place = &section.functions[0].name.place;
    assert_eq!(place.to_string(), "slsbuild.toml:14:12");
    let marked = read("\u{feff}x = 1").unwrap_err().one_line();
    assert!(marked.starts_with("`slsbuild.toml:1:1`"), "{marked}");
}

#[test]
fn what_is_no_toml_is_one_line_with_its_place() {
    assert_snapshot!(refused(&[
        "[defaults]\narch = [\"arm64\"\n\n[functions.x]",
        "[defaults\n",
        "ä = ",
        "[defaults]\narch = 'arm64'\narch = 'amd64'",
        "\0",
    ]), @r#"
    error: `slsbuild.toml:4:1`: is no TOML: missing comma between array elements, expected `,`
    error: `slsbuild.toml:1:10`: is no TOML: unclosed table, expected `]`
    error: `slsbuild.toml:1:1`: is no TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
    error: `slsbuild.toml:3:1`: is no TOML: duplicate key
    error: `slsbuild.toml:1:2`: is no TOML: key with no value, expected `=`
    "#);
}

#[test]
fn an_unknown_key_is_told_the_nearest_of_its_table() {
    assert_snapshot!(refused(&[
        "[function.orders]\npackage = 'orders'",
        "arch = ['arm64']",
        "[defaults]\nfeatrues = ['a']",
        "[defaults]\npackage = 'orders'",
        "[functions.orders]\npackage = 'orders'\nall_features = true",
        "[functions.orders]\npackage = 'orders'\nxyz = true",
        "[functions.orders]\npackage = 'orders'\nbudget = { zipped = '2 MB' }",
        "[functions.orders]\npackage = 'orders'\npgo.event = ['a']",
        "[functions.orders]\npackage = 'orders'\ninclude = [{ form = 'a', to = 'b' }]",
        "[functions.orders]\npackage = 'orders'\ninclude = [{ from = 'a' }]",
        "[functions.orders]\npackage = 'orders'\n\"a\\nb\" = 1",
    ]), @r#"
    error: `slsbuild.toml:1:2`: unknown key `function` in `slsbuild.toml`
    hint: did you mean `functions`?
    error: `slsbuild.toml:1:1`: `arch` stands in no table of `slsbuild.toml`
    hint: put it below [defaults], or below [functions.NAME] for one function
    error: `slsbuild.toml:2:1`: unknown key `featrues` in `[defaults]`
    hint: did you mean `features`?
    error: `slsbuild.toml:2:1`: `package` is no default: it is one function's
    hint: put it below [functions.NAME]
    error: `slsbuild.toml:3:1`: unknown key `all_features` in `[functions.orders]`
    hint: did you mean `all-features`?
    error: `slsbuild.toml:3:1`: unknown key `xyz` in `[functions.orders]`
    hint: known here: package, bin, go, binary, kind, internal, platform, arch, runtime, features, all-features, no-default-features, include, layers, extensions, budget, profile, optimize, panic, strip, target-cpu, allocator, runtime-archive, pgo, tags, ldflags, env, image
    error: `slsbuild.toml:3:12`: unknown key `zipped` in `budget`
    hint: did you mean `unzipped`?
    error: `slsbuild.toml:3:5`: unknown key `event` in `pgo`
    hint: did you mean `events`?
    error: `slsbuild.toml:3:14`: unknown key `form` in an entry of `include`
    hint: did you mean `from`?
    error: `slsbuild.toml:3:12`: an entry of `include` has no `to`
    hint: include = ["templates/**", { from = "a.pem", to = "certs/a.pem" }]
    error: `slsbuild.toml:3:1`: unknown key `a\nb` in `[functions.orders]`
    hint: known here: package, bin, go, binary, kind, internal, platform, arch, runtime, features, all-features, no-default-features, include, layers, extensions, budget, profile, optimize, panic, strip, target-cpu, allocator, runtime-archive, pgo, tags, ldflags, env, image
    "#);
}

#[test]
fn a_wrong_type_says_what_is_expected_and_what_was_found() {
    assert_snapshot!(refused(&[
        "defaults = 1",
        "functions = ['orders']",
        "[functions]\norders = 'orders'",
    ]) + &refused_in_function(&[
        "package = 1",
        "package = ''",
        "package = \"a\\nb\"",
        "features = 'postgres'",
        "features = [1]",
        "features = ['']",
        "all-features = 'yes'",
        "include = 'templates'",
        "include = [['a']]",
        "include = [{ from = 1, to = 'b' }]",
        "env = ['A=b']",
        "env = { A = 1 }",
        "env = { 'A=B' = '1' }",
        "budget = '2 MB'",
        "pgo = 'events'",
        "pgo = { events = ['a'], repeat = 0 }",
        "pgo = { events = ['a'], repeat = 1.5 }",
        "optimize = 3",
        "kind = 2020-01-01",
    ]), @r#"
    error: `slsbuild.toml:1:12`: `defaults` is a table, not the number `1`
    hint: defaults = { arch = ["arm64"] }
    error: `slsbuild.toml:1:13`: `functions` is a table, not a list
    hint: functions = { orders = { package = "orders" } }
    error: `slsbuild.toml:2:10`: `functions.orders` is a table, not the string `orders`
    hint: functions.orders = { package = "orders" }
    error: `slsbuild.toml:2:11`: `package` is a string, not the number `1`
    hint: package = "…"
    error: `slsbuild.toml:2:11`: `package` is empty
    error: `slsbuild.toml:2:11`: `package` holds a control character: `a\nb`
    error: `slsbuild.toml:2:12`: `features` is a list of strings, not the string `postgres`
    hint: features = ["postgres"]
    error: `slsbuild.toml:2:13`: `features` is a list of strings, not the number `1`
    hint: features = ["…"]
    error: `slsbuild.toml:2:13`: `features` is empty
    error: `slsbuild.toml:2:16`: `all-features` is `true` or `false`, not the string `yes`
    hint: all-features = true
    error: `slsbuild.toml:2:11`: `include` is a list of paths, not the string `templates`
    hint: include = ["templates"]
    error: `slsbuild.toml:2:12`: `include` is a list of paths, not a list
    hint: include = ["templates/**", { from = "a.pem", to = "certs/a.pem" }]
    error: `slsbuild.toml:2:21`: `from` is a string, not the number `1`
    hint: from = "…"
    error: `slsbuild.toml:2:7`: `env` is a table, not a list
    hint: env = { TABLE = "orders" }
    error: `slsbuild.toml:2:13`: `env` is a table of strings, not the number `1`
    hint: env = { TABLE = "orders" }
    error: `slsbuild.toml:2:9`: `A=B` cannot be a variable's name
    hint: env = { TABLE = "orders" }
    error: `slsbuild.toml:2:10`: `budget` is a table, not the string `2 MB`
    hint: budget = { zip = "2 MB", unzipped = "6 MB" }
    error: `slsbuild.toml:2:7`: `pgo` is a table, not the string `events`
    hint: pgo = { events = ["events/"] }
    error: `slsbuild.toml:2:34`: `pgo.repeat` is from 1 to 100000, not `0`
    hint: pgo.repeat = 50
    error: `slsbuild.toml:2:34`: `pgo.repeat` is a whole number, not the number `1.5`
    hint: pgo.repeat = 50
    error: `slsbuild.toml:2:12`: `optimize` is a string, not the number `3`
    hint: optimize = "size"
    error: `slsbuild.toml:2:8`: `kind` is a string, not a date
    hint: kind = "function"
    "#);
}

#[test]
fn a_word_that_is_none_of_the_known_ones_is_told_them() {
    assert_snapshot!(refused_in_function(&[
        "optimize = 'speeed'",
        "optimize = 'z'",
        "panic = 'Abort'",
        "strip = 'all'",
        "allocator = 'mimalloc'",
        "kind = 'layers'",
        "platform = 'gcp'",
        "target-cpu = 'native'",
        "arch = 'arm'",
        "arch = ['arm64', 'riscv64']",
        "arch = []",
        "arch = [64]",
        "arch = 64",
    ]), @r#"
    error: `slsbuild.toml:2:12`: `optimize` cannot be `speeed`: there is `size`, `balanced` and `speed`
    hint: did you mean `speed`?
    error: `slsbuild.toml:2:12`: `optimize` cannot be `z`: there is `size`, `balanced` and `speed`
    hint: optimize = "size"
    error: `slsbuild.toml:2:9`: `panic` cannot be `Abort`: there is `unwind` and `abort`
    hint: did you mean `abort`?
    error: `slsbuild.toml:2:9`: `strip` cannot be `all`: there is `symbols`, `debuginfo` and `none`
    hint: strip = "symbols"
    error: `slsbuild.toml:2:13`: `allocator` cannot be `mimalloc`: there is `dlmalloc` and `system`
    hint: did you mean `dlmalloc`?
    error: `slsbuild.toml:2:8`: `kind` cannot be `layers`: there is `function`, `extension` and `layer`
    hint: did you mean `layer`?
    error: `slsbuild.toml:2:12`: `platform` cannot be `gcp`: there is `lambda`, `cloud-run`, `fargate`, `container` and `app-runner`
    hint: platform = "lambda"
    error: `slsbuild.toml:2:14`: `target-cpu` `native` is another CPU on every machine
    hint: name it: rustc --print target-cpus
    error: `slsbuild.toml:2:8`: unknown arch `arm`: slsbuild builds for `arm64`, `amd64` and `host`
    hint: arch = ["arm64"]
    error: `slsbuild.toml:2:18`: unknown arch `riscv64`: slsbuild builds for `arm64`, `amd64` and `host`
    hint: arch = ["arm64"]
    error: `slsbuild.toml:2:8`: `arch` is an empty list
    hint: arch = ["arm64"]
    error: `slsbuild.toml:2:9`: `arch` is a list of arches, not the number `64`
    hint: arch = ["arm64"]
    error: `slsbuild.toml:2:8`: `arch` is a list of arches, not the number `64`
    hint: arch = ["arm64"]
    "#);
}

#[test]
fn a_budget_without_its_unit_is_told_how_it_is_written() {
    assert_snapshot!(refused_in_function(&[
        "budget.zip = 2",
        "budget.zip = 1.5",
        "budget.zip = 2000000",
        "budget.unzipped = '6'",
        "budget.zip = '2 mb'",
        "budget.zip = '2 megs'",
        "budget.zip = 'small'",
        "budget.zip = '0 MB'",
        "budget.zip = -1",
        "budget.zip = '99999999999 TiB'",
        "budget.zip = true",
    ]), @r#"
    error: `slsbuild.toml:2:14`: `budget.zip`: `2` has no unit
    hint: budget.zip = "2 MB"
    error: `slsbuild.toml:2:14`: `budget.zip`: `1.5` has no unit
    hint: budget.zip = "1.5 MB"
    error: `slsbuild.toml:2:14`: `budget.zip`: `2000000` has no unit
    hint: budget.zip = "2000000 B"
    error: `slsbuild.toml:2:19`: `budget.unzipped`: `6` has no unit
    hint: budget.unzipped = "6 MB"
    error: `slsbuild.toml:2:14`: `budget.zip`: `2 mb` has a unit that is none of `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` and `GiB`
    hint: budget.zip = "2 MB"
    error: `slsbuild.toml:2:14`: `budget.zip`: `2 megs` has a unit that is none of `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` and `GiB`
    hint: budget.zip = "2 MB"
    error: `slsbuild.toml:2:14`: `budget.zip`: `small` does not begin with a number
    hint: budget.zip = "2 MB"
    error: `slsbuild.toml:2:14`: `budget.zip` is 0 bytes, in which nothing fits
    hint: budget.zip = "2 MB"
    error: `slsbuild.toml:2:14`: `budget.zip`: `-1` does not begin with a number
    hint: budget.zip = "2 MB"
    error: `slsbuild.toml:2:14`: `budget.zip`: `99999999999 TiB` is more than 2^64 bytes
    hint: budget.zip = "2 MB"
    error: `slsbuild.toml:2:14`: `budget.zip` is a size, not `true`
    hint: budget.zip = "2 MB"
    "#);
}

#[test]
fn a_function_has_one_source() {
    assert_snapshot!(refused_in_function(&[
        "",
        "include = ['a']",
        "kind = 'extension'",
        "package = 'orders'\ngo = './cmd/orders'",
        "go = './cmd/orders'\nbin = 'orders'",
        "binary = 'dist/orders'\npackage = 'orders'\ngo = '.'",
    ]), @r#"
    error: `slsbuild.toml:1:12`: function `orders` has no source
    hint: package = "orders" for Rust, go = "./cmd/orders" for Go, or binary = "dist/orders" for what is built already
    error: `slsbuild.toml:1:12`: function `orders` has no source
    hint: package = "orders" for Rust, go = "./cmd/orders" for Go, or binary = "dist/orders" for what is built already; files alone are a layer: kind = "layer"
    error: `slsbuild.toml:1:12`: extension `orders` has no source
    hint: package = "orders" for Rust, go = "./cmd/orders" for Go, or binary = "dist/orders" for what is built already
    error: `slsbuild.toml:3:6`: function `orders` has two sources: `package` and `go`
    hint: keep one of them
    error: `slsbuild.toml:3:7`: function `orders` has two sources: `go` and `bin`
    hint: keep one of them
    error: `slsbuild.toml:4:6`: function `orders` has two sources: `package` and `go`
    hint: keep one of them
    "#);
}

#[test]
fn a_key_stands_only_where_it_means_something() {
    assert_snapshot!(refused_in_function(&[
        "go = '.'\nfeatures = ['a']",
        "go = '.'\nstrip = 'none'",
        "binary = 'x'\noptimize = 'size'",
        "binary = 'x'\npgo.events = ['a']",
        "package = 'x'\ntags = ['a']",
        "kind = 'layer'\ninclude = ['a']\nldflags = '-s'",
        "kind = 'layer'\ninclude = ['a']\nenv = { A = 'b' }",
        "kind = 'extension'\npackage = 'x'\nlayers = ['a']",
        "kind = 'extension'\npackage = 'x'\ninternal = true\ninclude = ['a']",
        "kind = 'extension'\ngo = '.'\ninternal = true\nbudget.zip = '2 MB'",
        "package = 'x'\ninternal = true",
        "kind = 'layer'",
        "kind = 'layer'\ninclude = []",
        "kind = 'layer'\ninclude = ['a']\nbinary = 'x'",
        "package = 'x'\npgo = { events = ['a'], profile = 'b' }",
    ]), @r#"
    error: `slsbuild.toml:3:1`: `features` is for Rust, and `orders` is built from Go
    hint: build tags are what Go has: tags = ["netgo"]
    error: `slsbuild.toml:3:1`: `strip` is for Rust and ready binaries, and `orders` is built from Go
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    error: `slsbuild.toml:3:1`: `optimize` is for Rust, and `orders` is built already
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    error: `slsbuild.toml:3:1`: `pgo` is for Rust, and `orders` is built already
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    error: `slsbuild.toml:3:1`: `tags` is for Go, and `orders` is built from Rust
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    error: `slsbuild.toml:4:1`: `ldflags` is for Go, and `orders` is a layer of files
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    error: `slsbuild.toml:4:1`: `env` is for what is run, and `orders` is a layer of files
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    error: `slsbuild.toml:4:1`: `layers` is for functions, and `orders` is an extension
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    error: `slsbuild.toml:5:1`: `include` is for what has a zip of its own, and `orders` is an internal extension
    hint: put it below the function that packs it
    error: `slsbuild.toml:5:1`: `budget` is for what has a zip of its own, and `orders` is an internal extension
    hint: put it below the function that packs it
    error: `slsbuild.toml:3:12`: `internal` is for `kind = "extension"`
    hint: kind = "extension"
    error: `slsbuild.toml:1:12`: layer `orders` has no `include`, which is all that it is made of
    hint: include = ["layer/**"]
    error: `slsbuild.toml:1:12`: layer `orders` has no `include`, which is all that it is made of
    hint: include = ["layer/**"]
    error: `slsbuild.toml:4:10`: layer `orders` has the source `binary`, but is made of its `include` alone
    hint: an executable in a layer is an extension: kind = "extension"
    error: `slsbuild.toml:3:35`: `pgo.events` and `pgo.profile` are both given: a profile is made from events, or there already
    hint: keep one of them
    "#);
}

#[test]
fn a_function_is_named_as_a_file_can_be() {
    let named = |name: &str| format!("[functions.\"{name}\"]\npackage = 'x'\n");
    let texts: Vec<String> = [
        "",
        "a/b",
        "..",
        ".hidden",
        "-x",
        "a.",
        "größe",
        "Tools",
        "pgo",
        "report.json",
        "a b",
    ]
    .map(named)
    .to_vec();
    let long = named(&"x".repeat(129));
    let twins = named("orders") + &named("Orders");
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.extend([long.as_str(), twins.as_str()]);
    assert_snapshot!(refused(&texts), @r#"
    error: `slsbuild.toml:1:12`: a function's name is empty
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `a/b` has characters other than letters, digits, `-`, `_` and `.`
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `..` begins with neither a letter, a digit nor `_`
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `.hidden` begins with neither a letter, a digit nor `_`
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `-x` begins with neither a letter, a digit nor `_`
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `a.` ends with `.`
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `größe` has characters other than letters, digits, `-`, `_` and `.`
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `Tools` is a name that slsbuild's own directory has a use for
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `pgo` is a name that slsbuild's own directory has a use for
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `report.json` is a name that slsbuild's own directory has a use for
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `a b` has characters other than letters, digits, `-`, `_` and `.`
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:1:12`: function `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` is longer than 128 characters
    hint: rename it: [functions.orders]
    error: `slsbuild.toml:3:12`: functions `Orders` and `orders` of `slsbuild.toml:1:12` write one path where file names have no case
    hint: rename one of them
    "#);
    for fine in ["orders", "a.b", "_x", "0", "a-b_c.d", &"x".repeat(128)] {
        read(&named(fine)).unwrap();
    }
}

#[test]
fn a_manifest_holds_sections_with_the_places_of_the_whole_file() {
    let text = "[package]\nname = 'shop'\n\n[package.metadata.slsbuild.defaults]\narch = 'amd64'\n\n\
        [package.metadata.slsbuild.functions.orders]\nbin = 'orders'\n[package.metadata.slsbuild.functions.all]\n\n\
        [workspace.metadata.slsbuild]\ndefaults = { runtime = 'provided.al2' }\n";
    let file = Path::new("Cargo.toml");
    let sections = parse_manifest(text, file, Path::new("/project"), Some("shop")).unwrap();
    let package = sections.package.unwrap();
    assert_eq!(package.value.package.as_deref(), Some("shop"));
    assert_eq!(
        package.value.functions[0].name.place.to_string(),
        "Cargo.toml:7:38"
    );
    let workspace = sections.workspace.unwrap();
    assert_eq!(workspace.place.to_string(), "Cargo.toml:11:21");
    assert_eq!(workspace.value.package, None);
    assert!(!workspace.value.declares_functions);

    let mut shown = String::new();
    for text in [
        "[package.metadata]\nslsbuild = 1",
        "[workspace.metadata.slsbuild]\ndefault = {}",
        "[package.metadata.slsbuild.functions.x]\ngo = '.'\nprofile = 'a'",
    ] {
        let error = parse_manifest(text, file, Path::new("/project"), Some("shop"));
        show(&mut shown, &error.unwrap_err());
    }
    assert_snapshot!(shown, @r#"
    error: `Cargo.toml:2:12`: `package.metadata.slsbuild` is a table, not the number `1`
    hint: package.metadata.slsbuild = { }
    error: `Cargo.toml:2:1`: unknown key `default` in `workspace.metadata.slsbuild`
    hint: did you mean `defaults`?
    error: `Cargo.toml:3:1`: `profile` is for Rust, and `x` is built from Go
    hint: remove it, or put it below [defaults], where it holds for those that it is for
    "#);
    let theirs = "[package.metadata.lambda.build]\ninclude = 1";
    let read = parse_manifest(theirs, file, Path::new("/project"), Some("shop")).unwrap();
    let error = read.cargo_lambda.unwrap().used().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Cargo.toml:2:11`: `include` is a list of strings, not the number `1`"
    );
}

#[test]
fn cargo_lambdas_keys_are_read_where_there_is_no_section_of_ours() {
    let theirs = "[package.metadata.lambda.build]\ninclude = ['a']\nbin = 'orders'\nfeatures = 'x,y z'\n\
        output_format = 'zip'\ncompiler = { type = 'cross' }\n";
    let read = |text: &str| {
        parse_manifest(
            text,
            Path::new("Cargo.toml"),
            Path::new("/project"),
            Some("shop"),
        )
        .unwrap()
    };
    let lambda = read(theirs).cargo_lambda.unwrap();
    assert_eq!(lambda.include, ["a"]);
    assert_eq!(lambda.bin, ["orders"]);
    assert_eq!(lambda.features, ["x", "y", "z"]);
    assert_eq!(lambda.ignored, ["compiler", "output_format"]);
    assert_eq!(lambda.place.to_string(), "Cargo.toml:1:26");
    let both = format!("{theirs}[package.metadata.slsbuild]\n");
    assert_eq!(read(&both).cargo_lambda, None);
    assert_eq!(read("[package.metadata]\nlambda = 1").cargo_lambda, None);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_on_one_line(
        text in "\\PC{0,80}|(\\[(defaults|functions\\.[a-z.]{1,4})\\]\n|(arch|budget|pgo|include|env|go|kind) = (\\[.{0,9}\\]|\\{.{0,9}\\}|\".{0,9}\"|[0-9]{1,3})\n){0,6}",
    ) {
        if let Err(error) = read(&text) {
            proptest::prop_assert!(!error.one_line().contains('\n'));
            proptest::prop_assert_eq!(error.exit_code(), 3);
        }
    }
}

#[test]
fn a_file_of_the_largest_size_is_read_in_no_time() {
    let many = 1 << 16;
    let began = std::time::Instant::now();
    let list = format!("[defaults]\ninclude = [{}]", "\"größe\",".repeat(many));
    read(&list).unwrap();
    let names: String = (0..many / 4).fold(String::new(), |mut text, number| {
        writeln!(text, "[functions.f{number}]\ngo = '.'").unwrap();
        text
    });
    read(&names).unwrap();
    let long = format!("{} = 1", "x".repeat(1 << 20));
    read(&long).unwrap_err();
    let deep = format!("defaults = {}", "[".repeat(1 << 20));
    read(&deep).unwrap_err();
    // Seconds in place of minutes: what grows with the square does not pass.
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
