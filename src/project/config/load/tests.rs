//! Loading from directories: which file is taken, what manifests add, and what they may not say together.

use std::fmt::Write as _;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::*;

/// A directory with files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    directory
}

/// The workspace of these members, whose root is the directory's own manifest.
fn workspace(directory: &TempDir, members: &[&str]) -> WorkspaceManifests {
    let manifest = |member: &str| directory.path().join(member).join("Cargo.toml");
    WorkspaceManifests {
        root: directory.path().join("Cargo.toml"),
        members: members
            .iter()
            .map(|member| Member {
                package: if member.is_empty() { "root" } else { member }.to_owned(),
                manifest: manifest(member),
            })
            .collect(),
    }
}

/// What the user sees, the directory's path left out.
fn shown(directory: &TempDir, result: Result<Loaded>) -> String {
    let error = result.unwrap_err();
    let mut shown = format!("{} {}\n", error.exit_code(), error.one_line());
    if let Some(hint) = error.hint() {
        writeln!(shown, "hint: {hint}").unwrap();
    }
    shown.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn the_nearest_file_is_read_unless_one_is_asked_for() {
    let directory = project(&[
        ("slsbuild.toml", "[functions.outer]\ngo = '.'"),
        ("a/b/slsbuild.toml", "[functions.inner]\ngo = '.'"),
        ("a/b/c/x", ""),
        ("d/x", ""),
    ]);
    let name = |asked: Option<&str>, start: &str| {
        let start = directory.path().join(start);
        let loaded = load(asked.map(Path::new), &start, None).unwrap();
        let section = &loaded.config.sections[0];
        assert_eq!(section.directory, loaded.file.unwrap().parent().unwrap());
        section.functions[0].name.value.clone()
    };
    assert_eq!(name(None, "a/b/c"), "inner");
    assert_eq!(name(None, "d"), "outer");
    assert_eq!(name(Some("../slsbuild.toml"), "d"), "outer");
    assert_eq!(name(Some("b/slsbuild.toml"), "a"), "inner");
    let missing = load(Some(Path::new("x.toml")), directory.path(), None);
    assert_snapshot!(shown(&directory, missing), @r#"
    2 `x.toml` is no file, so it cannot be the configuration
    hint: name a slsbuild.toml: --config PATH/slsbuild.toml
    "#);
}

#[test]
fn sections_come_in_the_order_of_the_packages_names() {
    let section = |name: &str| format!("[package.metadata.slsbuild.functions.{name}]\nbin = 'x'\n");
    let files = [
        (
            "Cargo.toml",
            "[workspace.metadata.slsbuild.defaults]\narch = 'amd64'".to_owned()
                + "\n[package.metadata.slsbuild.defaults]\nprofile = 'a'",
        ),
        ("zeta/Cargo.toml", section("z")),
        ("alpha/Cargo.toml", section("a")),
        (
            "silent/Cargo.toml",
            "this is no TOML, and is cargo's to say".to_owned(),
        ),
        (
            "lambda/Cargo.toml",
            "[package.metadata.lambda.build]\nbin = 'x'".to_owned(),
        ),
    ];
    let directory = project(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
    let workspace = workspace(&directory, &["zeta", "lambda", "", "silent", "alpha"]);
    let loaded = load(None, directory.path(), Some(&workspace)).unwrap();
    let packages: Vec<Option<&str>> = loaded
        .config
        .sections
        .iter()
        .map(|section| section.package.as_deref())
        .collect();
    assert_eq!(packages, [None, Some("alpha"), Some("root"), Some("zeta")]);
    assert_eq!(
        loaded.config.sections[1].directory,
        directory.path().join("alpha")
    );
    assert!(loaded.cargo_lambda.is_empty());
}

#[test]
fn what_files_may_not_say_together_names_both_places() {
    let both = project(&[
        ("slsbuild.toml", ""),
        ("Cargo.toml", "[workspace]\n[workspace.metadata.slsbuild]\n"),
    ]);
    let twice = project(&[
        ("slsbuild.toml", "[functions.orders]\ngo = '.'"),
        ("Cargo.toml", "[workspace]"),
        (
            "a/Cargo.toml",
            "[package.metadata.slsbuild]\nfunctions.orders.bin = 'x'",
        ),
    ]);
    let alike = project(&[
        ("slsbuild.toml", "[functions.orders]\ngo = '.'"),
        ("Cargo.toml", "[workspace]"),
        (
            "a/Cargo.toml",
            "[package.metadata.slsbuild.functions.ORDERS]",
        ),
    ]);
    let mut all = shown(&both, load(None, both.path(), Some(&workspace(&both, &[]))));
    for directory in [&twice, &alike] {
        let workspace = workspace(directory, &["a"]);
        all += &shown(directory, load(None, directory.path(), Some(&workspace)));
    }
    assert_snapshot!(all, @r#"
    3 `Cargo.toml:2:21`: `[workspace.metadata.slsbuild]` and `slsbuild.toml` are both there, and only one can be the workspace's configuration
    hint: move the section into slsbuild.toml, or remove that file
    3 `a/Cargo.toml:2:11`: function `orders` is declared at `slsbuild.toml:1:12` already
    hint: rename one of them
    3 `a/Cargo.toml:1:38`: functions `ORDERS` and `orders` of `slsbuild.toml:1:12` write one path where file names have no case
    hint: rename one of them
    "#);
}

#[test]
fn layers_and_extensions_are_declared_as_what_they_are() {
    let declared = "[functions.files]\nkind = 'layer'\ninclude = ['a']\n\
        [functions.inner]\nkind = 'extension'\ninternal = true\ngo = '.'\n\
        [functions.outer]\nkind = 'extension'\ngo = '.'\n";
    let with = |keys: &str| {
        let text = format!("{declared}[functions.x]\ngo = '.'\n{keys}");
        let directory = project(&[("slsbuild.toml", &text)]);
        let result = load(None, directory.path(), None);
        (directory, result)
    };
    let (_, fine) = with("layers = ['files', 'outer']\nextensions = ['inner']");
    fine.unwrap();
    let mut all = String::new();
    for keys in [
        "layers = ['file']",
        "layers = ['nothing']",
        "layers = ['inner']",
        "layers = ['x']",
        "extensions = ['outer']",
        "extensions = ['innr']",
    ] {
        let (directory, result) = with(keys);
        all += &shown(&directory, result);
    }
    assert_snapshot!(all, @r#"
    3 `slsbuild.toml:13:11`: layer `file` is declared by no function table
    hint: did you mean `files`?
    3 `slsbuild.toml:13:11`: layer `nothing` is declared by no function table
    hint: declare it: [functions.NAME] with kind = "layer" or kind = "extension"
    3 `slsbuild.toml:13:11`: `inner` is no layer: see `slsbuild.toml:4:12`
    hint: declare it: [functions.NAME] with kind = "layer" or kind = "extension"
    3 `slsbuild.toml:13:11`: `x` is no layer: see `slsbuild.toml:11:12`
    hint: declare it: [functions.NAME] with kind = "layer" or kind = "extension"
    3 `slsbuild.toml:13:15`: `outer` is no internal extension: see `slsbuild.toml:8:12`
    hint: declare it: [functions.NAME] with kind = "extension" and internal = true
    3 `slsbuild.toml:13:15`: internal extension `innr` is declared by no function table
    hint: did you mean `inner`?
    "#);
}

#[test]
fn what_cannot_be_read_gets_one_line() {
    let large = "#".repeat(10 << 20);
    let directory = project(&[("large/slsbuild.toml", &large), ("latin/x", "")]);
    fs_err::write(
        directory.path().join("latin/slsbuild.toml"),
        b"# a\n# \xe4\n",
    )
    .unwrap();
    let mut all = String::new();
    for start in ["large", "latin"] {
        let start = directory.path().join(start);
        all += &shown(&directory, load(None, &start, None));
    }
    let gone = WorkspaceManifests {
        root: directory.path().join("gone/Cargo.toml"),
        members: Vec::new(),
    };
    let start = directory.path();
    all += &shown(&directory, load(None, start, Some(&gone)));
    assert_snapshot!(all, @r#"
    3 `large/slsbuild.toml`: is larger than 1 MiB
    3 `latin/slsbuild.toml`: line 2 is no UTF-8
    hint: save it as UTF-8
    3 `gone/Cargo.toml`: cannot be read: No such file or directory (os error 2)
    "#);
}

#[test]
fn cargo_lambdas_sections_are_read_where_there_is_none_of_ours() {
    let theirs = "[package.metadata.lambda.build]\nbin = 'x'";
    let wrong = "[package.metadata.lambda.build]\nbin = 1";
    let directory = project(&[
        ("Cargo.toml", "[workspace]"),
        ("a/Cargo.toml", theirs),
        ("b/Cargo.toml", wrong),
    ]);
    let workspace = workspace(&directory, &["a", "b"]);
    let load = || load(None, directory.path(), Some(&workspace)).unwrap();
    let loaded = load();
    assert_eq!(loaded.cargo_lambda["a"].used().unwrap().bin, ["x"]);
    let error = loaded.cargo_lambda["b"].used().unwrap_err();
    assert!(
        error.to_string().contains("`bin` is a list of strings"),
        "{error}"
    );
    fs_err::write(directory.path().join("slsbuild.toml"), "").unwrap();
    assert!(load().cargo_lambda.is_empty());
}
