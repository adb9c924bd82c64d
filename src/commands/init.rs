//! `slsbuild init`: the few lines that hand the project's artifacts to a tool that deploys them. What they say is gathered
//! in `stack.rs`; each tool's text is a file of its own below this one.

mod cdk;
mod names;
mod sam;
mod serverless;
mod stack;
mod terraform;
mod text;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::stack::Stack;
use super::given;
use crate::cli::{Deployer, Format, InitArgs};
use crate::error::{Error, Result};
use crate::fs;
use crate::plan::{Output, wishes};
use crate::project::Project;
use crate::settings::{Asked, Settings};
use crate::ui::Ui;

/// A file that connects artifacts with a tool.
struct File {
    name: &'static str,
    content: String,
}

/// Prints the files of a tool, or writes them.
///
/// # Errors
/// For everything that the project says and that cannot be meant, and for a file that is there already.
pub fn init(arguments: &InitArgs, format: Format, ui: Ui) -> Result<()> {
    given::refuse_of_one_call(arguments)?;
    let plan = &arguments.plan;
    let settings = Settings::resolve(&plan.zip.build)?;
    let project = Project::load(&settings.cargo, settings.config.as_deref(), ui)?;
    let asked = Asked::from(&plan.zip);
    let wishes = wishes::planned(&project, &settings, &plan.functions, &asked, ui)?;
    let wishes = wishes::zips(wishes, &plan.functions, ui)?;
    let output = Output::tree(&project, &settings)?;
    let stack = Stack::new(&wishes, &project, &output)?;
    let files = match arguments.tool {
        Deployer::Sam => sam::files(&stack, &places(&settings, &project)?),
        Deployer::Cdk => cdk::files(&stack),
        Deployer::Terraform => terraform::files(&stack),
        Deployer::Serverless => serverless::files(&stack),
    };
    if arguments.write {
        write(&files, &project.directory)?;
    }
    match format {
        Format::Json => ui.result(format_args!("{:#}", document(&files))),
        Format::Human if arguments.write => files.iter().try_for_each(|file| {
            ui.result(fs::from_here(&project.directory.join(file.name)).display())
        }),
        Format::Human => ui.result_bytes(printed(&files).as_bytes()),
    }
}

/// The flags that tell a call in the project's directory which configuration and manifest are meant.
fn places(settings: &Settings, project: &Project) -> Result<Vec<(&'static str, PathBuf)>> {
    let named = [
        ("--config", &settings.config),
        ("--manifest-path", &settings.cargo.manifest_path),
    ];
    let named = named.into_iter();
    named
        .filter_map(|(flag, path)| Some((flag, path.as_ref()?)))
        .map(|(flag, path)| {
            let path = fs::canonicalize(path)?;
            let directory = fs::canonicalize(&project.directory)?;
            let below = path.strip_prefix(&directory).map(Path::to_owned);
            Ok((flag, below.unwrap_or(path)))
        })
        .collect()
}

/// Writes all files, or none where one of them is there.
fn write(files: &[File], directory: &Path) -> Result<()> {
    let is_there = |path: &Path| Error::Project {
        message: format!(
            "`{}` is there already, and is not written over",
            fs::from_here(path).display()
        ),
        hint: Some("without --write the lines are printed, to be put in by hand".to_owned()),
    };
    for file in files {
        let path = directory.join(file.name);
        // Also a link that leads nowhere.
        if fs::symlink_metadata(&path).is_ok() {
            return Err(is_there(&path));
        }
    }
    for file in files {
        let path = directory.join(file.name);
        match fs::write_new(&path, 0o644, file.content.as_bytes()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(is_there(&path)),
            Err(cause) => return Err(Error::Unwritable { path, cause }),
        }
    }
    Ok(())
}

/// One file as it is; several with a line before each that names it.
fn printed(files: &[File]) -> String {
    match files {
        [file] => file.content.clone(),
        files => {
            let parts = files.iter();
            let parts = parts.map(|file| format!("# file: {}\n{}", file.name, file.content));
            parts.collect::<Vec<_>>().join("\n")
        }
    }
}

fn document(files: &[File]) -> Value {
    let files = files.iter();
    json!({
        "schema_version": crate::report::SCHEMA_VERSION,
        "slsbuild": env!("CARGO_PKG_VERSION"),
        "files": files.map(|file| json!({ "path": file.name, "content": file.content })).collect::<Vec<_>>(),
    })
}
