//! Terraform: resources of the AWS provider, which deploy when the digests of the zips change.

use std::fmt::Write as _;

use super::File;
use super::stack::{Stack, Unit};
use super::text::hcl;

pub(super) fn files(stack: &Stack) -> Vec<File> {
    vec![File {
        name: "functions.tf",
        content: resources(stack),
    }]
}

fn resources(stack: &Stack) -> String {
    let mut text = String::from(
        "# The zips must be there when Terraform plans: slsbuild build && terraform apply
variable \"lambda_role_arn\" {
  type        = string
  description = \"The role that the functions run as\"
}
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
        "resource \"aws_lambda_layer_version\" {} {{
  layer_name               = {}
  filename                 = {file}
  source_code_hash         = filebase64sha256({file})
  compatible_architectures = [\"{}\"]
  compatible_runtimes      = [\"{}\"]
}}
",
        hcl(&unit.label),
        hcl(&unit.deployed),
        unit.arch(),
        unit.runtime.name(),
        file = file(unit),
    );
}

fn function(text: &mut String, unit: &Unit, layers: &[&Unit]) {
    remark(text, unit);
    let _ = write!(
        text,
        "resource \"aws_lambda_function\" {} {{
  function_name    = {}
  role             = var.lambda_role_arn
  runtime          = \"{}\"
  handler          = \"bootstrap\"
  architectures    = [\"{}\"]
  filename         = {file}
  source_code_hash = filebase64sha256({file})
",
        hcl(&unit.label),
        hcl(&unit.deployed),
        unit.runtime.name(),
        unit.arch(),
        file = file(unit),
    );
    if !layers.is_empty() {
        let arns: Vec<String> = layers
            .iter()
            .map(|layer| format!("aws_lambda_layer_version.{}.arn", layer.label))
            .collect();
        let _ = writeln!(text, "  layers           = [{}]", arns.join(", "));
    }
    if !unit.environment.is_empty() {
        text.push_str("\n  environment {\n    variables = {\n");
        let names = unit.environment.keys().map(|name| hcl(name));
        let width = names
            .map(|name| name.chars().count())
            .max()
            .unwrap_or_default();
        for (name, value) in &unit.environment {
            let _ = writeln!(text, "      {:width$} = {}", hcl(name), hcl(value));
        }
        text.push_str("    }\n  }\n");
    }
    text.push_str("}\n");
}

fn remark(text: &mut String, unit: &Unit) {
    text.push('\n');
    if let Some(remark) = unit.remark() {
        let _ = writeln!(text, "# {remark}");
    }
}

/// The zip as the module finds it, wherever Terraform is called.
fn file(unit: &Unit) -> String {
    let literal = hcl(&unit.artifact);
    if unit.artifact.starts_with('/') {
        literal
    } else {
        literal.replacen('"', "\"${path.module}/", 1)
    }
}
