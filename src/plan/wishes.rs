//! Which functions are built, and what holds for each: those that the configuration names, or those that are found as cargo
//! finds them.

mod choose;
mod forms;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Wish, companions};
use crate::error::{Error, Names, Result};
use crate::project::config::{CargoLambda, FunctionTable, Kind, Located, Place, Section};
use crate::project::{Function, Project, RustBinary, Source, go, lexical};
use crate::settings::{Asked, FunctionSettings, Layer, Origin, Settings};
use crate::ui::Ui;
use choose::{choose, narrowed, refuse_taken};
pub use forms::{images, zips};

/// The functions of `slsbuild build`: all that the configuration names, or those of `names` with what they need. Without
/// a function in the configuration, those that cargo would choose.
///
/// # Errors
/// For a name that there is not, and for everything that the configuration says and that cannot be meant.
pub fn configured(
    project: &Project,
    settings: &Settings,
    names: &[String],
    ui: Ui,
) -> Result<Vec<Wish>> {
    let mut wishes = declared(project, settings)?;
    if !project.config.declares_functions() {
        wishes = found(project, settings, ui)?;
    }
    if wishes.is_empty() {
        return Err(Error::Project {
            message: "the configuration names no function".to_owned(),
            hint: Some("name one: [functions.orders] with package = \"orders\"".to_owned()),
        });
    }
    let names = narrowed(&wishes, &settings.cargo, names)?;
    choose(&mut wishes, &names)?;
    Ok(wishes)
}

/// The functions that cargo would choose, each with what the configuration says of it.
fn found(project: &Project, settings: &Settings, ui: Ui) -> Result<Vec<Wish>> {
    let workspace = project.workspace()?;
    let mut wishes = declared(project, settings)?;
    let mut chosen = Vec::new();
    let mut said = BTreeSet::new();
    for binary in workspace.select(&settings.cargo)? {
        let theirs = project.cargo_lambda.get(&binary.package);
        let theirs = theirs.map(CargoLambda::used).transpose()?;
        let is_left_out = theirs.is_some_and(|theirs| {
            let named = settings.cargo.binaries.contains(&binary.name);
            !named && !theirs.bin.is_empty() && !theirs.bin.contains(&binary.name)
        });
        if is_left_out {
            continue;
        }
        let mut declared = wishes.iter().map(|wish| &wish.function);
        if let Some(function) = declared.find(|function| function.binary() == Some(&binary)) {
            chosen.push(function.name.clone());
            continue;
        }
        if let Some(theirs) = theirs
            && said.insert(binary.package.clone())
        {
            say_theirs(theirs, &binary.package, ui);
        }
        let wish = undeclared(project, settings, binary, theirs)?;
        refuse_taken(project, &wishes, &wish.function)?;
        chosen.push(wish.function.name.clone());
        wishes.push(wish);
    }
    if chosen.is_empty() {
        return Err(Error::Project {
            message: "there is no function: the `bin` of cargo-lambda's sections names none of the binaries".to_owned(),
            hint: Some("name one: slsbuild zip --bin NAME".to_owned()),
        });
    }
    choose(&mut wishes, &chosen)?;
    Ok(wishes)
}

/// A binary that no table declares, with the defaults that hold for it and what its package says to cargo-lambda.
fn undeclared(
    project: &Project,
    settings: &Settings,
    binary: RustBinary,
    theirs: Option<&CargoLambda>,
) -> Result<Wish> {
    let theirs = theirs.map(CargoLambda::keys);
    let directory = binary.directory.clone();
    let mut layers: Vec<Layer<'_>> = theirs
        .iter()
        .map(|keys| Layer {
            keys,
            directory: &directory,
            own: false,
        })
        .collect();
    layers.extend(defaults(project, None, Some(&binary.package)));
    let bounds = bounds(project, &directory, &directory);
    let function = Function::of_binary(binary, bounds);
    Ok(Wish {
        settings: FunctionSettings::merge(&settings.overrides, &layers, &function)?,
        function,
        wanted: true,
        companion: false,
    })
}

/// Says what is taken over from cargo-lambda's section, and what is not.
fn say_theirs(theirs: &CargoLambda, package: &str, ui: Ui) {
    let ignored = match theirs.ignored.as_slice() {
        [] => String::new(),
        keys => format!("; not read: {}", Names(keys)),
    };
    ui.note(format_args!(
        "package `{package}` says what cargo-lambda builds at {}: `include`, `bin` and `features` hold here too{ignored}",
        theirs.place
    ));
}

/// The functions of `slsbuild plan`: those of `build` where the configuration names some and no Go package or ready binary
/// is asked for, else those of `zip`.
///
/// # Errors
/// As for the two.
pub fn planned(
    project: &Project,
    settings: &Settings,
    names: &[String],
    asked: &Asked,
    ui: Ui,
) -> Result<Vec<Wish>> {
    if is_of_build(project, names, asked) {
        return configured(project, settings, names, ui);
    }
    self::asked(project, settings, asked, ui)
}

/// Whether what [`planned`] plans is `build`'s.
pub fn is_of_build(project: &Project, names: &[String], asked: &Asked) -> bool {
    *asked == Asked::Rust && (!names.is_empty() || project.config.declares_functions())
}

/// The functions of `slsbuild zip`.
///
/// # Errors
/// When there is not what is asked for, and for what the configuration says and that cannot be meant.
pub fn asked(project: &Project, settings: &Settings, asked: &Asked, ui: Ui) -> Result<Vec<Wish>> {
    match asked {
        Asked::Rust => found(project, settings, ui),
        Asked::Go(directory, name) => {
            let directory = lexical(&std::path::absolute(directory)?);
            let name = name.clone().unwrap_or_else(|| go::default_name(&directory));
            named(project, settings, name, Source::Go(directory))
        }
        Asked::Binary(path, name) => {
            let path = lexical(&std::path::absolute(path)?);
            let name = name.clone().unwrap_or_else(|| own_name(&path));
            named(project, settings, name, Source::Ready(path))
        }
    }
}

/// The last component of a path.
fn own_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A function from a file or a Go package that was named on the command line.
fn named(
    project: &Project,
    settings: &Settings,
    name: String,
    source: Source,
) -> Result<Vec<Wish>> {
    let mut wishes = declared(project, settings)?;
    if let Some(wish) = wishes.iter().find(|wish| wish.function.source == source) {
        let name = wish.function.name.clone();
        choose(&mut wishes, &[name])?;
        return Ok(wishes);
    }
    let (directory, outside) = match &source {
        Source::Go(directory) => (directory.clone(), go::module_around(directory)),
        Source::Rust(_) | Source::Ready(_) | Source::Files => {
            (project.directory.clone(), project.directory.clone())
        }
    };
    let layers = defaults(project, None, None);
    let function = Function {
        name,
        kind: Kind::Function,
        internal: false,
        bounds: bounds(project, &directory, &outside),
        directory,
        source,
    };
    Ok(vec![Wish {
        settings: FunctionSettings::merge(&settings.overrides, &layers, &function)?,
        function,
        wanted: true,
        companion: false,
    }])
}

/// Every function that the configuration names, none of them wanted yet.
fn declared(project: &Project, settings: &Settings) -> Result<Vec<Wish>> {
    let mut wishes = Vec::new();
    let mut tables = Vec::new();
    for section in &project.config.sections {
        for table in &section.functions {
            let function = function(project, section, table)?;
            let package = function.binary().map(|binary| binary.package.as_str());
            let mut layers = vec![Layer {
                keys: &table.keys,
                directory: &section.directory,
                own: true,
            }];
            layers.extend(defaults(project, Some(section), package));
            let mut settings = FunctionSettings::merge(&settings.overrides, &layers, &function)?;
            settings.origins.extend(origins(table));
            wishes.push(Wish {
                function,
                settings,
                wanted: false,
                companion: false,
            });
            tables.push(table);
        }
    }
    for wish in &wishes {
        companions::refuse_bad(wish, &wishes)?;
    }
    for (wish, table) in wishes.iter().zip(tables) {
        companions::refuse_unpacked(wish, &wishes, &table.name)?;
    }
    Ok(wishes)
}

/// Where a table says what its function is.
fn origins(table: &FunctionTable) -> impl Iterator<Item = (&'static str, Origin)> {
    let place = |key, place: Option<&Place>| Some((key, Origin::Function(place?.clone())));
    let text =
        |key, said: &Option<Located<String>>| place(key, said.as_ref().map(|said| &said.place));
    [
        text("package", &table.package),
        text("bin", &table.bin),
        text("go", &table.go),
        text("binary", &table.binary),
        place("kind", table.kind.as_ref().map(|said| &said.place)),
        place("internal", table.internal.as_ref().map(|said| &said.place)),
    ]
    .into_iter()
    .flatten()
}

/// The tables of defaults that hold for a function: of its section, of its package, then the project's.
fn defaults<'a>(
    project: &'a Project,
    section: Option<&'a Section>,
    package: Option<&str>,
) -> Vec<Layer<'a>> {
    let sections = &project.config.sections;
    let of_package =
        |section: &&Section| section.package.is_some() && section.package.as_deref() == package;
    let of_project = |section: &&Section| section.package.is_none();
    let mut layers: Vec<&Section> = Vec::new();
    let ordered = section
        .into_iter()
        .chain(sections.iter().filter(of_package))
        .chain(sections.iter().filter(of_project));
    for section in ordered {
        if !layers.iter().any(|other| std::ptr::eq(*other, section)) {
            layers.push(section);
        }
    }
    let layers = layers.into_iter();
    layers
        .map(|section| Layer {
            keys: &section.defaults,
            directory: &section.directory,
            own: false,
        })
        .collect()
}

/// The function of a table.
fn function(project: &Project, section: &Section, table: &FunctionTable) -> Result<Function> {
    let kind = table
        .kind
        .as_ref()
        .map_or(Kind::Function, |kind| kind.value);
    let path = |located: &Located<String>| lexical(&section.directory.join(&located.value));
    let source = match (&table.go, &table.binary) {
        (Some(go), _) => Source::Go(path(go)),
        (None, Some(binary)) => Source::Ready(path(binary)),
        (None, None) if kind == Kind::Layer => Source::Files,
        (None, None) => Source::Rust(rust_binary(project, section, table)?),
    };
    let directory = match &source {
        Source::Rust(binary) => binary.directory.clone(),
        Source::Go(directory) => directory.clone(),
        Source::Ready(_) | Source::Files => section.directory.clone(),
    };
    let outside = match &source {
        Source::Go(directory) => go::module_around(directory),
        Source::Rust(_) | Source::Ready(_) | Source::Files => directory.clone(),
    };
    Ok(Function {
        name: table.name.value.clone(),
        kind,
        internal: table
            .internal
            .as_ref()
            .is_some_and(|internal| internal.value),
        source,
        bounds: bounds(project, &directory, &outside),
        directory,
    })
}

fn rust_binary(project: &Project, section: &Section, table: &FunctionTable) -> Result<RustBinary> {
    let Some(workspace) = &project.workspace else {
        return Err(no_workspace(project, table));
    };
    let package = table.package.as_ref().map(|package| package.value.as_str());
    let package = package.or(section.package.as_deref());
    let bin = table.bin.as_ref().map(|bin| bin.value.as_str());
    workspace
        .binary(package, bin, &table.name.value)
        .map_err(|error| {
            let place = table.bin.as_ref().or(table.package.as_ref());
            let place = place.map_or(&table.name.place, |located| &located.place);
            match error {
                Error::Project { message, hint } => Error::Config {
                    place: place.to_string(),
                    message,
                    hint,
                },
                error => error,
            }
        })
}

/// The failure of a table whose binary could only be a cargo workspace's.
fn no_workspace(project: &Project, table: &FunctionTable) -> Error {
    let name = &table.name.value;
    let said = table.package.as_ref().or(table.bin.as_ref());
    let place = said.map_or(&table.name.place, |located| &located.place);
    Error::Config {
        place: place.to_string(),
        message: format!(
            "function `{name}` is built from Rust, and there is no `Cargo.toml` in `{}` or any directory above it",
            project.directory.display()
        ),
        hint: Some(format!(
            "go = \"./cmd/{name}\" for Go, or name the workspace: --manifest-path PATH/Cargo.toml"
        )),
    }
}

/// The directory that includes do not reach beyond: the outermost of the project's that `base` lies in, or `outside` for
/// what lies in none.
fn bounds(project: &Project, base: &Path, outside: &Path) -> PathBuf {
    let workspace = project.workspace.as_ref().map(|workspace| &workspace.root);
    let directories = [Some(&project.directory), workspace];
    let around = directories
        .into_iter()
        .flatten()
        .filter(|one| base.starts_with(one));
    around
        .min_by_key(|one| one.components().count())
        .map_or(outside, PathBuf::as_path)
        .to_owned()
}
