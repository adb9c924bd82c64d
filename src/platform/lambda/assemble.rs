//! The layouts of Lambda's zips: a function's with its `bootstrap` at the root, an extension's, a layer's, each with its
//! includes.

use super::{BOOTSTRAP, EXTENSIONS, extension_name};
use crate::artifact::{Content, FileTree};
use crate::error::{Error, Result};
use crate::project::include::Included;

/// Lays out a function's zip with `internal` extensions: executables of these names at its root, which a wrapper or the
/// function itself starts (`AWS_LAMBDA_EXEC_WRAPPER`); Lambda does not.
///
/// # Errors
/// When an internal extension has no name that Lambda takes, or two files have one name.
pub fn assemble_with(
    bootstrap: Vec<u8>,
    includes: &[Included],
    internal: Vec<(String, Vec<u8>)>,
) -> Result<FileTree> {
    let mut tree = FileTree::new();
    tree.insert(BOOTSTRAP, Content::Bytes(bootstrap), true)?;
    for (name, binary) in internal {
        checked(&name)?;
        tree.insert(&name, Content::Bytes(binary), true)?;
    }
    insert_all(&mut tree, includes)?;
    Ok(tree)
}

/// Lays out the layer zip of an external extension: the binary as `extensions/<name>`, which Lambda starts, and its includes,
/// which lie under `/opt`.
///
/// # Errors
/// When the name is none that Lambda takes, or an include has the name of another file.
pub fn assemble_extension(name: &str, binary: Vec<u8>, includes: &[Included]) -> Result<FileTree> {
    checked(name)?;
    let mut tree = FileTree::new();
    let path = format!("{EXTENSIONS}{name}");
    tree.insert(&path, Content::Bytes(binary), true)?;
    insert_all(&mut tree, includes)?;
    Ok(tree)
}

/// Lays out a layer's zip, which is its includes.
///
/// # Errors
/// When there is none, or two have one name.
pub fn assemble_layer(includes: &[Included]) -> Result<FileTree> {
    if includes.is_empty() {
        return Err(Error::Project {
            message: "a layer without files is none: Lambda has nothing to unpack".to_owned(),
            hint: Some("name its files: include = [\"lib/**\"]".to_owned()),
        });
    }
    let mut tree = FileTree::new();
    insert_all(&mut tree, includes)?;
    Ok(tree)
}

fn insert_all(tree: &mut FileTree, includes: &[Included]) -> Result<()> {
    for include in includes {
        let content = Content::File {
            path: include.path.clone(),
            size: include.size,
        };
        tree.insert(&include.name, content, include.executable)?;
    }
    Ok(())
}

fn checked(name: &str) -> Result<()> {
    extension_name(name).map_err(|cause| Error::Project {
        message: format!(
            "`{}` cannot be the name of an extension: {cause}",
            name.escape_debug()
        ),
        hint: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Node;

    fn shown(tree: &FileTree) -> String {
        tree.entries()
            .iter()
            .map(|entry| match entry.node {
                Node::Directory => format!("{}/\n", entry.name),
                Node::File { executable, .. } => {
                    format!("{} {}\n", entry.name, if executable { "x" } else { "-" })
                }
            })
            .collect()
    }

    fn include(name: &str) -> Included {
        Included {
            name: name.to_owned(),
            path: "local".into(),
            size: 1,
            executable: false,
        }
    }

    #[test]
    fn each_kind_has_its_layout() {
        let extension =
            assemble_extension("telemetry", vec![1], &[include("etc/telemetry.toml")]).unwrap();
        insta::assert_snapshot!(shown(&extension), @r"
        etc/
        etc/telemetry.toml -
        extensions/
        extensions/telemetry x
        ");
        let function = assemble_with(
            vec![1],
            &[include("data")],
            vec![("wrapper".to_owned(), vec![2])],
        );
        insta::assert_snapshot!(shown(&function.unwrap()), @r"
        bootstrap x
        data -
        wrapper x
        ");
        let layer = assemble_layer(&[include("lib/libpq.so.5")]).unwrap();
        insta::assert_snapshot!(shown(&layer), @r"
        lib/
        lib/libpq.so.5 -
        ");
    }

    #[test]
    fn what_cannot_be_laid_out_is_refused() {
        let refusals = [
            assemble_extension("a/b", Vec::new(), &[]),
            assemble_extension("x", Vec::new(), &[include("extensions/x")]),
            assemble_with(Vec::new(), &[], vec![("bootstrap".to_owned(), Vec::new())]),
            assemble_layer(&[]),
        ]
        .map(|tree| {
            let error = tree.unwrap_err();
            assert_eq!(error.exit_code(), 3);
            error.to_string()
        });
        insta::assert_snapshot!(refusals.join("\n"), @r"
        `a/b` cannot be the name of an extension: it holds a `/`, and Lambda starts only what lies directly in `extensions/`
        `extensions/x` has two sources: the build and `local`
        `bootstrap` has two sources: the build and the build
        a layer without files is none: Lambda has nothing to unpack
        ");
    }
}
