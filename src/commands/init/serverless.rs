//! Serverless Framework: a service whose functions are the zips as they are.
//! <https://www.serverless.com/framework/docs/providers/aws/guide/packaging> (2026-11)

use std::fmt::Write as _;

use super::File;
use super::stack::{Stack, Unit};
use super::text::quoted;

pub(super) fn files(stack: &Stack) -> Vec<File> {
    vec![File {
        name: "serverless.yml",
        content: service(stack),
    }]
}

fn service(stack: &Stack) -> String {
    let mut text = format!(
        "# Build before each deployment: slsbuild build && serverless deploy
service: {}
provider:
  name: aws
  runtime: provided.al2023
",
        quoted(&stack.name)
    );
    if !stack.layers.is_empty() {
        text.push_str("layers:\n");
    }
    for unit in &stack.layers {
        layer(&mut text, unit);
    }
    if !stack.functions.is_empty() {
        text.push_str("functions:\n");
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
    name: {}
    package:
      artifact: {}
    compatibleArchitectures:
      - {}
    compatibleRuntimes:
      - {}
",
        unit.id,
        plain(&unit.deployed),
        plain(&unit.artifact),
        unit.arch(),
        unit.runtime.name(),
    );
}

fn function(text: &mut String, unit: &Unit, layers: &[&Unit]) {
    remark(text, unit);
    let _ = write!(
        text,
        "  {}:
    handler: bootstrap
    runtime: {}
    architecture: {}
    package:
      artifact: {}
",
        plain(&unit.deployed),
        unit.runtime.name(),
        unit.arch(),
        plain(&unit.artifact),
    );
    if !layers.is_empty() {
        text.push_str("    layers:\n");
    }
    for layer in layers {
        // The name that the framework gives the resource of the layer.
        let _ = writeln!(text, "      - Ref: {}LambdaLayer", layer.id);
    }
    if !unit.environment.is_empty() {
        text.push_str("    environment:\n");
    }
    for (name, value) in &unit.environment {
        let _ = writeln!(text, "      {}: {}", plain(name), plain(value));
    }
}

fn remark(text: &mut String, unit: &Unit) {
    if let Some(remark) = unit.remark() {
        let _ = writeln!(text, "  # {remark}");
    }
}

/// A string that holds no variable of the framework's, which would be `${…}`.
/// <https://www.serverless.com/framework/docs/guides/variables> (2026-11)
fn plain(text: &str) -> String {
    quoted(&text.replace("${", "\\${"))
}
