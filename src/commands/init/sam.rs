//! AWS SAM: a template whose resources are built by a Makefile, which calls slsbuild.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-custom-runtimes.html> (2026-11)

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::File;
use super::stack::{Stack, Unit};
use super::text::quoted;
use crate::process::quote;

/// SAM copies the source, target directory and all, before it builds, unless it is told not to.
const SAMCONFIG: &str = "# Without this `sam build` copies the project, with cargo's target directory, for each function.
version = 0.1

[default.build.parameters]
build_in_source = true
";

/// GNU make splits its list of makefiles at spaces, so that `dir` is of no use in a directory with one in its name.
const MAKEFILE: &str = "# What `sam build` runs: `make --makefile PATH build-ID`, in a copy of the project or in the project itself. It is built
# where this file lies, with cargo's own target directory, so that nothing is compiled twice.
PROJECT := $(shell dirname \"$(strip $(MAKEFILE_LIST))\")
";

/// `places` are flags that every command is to have, with their paths.
pub(super) fn files(stack: &Stack, places: &[(&str, PathBuf)]) -> Vec<File> {
    vec![
        File {
            name: "template.yaml",
            content: template(stack),
        },
        File {
            name: "Makefile",
            content: makefile(stack, places),
        },
        File {
            name: "samconfig.toml",
            content: SAMCONFIG.to_owned(),
        },
    ]
}

fn template(stack: &Stack) -> String {
    let mut text = String::from(
        "# Build and deploy: sam build && sam deploy --guided
AWSTemplateFormatVersion: \"2010-09-09\"
Transform: AWS::Serverless-2016-10-31
Resources:
",
    );
    for unit in &stack.layers {
        layer(&mut text, unit);
    }
    for unit in &stack.functions {
        function(&mut text, unit, &stack.layers_of(unit));
    }
    text
}

fn layer(text: &mut String, unit: &Unit) {
    remark(text, unit);
    let _ = write!(
        text,
        "  {}:
    Type: AWS::Serverless::LayerVersion
    Metadata:
      BuildMethod: makefile
      BuildArchitecture: {arch}
    Properties:
      LayerName: {}
      ContentUri: .
      CompatibleArchitectures:
        - {arch}
      CompatibleRuntimes:
        - {}
",
        unit.id,
        quoted(&unit.deployed),
        unit.runtime.name(),
        arch = unit.arch(),
    );
}

fn function(text: &mut String, unit: &Unit, layers: &[&Unit]) {
    remark(text, unit);
    let _ = write!(
        text,
        "  {}:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: makefile
    Properties:
      CodeUri: .
      Handler: bootstrap
      Runtime: {}
      Architectures:
        - {}
",
        unit.id,
        unit.runtime.name(),
        unit.arch(),
    );
    if !layers.is_empty() {
        text.push_str("      Layers:\n");
    }
    for layer in layers {
        let _ = writeln!(text, "        - !Ref {}", layer.id);
    }
    if !unit.environment.is_empty() {
        text.push_str("      Environment:\n        Variables:\n");
    }
    for (name, value) in &unit.environment {
        let _ = writeln!(text, "          {}: {}", quoted(name), quoted(value));
    }
}

fn remark(text: &mut String, unit: &Unit) {
    if let Some(remark) = unit.remark() {
        let _ = writeln!(text, "  # {remark}");
    }
}

fn makefile(stack: &Stack, places: &[(&str, PathBuf)]) -> String {
    let mut text = String::from(MAKEFILE);
    let of_make = |text: &OsStr| quote(text).replace('$', "$$");
    let places = places.iter().fold(String::new(), |said, (flag, path)| {
        format!("{said} {flag} {}", of_make(path.as_os_str()))
    });
    for unit in stack.units() {
        let name = of_make(OsStr::new(&unit.name));
        let _ = write!(
            text,
            "\n.PHONY: build-{id}\nbuild-{id}:\n\tcd \"$(PROJECT)\" && slsbuild dir {name} {flag}{places} --out-dir \"$(ARTIFACTS_DIR)\"\n",
            id = unit.id,
            flag = unit.flag(),
        );
    }
    text
}
