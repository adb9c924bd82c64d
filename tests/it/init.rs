//! `slsbuild init`: what it prints is read by the tools that it is for, and their digest of a zip is ours.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use object::elf;
use serde_json::{Value, json};

use crate::support::{Crate, installed, oracle, outcome, path_with};
use crate::tiny_elf::TinyElf;

/// Two functions, an extension and a layer, of binaries that are there.
const SHOP: &str = r#"
[functions.orders]
binary = "dist/orders-{arch}"
arch = ["arm64", "amd64"]
layers = ["telemetry", "assets"]
env = { TABLE = "orders", GREETING = "it's \"5 %\" of ${total}" }

[functions.2fa-api]
binary = "dist/orders-amd64"

[functions.telemetry]
kind = "extension"
binary = "dist/orders-{arch}"
arch = ["arm64", "amd64"]

[functions.assets]
kind = "layer"
arch = ["arm64", "amd64"]
include = ["assets/**"]
"#;

/// Values that a careless writer of any of the languages gets wrong.
const VALUES: [&str; 18] = [
    "",
    "plain",
    "with \"quotes\" and a \\ backslash\\",
    "two\nlines\r\n\tand a tab",
    "${env:HOME} ${self:x} \\${y} %{if} $${x} $$ $",
    "%%{x} %{~ y}",
    "yes",
    "null",
    "0x10",
    "1_000",
    "# no comment",
    "'single' : - {a: b} [c] !Ref *x &y",
    "é ü \u{7f}\u{85}\u{a0}\u{2028}\u{2029}\u{feff}\u{1f600}",
    " around ",
    "`template ${x}`",
    "*/ <!-- --> //",
    "{{resolve:ssm:x}}",
    "\u{1}\u{1b}[31m",
];

fn project(configuration: &str) -> Crate {
    let shop = Crate::empty()
        .file("slsbuild.toml", configuration)
        .file("assets/page.html", "<p>\n");
    shop.write("dist/orders-arm64", &TinyElf::new(elf::EM_AARCH64).build());
    shop.write("dist/orders-amd64", &TinyElf::new(elf::EM_X86_64).build());
    shop
}

/// A function with all of [`VALUES`] in its environment.
fn nasty() -> Crate {
    let variables = VALUES
        .iter()
        .enumerate()
        .map(|(index, value)| format!("V{index} = {}\n", toml::Value::String((*value).to_owned())));
    let table = "[functions.orders]\nbinary = \"dist/orders-arm64\"\n\n[functions.orders.env]\n";
    project(&format!("{table}{}", variables.collect::<String>()))
}

fn environment() -> Value {
    let variables = VALUES.iter().enumerate();
    variables
        .map(|(index, value)| (format!("V{index}"), json!(value)))
        .collect()
}

/// The project with the files of a tool in it.
fn with_files(project: Crate, tool: &str) -> Crate {
    let output = project
        .slsbuild(&format!("init {tool} --write"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    project
}

/// What a tool prints when it accepts what it is given.
pub(crate) fn accepted(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{stdout}\n{stderr}");
    stdout
}

fn read_json(command: &mut Command) -> Value {
    serde_json::from_str(&accepted(command)).unwrap()
}

#[test]
fn each_tool_gets_its_files() {
    let shop = project(SHOP);
    // The directory's name, which is another one every time.
    let service = regex::Regex::new("service: \".*\"").unwrap();
    for tool in ["sam", "cdk", "terraform", "serverless"] {
        let printed = shop.outcome(&format!("init {tool}"));
        insta::assert_snapshot!(tool, service.replace(&printed, "service: [name]"));
    }
}

#[test]
fn one_function_is_connected_with_the_layers_that_it_needs() {
    let printed = project(SHOP).outcome("init terraform 2fa-api");
    assert!(
        printed.contains("n_2fa_api") && !printed.contains("orders\""),
        "{printed}"
    );
    let printed = project(SHOP).outcome("init terraform orders");
    assert!(
        printed.contains("telemetry") && !printed.contains("2fa"),
        "{printed}"
    );
}

#[test]
fn a_layer_is_deployed_for_each_arch_that_functions_have_it_on() {
    let more = "\n[functions.billing]\nbinary = \"dist/orders-amd64\"\nlayers = [\"assets\"]\n";
    let shop = project(&format!("{SHOP}{more}"));
    let made = shop.outcome("init terraform");
    for line in [
        "resource \"aws_lambda_layer_version\" \"assets_arm64\"",
        "resource \"aws_lambda_layer_version\" \"assets_amd64\"",
        "layers           = [aws_lambda_layer_version.telemetry.arn, aws_lambda_layer_version.assets_arm64.arn]",
        "layers           = [aws_lambda_layer_version.assets_amd64.arn]",
        "\"${path.module}/.slsbuild/assets/lambda/amd64/layer.zip\"",
    ] {
        assert!(made.contains(line), "{line}\n{made}");
    }
    let made = shop.outcome("init sam");
    let target = "build-AssetsAmd64Layer:\n\tcd \"$(PROJECT)\" && slsbuild dir assets --arch amd64";
    assert!(made.contains(target), "{made}");
}

#[test]
fn files_are_written_once() {
    let shop = project(SHOP);
    insta::assert_snapshot!(shop.outcome("init sam --write"));
    fs_err::remove_file(shop.path().join("template.yaml")).unwrap();
    shop.write("Makefile", b"all:\n");
    insta::assert_snapshot!(shop.outcome("init sam --write"));
    assert!(!shop.path().join("template.yaml").exists());
    assert_eq!(
        fs_err::read(shop.path().join("Makefile")).unwrap(),
        b"all:\n"
    );
}

#[test]
fn json_holds_the_files() {
    let shop = project(SHOP);
    let document = read_json(&mut shop.slsbuild("init sam --format json"));
    let files = document["files"].as_array().unwrap();
    let paths: Vec<&str> = files
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["template.yaml", "Makefile", "samconfig.toml"]);
    assert!(
        files[0]["content"]
            .as_str()
            .unwrap()
            .contains("AWS::Serverless::Function")
    );
}

#[test]
fn a_crate_without_configuration_is_a_function_too() {
    let output = Crate::binary("orders").outcome("init terraform");
    assert!(
        output.contains("\"${path.module}/target/slsbuild/orders/lambda/arm64/bootstrap.zip\""),
        "{output}"
    );
}

/// `sam`, with no telemetry and a home of its own.
pub(crate) fn sam(project: &Path, directory: &Path) -> Command {
    let mut command = Command::new(directory.join("sam"));
    command
        .current_dir(project)
        .env("HOME", project)
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_DEFAULT_REGION", "eu-central-1");
    command
}

#[test]
fn sam_and_cfn_lint_accept_the_template() {
    let shop = with_files(project(SHOP), "sam");
    if let Some(directory) = installed("SLSBUILD_TEST_SAM", "sam") {
        accepted(sam(&shop.path(), &directory).args(["validate", "--lint"]));
    }
    if let Some(directory) = installed("SLSBUILD_TEST_AWS", "cfn-lint") {
        accepted(Command::new(directory.join("cfn-lint")).arg(shop.path().join("template.yaml")));
    }
}

#[test]
fn sam_builds_what_our_zips_hold() {
    let Some(directory) = installed("SLSBUILD_TEST_SAM", "sam") else {
        return;
    };
    if oracle("make").is_none() {
        return;
    }
    let shop = with_files(project(SHOP), "sam");
    let zips: Value = read_json(&mut shop.slsbuild("build --format json -q"));
    // In the project itself, and in the copy that SAM makes by default.
    for way in ["--build-in-source", "--no-build-in-source"] {
        let mut build = sam(&shop.path(), &directory);
        let ours = Path::new(env!("CARGO_BIN_EXE_slsbuild")).parent().unwrap();
        accepted(build.args(["build", way]).env("PATH", path_with(ours)));
        for (name, arch, built) in [
            ("orders", "arm64", "OrdersFunction/bootstrap"),
            ("2fa-api", "amd64", "N2faApiFunction/bootstrap"),
            ("telemetry", "arm64", "TelemetryLayer/extensions/telemetry"),
            ("assets", "arm64", "AssetsLayer/assets/page.html"),
        ] {
            let mut artifacts = zips["artifacts"].as_array().unwrap().iter();
            let zip = artifacts
                .find(|one| one["name"] == name && one["arch"] == arch)
                .unwrap();
            let zip = shop.path().join(zip["path"].as_str().unwrap());
            let (_, entry) = built.split_once('/').unwrap();
            let sams = fs_err::read(shop.path().join(".aws-sam/build").join(built)).unwrap();
            assert_eq!(sams, crate::zip::entry(&zip, entry), "{way} {built}");
        }
    }
}

/// Python reads YAML, with CloudFormation's `!Ref` as its text.
const READ_YAML: &str = "import json, sys, yaml
yaml.SafeLoader.add_constructor('!Ref', lambda loader, node: node.value)
print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding='utf-8'))))";

#[test]
fn yaml_holds_every_value_as_it_is() {
    let Some(directory) = installed("SLSBUILD_TEST_AWS", "python3") else {
        return;
    };
    let read = |project: &Crate, file: &str| {
        let mut python = Command::new(directory.join("python3"));
        read_json(
            python
                .args(["-c", READ_YAML])
                .arg(project.path().join(file)),
        )
    };
    let template = read(&with_files(nasty(), "sam"), "template.yaml");
    let function = &template["Resources"]["OrdersFunction"]["Properties"];
    assert_eq!(function["Environment"]["Variables"], environment());

    let service = read(&with_files(nasty(), "serverless"), "serverless.yml");
    // Those with `${` are written so that the framework, too, takes them as text.
    let variables = service["functions"]["orders"]["environment"]
        .as_object()
        .unwrap();
    for (name, value) in environment().as_object().unwrap() {
        if !value.as_str().unwrap().contains("${") {
            assert_eq!(&variables[name], value);
        }
    }

    let service = read(&with_files(project(SHOP), "serverless"), "serverless.yml");
    assert_eq!(
        service["functions"]["orders"]["layers"],
        json!([
            { "Ref": "TelemetryLayerLambdaLayer" },
            { "Ref": "AssetsLayerLambdaLayer" }
        ])
    );
}

#[test]
fn terraforms_language_is_read_by_its_parser() {
    let Some(directory) = installed("SLSBUILD_TEST_AWS", "hcl2tojson") else {
        return;
    };
    for project in [project(SHOP), nasty()] {
        let project = with_files(project, "terraform");
        let mut read = Command::new(directory.join("hcl2tojson"));
        let document = accepted(read.arg(project.path().join("functions.tf"))).replace(r#"\""#, "");
        for word in [
            "aws_lambda_function",
            "orders",
            "filebase64sha256",
            "bootstrap",
        ] {
            assert!(document.contains(word), "{word}: {document}");
        }
    }
}

/// The construct is compiled, and run with classes that note what they are given.
const RUN_CONSTRUCT: &str = r#"
const ts = require("typescript"), fs = require("fs");
const source = fs.readFileSync(process.argv[1], "utf8");
const options = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
const result = ts.transpileModule(source, { compilerOptions: options, reportDiagnostics: true });
if (result.diagnostics.length) throw new Error(JSON.stringify(result.diagnostics.map(d => d.messageText)));
const made = {};
class Noted { constructor(_scope, id, properties) { made[id] = properties; } }
const words = new Proxy({}, { get: (_, name) => name });
const modules = {
  "aws-cdk-lib": { aws_lambda: { Function: Noted, LayerVersion: Noted, Runtime: words, Architecture: words,
    Code: { fromAsset: path => path } } },
  constructs: { Construct: class {} },
};
const exported = {};
new Function("exports", "require", result.outputText)(exported, name => modules[name]);
new exported.Functions(undefined, "Functions");
console.log(JSON.stringify(made));
"#;

#[test]
fn the_construct_compiles_and_makes_the_functions() {
    let Some(modules) = installed("SLSBUILD_TEST_NODE", "typescript") else {
        return;
    };
    if oracle("node").is_none() {
        return;
    }
    let run = |project: Crate| {
        let project = with_files(project, "cdk");
        let mut node = Command::new("node");
        node.args(["-e", RUN_CONSTRUCT])
            .arg(project.path().join("functions.ts"));
        read_json(node.env("NODE_PATH", &modules))
    };
    let made = run(nasty());
    assert_eq!(made["OrdersFunction"]["environment"], environment());
    let made = run(project(SHOP));
    assert_eq!(made["OrdersFunction"]["architecture"], "ARM_64");
    assert_eq!(
        made["N2faApiFunction"]["code"],
        ".slsbuild/2fa-api/lambda/amd64/bootstrap.zip"
    );
    assert_eq!(
        made["TelemetryLayer"]["compatibleArchitectures"],
        json!(["ARM_64"])
    );
    assert_eq!(
        made["OrdersFunction"]["layers"].as_array().unwrap().len(),
        2
    );
}

/// moto's server on a port of loopback, ended when dropped.
struct Moto {
    server: Child,
    aws: std::path::PathBuf,
    home: tempfile::TempDir,
    endpoint: String,
}

impl Moto {
    fn start(directory: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = port.local_addr().unwrap().port();
        let mut server = Command::new(directory.join("moto_server"));
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = server.stdout(Stdio::null()).stderr(Stdio::null());
        let moto = Self {
            server: server.spawn().unwrap(),
            aws: directory.join("aws"),
            home: tempfile::tempdir().unwrap(),
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        let started = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed().as_secs() < 120, "moto does not start");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        moto
    }

    fn call(&self, arguments: &[&str]) -> Value {
        let mut aws = Command::new(&self.aws);
        aws.args(["--endpoint-url", &self.endpoint, "--output", "json"])
            .args(arguments)
            .env("HOME", self.home.path())
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        read_json(&mut aws)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn lambdas_api_answers_with_our_digest() {
    let Some(directory) = installed("SLSBUILD_TEST_AWS", "moto_server") else {
        return;
    };
    let shop = project(SHOP);
    let report = read_json(&mut shop.slsbuild("build orders --format json -q"));
    let mut artifacts = report["artifacts"].as_array().unwrap().iter();
    let zip = artifacts
        .find(|one| one["name"] == "orders" && one["arch"] == "arm64")
        .unwrap();
    let path = shop.path().join(zip["path"].as_str().unwrap());
    let file = format!("fileb://{}", path.display());

    let moto = Moto::start(&directory);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = moto.call(&[
        "iam",
        "create-role",
        "--role-name",
        "r",
        "--assume-role-policy-document",
        policy,
    ]);
    let role = role["Role"]["Arn"].as_str().unwrap();
    let created = moto.call(&[
        "lambda",
        "create-function",
        "--function-name",
        "orders",
        "--runtime",
        "provided.al2023",
        "--handler",
        "bootstrap",
        "--architectures",
        "arm64",
        "--role",
        role,
        "--zip-file",
        &file,
    ]);
    assert_eq!(created["CodeSha256"], zip["code_sha256"]);
    let updated = moto.call(&[
        "lambda",
        "update-function-code",
        "--function-name",
        "orders",
        "--architectures",
        "arm64",
        "--zip-file",
        &file,
    ]);
    assert_eq!(updated["CodeSha256"], zip["code_sha256"]);
}

#[test]
fn a_tool_that_is_not_known_is_refused() {
    let refused = outcome(&mut project(SHOP).slsbuild("init pulumi"));
    assert!(
        refused.starts_with("exit code: 2\n") && refused.contains("terraform"),
        "{refused}"
    );
}

#[test]
fn a_flag_that_the_written_commands_would_lose_is_refused() {
    let shop = project(SHOP);
    let refused = [
        "init sam --go ./cmd/x",
        "init terraform --binary dist/orders-amd64 --name x",
        "init sam --features json",
        "init sam --out-dir out",
        "init cdk --layout cargo-lambda",
    ];
    insta::assert_snapshot!(
        refused
            .map(|arguments| format!("$ slsbuild {arguments}\n{}", shop.outcome(arguments)))
            .join("\n")
    );
    let elsewhere = project(SHOP);
    fs_err::rename(
        elsewhere.path().join("slsbuild.toml"),
        elsewhere.path().join("a $hop.toml"),
    )
    .unwrap();
    let mut command = elsewhere.slsbuild("init sam --config");
    let made = outcome(command.arg("a $hop.toml"));
    assert!(
        made.contains("slsbuild dir orders --arch arm64 --config 'a $$hop.toml' --out-dir"),
        "{made}"
    );
}
