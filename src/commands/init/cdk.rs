//! AWS CDK: a construct in TypeScript, whose functions are the zips as they are.
//! <https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_lambda.Code.html> (2026-11)

use std::fmt::Write as _;

use super::File;
use super::stack::{Stack, Unit};
use super::text::quoted;
use crate::platform::lambda::Runtime;
use crate::target::Arch;

pub(super) fn files(stack: &Stack) -> Vec<File> {
    vec![File {
        name: "functions.ts",
        content: construct(stack),
    }]
}

fn construct(stack: &Stack) -> String {
    let mut text = String::from(
        "// In a stack: new Functions(this, \"Functions\"). Build before each deployment: slsbuild build && cdk deploy
// The paths are relative to the directory that cdk is called in.
import { aws_lambda as lambda } from \"aws-cdk-lib\";
import { Construct } from \"constructs\";

export class Functions extends Construct {
",
    );
    for unit in &stack.functions {
        let _ = writeln!(text, "  readonly {}: lambda.Function;", variable(unit));
    }
    text.push_str("\n  constructor(scope: Construct, id: string) {\n    super(scope, id);\n");
    for unit in &stack.layers {
        layer(&mut text, unit);
    }
    for unit in &stack.functions {
        function(&mut text, unit, &stack.layers_of(unit));
    }
    text.push_str("  }\n}\n");
    text
}

fn layer(text: &mut String, unit: &Unit) {
    remark(text, unit);
    let _ = write!(
        text,
        "
    const {} = new lambda.LayerVersion(this, {}, {{
      code: lambda.Code.fromAsset({}),
      compatibleArchitectures: [lambda.Architecture.{}],
      compatibleRuntimes: [lambda.Runtime.{}],
    }});
",
        variable(unit),
        quoted(&unit.id),
        quoted(&unit.artifact),
        architecture(unit),
        runtime(unit),
    );
}

fn function(text: &mut String, unit: &Unit, layers: &[&Unit]) {
    remark(text, unit);
    let _ = write!(
        text,
        "
    this.{} = new lambda.Function(this, {}, {{
      code: lambda.Code.fromAsset({}),
      runtime: lambda.Runtime.{},
      architecture: lambda.Architecture.{},
      handler: \"bootstrap\",
",
        variable(unit),
        quoted(&unit.id),
        quoted(&unit.artifact),
        runtime(unit),
        architecture(unit),
    );
    if !layers.is_empty() {
        let names: Vec<String> = layers.iter().map(|layer| variable(layer)).collect();
        let _ = writeln!(text, "      layers: [{}],", names.join(", "));
    }
    if !unit.environment.is_empty() {
        text.push_str("      environment: {\n");
        for (name, value) in &unit.environment {
            // In brackets: `\"__proto__\": …` would be no key of the object.
            let _ = writeln!(text, "        [{}]: {},", quoted(name), quoted(value));
        }
        text.push_str("      },\n");
    }
    text.push_str("    });\n");
}

fn remark(text: &mut String, unit: &Unit) {
    if let Some(remark) = unit.remark() {
        let _ = write!(text, "\n    // {remark}");
    }
}

/// `OrdersFunction` as `ordersFunction`.
fn variable(unit: &Unit) -> String {
    let (first, rest) = unit.id.split_at(1);
    format!("{}{rest}", first.to_ascii_lowercase())
}

fn architecture(unit: &Unit) -> &'static str {
    match unit.target.arch {
        Arch::Arm64 => "ARM_64",
        Arch::Amd64 => "X86_64",
    }
}

fn runtime(unit: &Unit) -> &'static str {
    match unit.runtime {
        Runtime::ProvidedAl2023 => "PROVIDED_AL2023",
        Runtime::ProvidedAl2 => "PROVIDED_AL2",
    }
}
