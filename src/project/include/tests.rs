//! Includes over real directories: what is taken, under which name, and what is refused in which words.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::fs;

/// A workspace with a package `pkg`, a sibling `shared`, and a directory `outside` beside the workspace.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        for file in [
            "ws/pkg/Cargo.toml",
            "ws/pkg/assets/logo.png",
            "ws/pkg/assets/deep/a.json",
            "ws/pkg/assets/deep/b.json",
            "ws/pkg/assets/.hidden",
            "ws/pkg/bootstrap",
            "ws/shared/x.json",
            "ws/shared/logo.png",
            "outside/secret",
        ] {
            project.write(file);
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write_if_changed(&path, 0o644, name.as_bytes()).unwrap();
    }

    fn resolve(&self, includes: &[&str]) -> Result<Vec<Included>> {
        let includes: Vec<Wanted> = includes.iter().map(|text| Wanted::of_flag(text)).collect();
        resolve(
            &includes,
            &self.path("ws/pkg"),
            &self.path("ws"),
            Within::Artifact,
        )
    }

    fn names(&self, includes: &[&str]) -> Vec<String> {
        let files = self.resolve(includes).unwrap();
        files.into_iter().map(|file| file.name).collect()
    }

    /// The error of an include as users see it, with `[ROOT]` for the temporary directory.
    fn refusal(&self, includes: &[&str]) -> String {
        let error = self.resolve(includes).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let mut text = error.one_line();
        if let Some(hint) = error.hint() {
            write!(text, "\nhint: {hint}").unwrap();
        }
        text.replace(&self.path("").to_string_lossy().into_owned(), "[ROOT]/")
    }
}

#[test]
fn a_path_keeps_its_name() {
    let project = Project::new();
    assert_eq!(project.names(&["assets/logo.png"]), ["assets/logo.png"]);
    assert_eq!(project.names(&["./assets/../Cargo.toml"]), ["Cargo.toml"]);
    assert_eq!(
        project.names(&["assets"]),
        [
            "assets/.hidden",
            "assets/deep/a.json",
            "assets/deep/b.json",
            "assets/logo.png"
        ]
    );
    assert_eq!(
        project.names(&["assets/", "assets", "assets/deep"]).len(),
        4
    );
    assert_eq!(project.names(&[]), Vec::<String>::new());
}

#[test]
fn from_to_renames() {
    let project = Project::new();
    for (include, expected) in [
        ("assets/logo.png:img.png", &["img.png"][..]),
        ("assets/logo.png:img/", &["img/logo.png"]),
        ("assets/logo.png:.", &["logo.png"]),
        ("assets/deep:data", &["data/a.json", "data/b.json"]),
        ("assets/deep:.", &["a.json", "b.json"]),
        ("../shared:lib/s/", &["lib/s/logo.png", "lib/s/x.json"]),
        ("assets/*.png:img", &["img/logo.png"]),
        (
            "ass*/**/*.json:data",
            &["data/assets/deep/a.json", "data/assets/deep/b.json"],
        ),
        ("assets/**/*.json:.", &["deep/a.json", "deep/b.json"]),
        ("bootstrap:other", &["other"]),
    ] {
        assert_eq!(project.names(&[include]), expected, "{include}");
    }
}

#[test]
fn globs_match_visible_files() {
    let project = Project::new();
    for (include, expected) in [
        ("assets/*", &["assets/logo.png"][..]),
        ("assets/.*", &["assets/.hidden"]),
        (
            "assets/**",
            &[
                "assets/deep/a.json",
                "assets/deep/b.json",
                "assets/logo.png",
            ],
        ),
        (
            "assets/deep/[ab].json",
            &["assets/deep/a.json", "assets/deep/b.json"],
        ),
        (
            "{Cargo.toml,assets/logo.png}",
            &["Cargo.toml", "assets/logo.png"],
        ),
    ] {
        assert_eq!(project.names(&[include]), expected, "{include}");
    }
}

#[test]
fn a_path_that_exists_is_no_glob() {
    let project = Project::new();
    project.write("ws/pkg/pages/[id].js");
    project.write("ws/pkg/pages/i.js");
    assert_eq!(project.names(&["pages/[id].js"]), ["pages/[id].js"]);
    assert_eq!(project.names(&["pages/[i].js"]), ["pages/i.js"]);
}

#[test]
fn files_are_described() {
    let project = Project::new();
    let file = project.resolve(&["Cargo.toml"]).unwrap().remove(0);
    assert_eq!(file.path, project.path("ws/pkg/Cargo.toml"));
    assert_eq!(
        (file.size, file.executable),
        ("ws/pkg/Cargo.toml".len() as u64, false)
    );
}

#[test]
fn refusals_name_their_object_and_a_way_out() {
    let project = Project::new();
    project.write("ws/pkg/one");
    let refusals: Vec<String> = [
        &["asets"][..],
        &["assets/lgo.png"],
        &["one/two"],
        &["one/"],
        &["*.css"],
        &["none/*.css"],
        &["bootstrap"],
        &["assets:bootstrap"],
        &["../shared/x.json"],
        &["../../outside/secret:s"],
        &["assets/logo.png:x", "../shared/logo.png:x"],
        &["Cargo.toml:x", "assets/deep:x/y"],
        &["Cargo.toml:/etc/x"],
        &["Cargo.toml:"],
        &[":x"],
        &["o:one"],
        &["[z-a]"],
        &["**/../x"],
    ]
    .into_iter()
    .map(|includes| project.refusal(includes))
    .collect();
    insta::assert_snapshot!(refusals.join("\n\n"), @r"
    include `asets`: `asets` does not exist
    hint: did you mean `assets`?

    include `assets/lgo.png`: `assets/lgo.png` does not exist
    hint: did you mean `logo.png`?

    include `one/two`: `one/two` does not exist

    include `one/`: it is a file, not a directory

    include `*.css`: no file matches
    hint: `*` stays inside one directory and matches files; `**/*` reaches deeper

    include `none/*.css`: `none` does not exist
    hint: did you mean `one`?

    include `bootstrap`: `bootstrap` at the root of the artifact is the function's own binary
    hint: give it another name: --include 'bootstrap:TO'

    include `assets:bootstrap`: `bootstrap` at the root of the artifact is the function's own binary
    hint: give it another name: --include 'assets:TO'

    include `../shared/x.json`: its name in the artifact would lie outside the artifact
    hint: name its place: --include '../shared/x.json:x.json'

    include `../../outside/secret:s`: it lies outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `../shared/logo.png:x`: `x` has two sources: `assets/logo.png` and `[ROOT]/ws/shared/logo.png`
    hint: give one of them another name with FROM:TO

    include `assets/deep:x/y`: `x/y/a.json` from `assets/deep/a.json` needs a directory where `x` from `Cargo.toml` is a file
    hint: give one of them another name with FROM:TO

    include `Cargo.toml:/etc/x`: `/etc/x` cannot be a place in an artifact: it is absolute
    hint: places are relative to the root of the artifact

    include `Cargo.toml:`: it names no place after `:`
    hint: `.` is the root of the artifact: FROM:.

    include `:x`: it names no source
    hint: write PATH, GLOB or FROM:TO

    include `o:one`: `o:one` does not exist
    hint: did you mean `one`?

    include `[z-a]`: it is no valid pattern: invalid range; 'z' > 'a'

    include `**/../x`: `..` cannot follow a wildcard
    ");
}

#[test]
fn an_empty_directory_is_refused() {
    let project = Project::new();
    fs::create_dir_all(project.path("ws/pkg/empty/inner")).unwrap();
    assert_eq!(
        project.refusal(&["empty"]),
        "include `empty`: the directory holds no files"
    );
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_inside_are_followed() {
        let project = Project::new();
        symlink("../shared", project.path("ws/pkg/common")).unwrap();
        symlink("Cargo.toml", project.path("ws/pkg/manifest")).unwrap();
        assert_eq!(
            project.names(&["common"]),
            ["common/logo.png", "common/x.json"]
        );
        assert_eq!(project.names(&["common/*.json:."]), ["x.json"]);
        assert_eq!(project.names(&["m*"]), ["manifest"]);
        assert_eq!(project.resolve(&["manifest"]).unwrap()[0].size, 17);
    }

    #[test]
    fn a_package_reached_through_a_link_is_the_package() {
        let project = Project::new();
        symlink(project.path("ws"), project.path("link")).unwrap();
        let includes = [Wanted::of_flag("assets/logo.png")];
        let files = resolve(
            &includes,
            &project.path("link/pkg"),
            &project.path("link"),
            Within::Artifact,
        )
        .unwrap();
        assert_eq!(files[0].path, project.path("ws/pkg/assets/logo.png"));
    }

    #[test]
    fn links_that_leave_loop_or_break_are_refused() {
        let project = Project::new();
        project.write("ws/pkg/l/file");
        symlink(project.path("outside"), project.path("ws/pkg/l/out")).unwrap();
        project.write("ws/pkg/f/file");
        symlink("../../../outside/secret", project.path("ws/pkg/f/secret")).unwrap();
        project.write("ws/pkg/r/file");
        symlink(".", project.path("ws/pkg/r/loop")).unwrap();
        project.write("ws/pkg/d/file");
        symlink("nowhere", project.path("ws/pkg/d/dangling")).unwrap();
        symlink("self", project.path("ws/pkg/self")).unwrap();
        let refusals: Vec<String> = [
            "l",
            "l/out",
            "l/out/secret",
            "l/**",
            "l/out/*",
            "f",
            "f/secret",
            "f/*",
            "r",
            "r/**",
            "d",
            "d/dangling",
            "d/*",
            "self",
        ]
        .into_iter()
        .map(|include| project.refusal(&[include]))
        .collect();
        insta::assert_snapshot!(refusals.join("\n\n"), @r"
    include `l`: the link `l/out` leads to `[ROOT]/outside`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `l/out`: the link `l/out` leads to `[ROOT]/outside`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `l/out/secret`: the link `l/out` leads to `[ROOT]/outside`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `l/**`: the link `l/out` leads to `[ROOT]/outside`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `l/out/*`: the link `l/out` leads to `[ROOT]/outside`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `f`: the link `f/secret` leads to `[ROOT]/outside/secret`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `f/secret`: the link `f/secret` leads to `[ROOT]/outside/secret`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `f/*`: the link `f/secret` leads to `[ROOT]/outside/secret`, outside the workspace `[ROOT]/ws`
    hint: copy it into the workspace: includes reach anywhere inside, not beyond

    include `r`: the link `r/loop` leads back to `r`, which holds it

    include `r/**`: the link `r/loop` leads back to `r`, which holds it

    include `d`: the link `d/dangling` to `nowhere` leads nowhere: No such file or directory

    include `d/dangling`: the link `d/dangling` to `nowhere` leads nowhere: No such file or directory

    include `d/*`: the link `d/dangling` to `nowhere` leads nowhere: No such file or directory

    include `self`: the link `self` to `self` leads nowhere: Too many levels of symbolic links
    ");
        // A glob is not bothered by what it does not ask for.
        assert_eq!(
            project.names(&["[ldf]/file"]),
            ["d/file", "f/file", "l/file"]
        );
        assert_eq!(project.names(&["d/fil*"]), ["d/file"]);
        assert_eq!(project.names(&["r/*"]), ["r/file"]);
    }

    #[test]
    fn what_no_zip_holds_is_refused() {
        let project = Project::new();
        let _listener = {
            fs::create_dir_all(project.path("ws/pkg/s")).unwrap();
            std::os::unix::net::UnixListener::bind(project.path("ws/pkg/s/socket")).unwrap()
        };
        assert_eq!(
            project.refusal(&["s"]),
            "include `s`: `s/socket` is not a regular file"
        );
        project.write("ws/pkg/n/a\\b");
        assert_eq!(
            project.refusal(&["n"]),
            "include `n`: `n/a\\\\b` cannot be a name in an artifact: it holds a backslash"
        );
        let name = std::ffi::OsStr::from_bytes(b"\xff");
        fs::create_dir_all(project.path("ws/pkg/u")).unwrap();
        fs::write_if_changed(&project.path("ws/pkg/u").join(name), 0o644, b"").unwrap();
        assert_eq!(
            project.refusal(&["u"]),
            "include `u`: the name `u/\u{fffd}` is not UTF-8"
        );
    }

    #[test]
    fn the_owners_bit_makes_a_program() {
        let project = Project::new();
        let executable = |mode: u32| {
            fs::set_mode(&project.path("ws/pkg/Cargo.toml"), mode).unwrap();
            project.resolve(&["Cargo.toml"]).unwrap()[0].executable
        };
        assert!(executable(0o755) && executable(0o700) && executable(0o500));
        assert!(!executable(0o644) && !executable(0o600) && !executable(0o655));
    }

    #[test]
    fn nothing_outside_the_workspace_is_ever_taken() {
        let project = Project::new();
        symlink("../../outside", project.path("ws/pkg/out")).unwrap();
        symlink("../shared", project.path("ws/pkg/in")).unwrap();
        let workspace = project.path("ws");
        let name = r"(pkg|ws|outside|out|in|shared|assets|deep|\.\.|\.|\*|\*\*|secret)";
        let include = format!(r"(\.\./){{0,2}}{name}(/{name}){{0,2}}(:[./x]?x)");
        let include = proptest::string::string_regex(&include).unwrap();
        let config = ProptestConfig {
            cases: 2000,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let taken = std::cell::Cell::new(0);
        TestRunner::new(config)
            .run(&include, |include| {
                match project.resolve(&[&include]) {
                    Ok(files) => {
                        prop_assert!(!files.is_empty());
                        taken.set(taken.get() + 1);
                        for file in files {
                            let real = file.path.canonicalize().unwrap();
                            prop_assert!(real.starts_with(&workspace), "{}", real.display());
                            prop_assert_eq!(name::check(&file.name), Ok(()));
                        }
                    }
                    Err(error) => prop_assert_eq!(error.exit_code(), 3),
                }
                Ok(())
            })
            .unwrap();
        assert!(taken.get() > 0, "no include took a file: nothing was shown");
    }
}

#[test]
fn places_in_an_image_lie_below_its_working_directory_or_where_they_say() {
    let project = Project::new();
    let names = |includes: &[&str], workdir: &str| -> Vec<String> {
        let includes: Vec<Wanted> = includes.iter().map(|text| Wanted::of_flag(text)).collect();
        let (base, root) = (project.path("ws/pkg"), project.path("ws"));
        let found = resolve(&includes, &base, &root, Within::Image(workdir)).unwrap();
        found.into_iter().map(|file| file.name).collect()
    };
    assert_eq!(names(&["Cargo.toml"], "/app"), ["app/Cargo.toml"]);
    assert_eq!(names(&["Cargo.toml"], "/"), ["Cargo.toml"]);
    assert_eq!(
        names(&["Cargo.toml:x/"], "/var/task"),
        ["var/task/x/Cargo.toml"]
    );
    assert_eq!(names(&["Cargo.toml:/etc/x"], "/app"), ["etc/x"]);
    assert_eq!(names(&["Cargo.toml:/etc/"], "/app"), ["etc/Cargo.toml"]);
    assert_eq!(names(&["Cargo.toml:/"], "/app"), ["Cargo.toml"]);
    assert_eq!(names(&["Cargo.toml:bootstrap"], "/app"), ["app/bootstrap"]);
    for wrong in ["Cargo.toml:/../x", "Cargo.toml://x", "Cargo.toml:../x"] {
        let includes = [Wanted::of_flag(wrong)];
        let (base, root) = (project.path("ws/pkg"), project.path("ws"));
        let error = resolve(&includes, &base, &root, Within::Image("/app")).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{wrong}");
    }
}
