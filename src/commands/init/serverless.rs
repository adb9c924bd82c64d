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

/// A string that is `text` and holds no variable of the framework's, which would be `${…}`.
/// <https://www.serverless.com/framework/docs/guides/variables> (2026-11)
///
/// A backslash before `${` makes it text, and backslashes before that one count in pairs. The framework's parser reads the
/// letter after a `$` as part of what the `$` begins, so a `$` shortly before `${` comes from the fallback of a variable
/// that nobody sets.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(position) = rest.find("${") {
        let before = &rest[..position];
        let start = before.trim_end_matches(['\\', '$']).len();
        let (before, run) = before.split_at(start);
        escaped.push_str(before);
        if run.contains('$') {
            let _ = write!(escaped, "${{env:SLSBUILD_NONE, '{run}'}}");
        } else {
            escaped.push_str(&run.repeat(2));
        }
        escaped.push_str("\\${");
        rest = &rest[position + "${".len()..];
    }
    quoted(&(escaped + rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was resolved by the parser of version 3.40, as 300 000 random texts were.
    #[test]
    fn what_looks_like_a_variable_is_text() {
        let escaped = |text: &str| serde_json::from_str::<String>(&plain(text)).unwrap();
        assert_eq!(escaped("${env:X} $ \\ ${"), r"\${env:X} $ \ \${");
        assert_eq!(escaped(r"a\${x}"), r"a\\\${x}");
        assert_eq!(escaped("$${x}"), r"${env:SLSBUILD_NONE, '$'}\${x}");
        assert_eq!(escaped(r"\$\${x}"), r"${env:SLSBUILD_NONE, '\$\'}\${x}");
    }
}
