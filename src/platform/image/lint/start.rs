//! Rules about what an image starts: that it is there, may be executed, is for the right machine, and finds what it needs.

use serde_json::Value;

use super::shown;
use crate::finding::Finding;
use crate::platform::container::PORT;
use crate::platform::image::{Content, Found, ImageFacts, ImagePlatform, Program};
use crate::platform::lambda::image::{ENTRY_SCRIPT, RUNTIME_BOOTSTRAP};

pub(super) fn lint(platform: ImagePlatform, image: &ImageFacts) -> Vec<Finding> {
    if !image.config.is_object() {
        return Vec::new();
    }
    let mut findings = Vec::from_iter(lint_workdir(platform, image));
    findings.extend(lint_platform(image));
    if image.command().is_empty() {
        let message = "the image has neither an entrypoint nor a command: nothing is started";
        findings.push(
            Finding::error("container/entrypoint", message)
                .with_hint("--entrypoint /app/NAME; slsbuild image sets it"),
        );
    }
    let arch_is_told = findings
        .iter()
        .any(|finding| finding.rule == "container/arch");
    for program in &image.programs {
        let found = lint_program(platform, image, program);
        // A configuration for the wrong machine does not fit its program either.
        findings.extend(found.filter(|found| !arch_is_told || found.rule != "container/arch"));
    }
    if platform == ImagePlatform::Lambda {
        findings.extend(lint_script_arguments(image));
    }
    findings.extend(lint_port(platform, image));
    findings
}

/// Lambda looks whether the working directory is absolute and there, and says `Runtime.InvalidWorkingDir`:
/// <https://github.com/openbridge/ob_bulkstash/issues/20>, and `Cwd` in
/// <https://github.com/aws/aws-lambda-runtime-interface-emulator> (2026-11). A container engine makes the directory.
fn lint_workdir(platform: ImagePlatform, image: &ImageFacts) -> Option<Finding> {
    let workdir = image.word("WorkingDir");
    let hint = format!("--workdir {}", platform.facts().workdir);
    let error = |rule, message| Some(Finding::error(rule, message).with_hint(hint));
    if !workdir.is_empty() && !workdir.starts_with('/') {
        let message = format!("working directory `{}` is not absolute", shown(workdir));
        return error("container/workdir", message);
    }
    if platform != ImagePlatform::Lambda {
        return None;
    }
    if workdir.is_empty() {
        let message = "the image has no working directory, and Lambda starts none without (Runtime.InvalidWorkingDir)";
        return error("lambda/workdir", message.to_owned());
    }
    let is_root = workdir.trim_matches('/').is_empty();
    if is_root || !image.is_complete() || image.rootfs.resolve(workdir).is_some() {
        return None;
    }
    let message = format!(
        "working directory `{}` is not in the image, and Lambda starts none without (Runtime.InvalidWorkingDir)",
        shown(workdir)
    );
    error("lambda/workdir", message)
}

/// That an index and the image's own configuration say the same.
fn lint_platform(image: &ImageFacts) -> Option<Finding> {
    let field = |name| {
        image
            .config
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (os, architecture) = (field("os"), field("architecture"));
    let hint = "slsbuild image writes both from the program itself";
    if os != "linux" {
        let message = format!("the image is for `{}`, and only Linux is run", shown(os));
        return Some(Finding::error("container/arch", message).with_hint(hint));
    }
    if architecture == image.platform.architecture {
        return None;
    }
    let message = format!(
        "the index says that the image is for {}, and its configuration says `{}`",
        shown(&image.platform.architecture),
        shown(architecture)
    );
    Some(Finding::error("container/arch", message).with_hint(hint))
}

fn lint_program(platform: ImagePlatform, image: &ImageFacts, program: &Program) -> Option<Finding> {
    let name = shown(&program.name);
    if platform == ImagePlatform::Lambda && !program.name.starts_with('/') {
        // https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#images-parms (2026-11)
        let message = format!("entrypoint `{name}` is not absolute: Lambda looks for it nowhere");
        return Some(
            Finding::error("lambda/entrypoint", message)
                .with_hint("--entrypoint /var/task/bootstrap; slsbuild image sets it"),
        );
    }
    let Some(found) = &program.found else {
        return image.is_complete().then(|| missing(&program.name));
    };
    if !found.is_file {
        let message = format!("entrypoint `{name}` is no file");
        return Some(
            Finding::error("container/entrypoint", message)
                .with_hint("--entrypoint names a program"),
        );
    }
    if platform == ImagePlatform::Lambda && found.is_link {
        // https://docs.aws.amazon.com/lambda/latest/dg/images-troubleshoot.html (2026-11)
        let message =
            format!("entrypoint `{name}` is a symbolic link, which Lambda does not follow");
        return Some(
            Finding::error("lambda/entrypoint-link", message)
                .with_hint(format!("--entrypoint {}", shown(&found.path))),
        );
    }
    lint_mode(platform, image, &name, found).or_else(|| lint_content(image, &name, found))
}

fn missing(program: &str) -> Finding {
    if program == RUNTIME_BOOTSTRAP {
        let message = format!(
            "the image has no `{RUNTIME_BOOTSTRAP}`, which `{ENTRY_SCRIPT}` of its base starts"
        );
        return Finding::error("lambda/runtime-bootstrap", message)
            .with_hint("slsbuild image --for lambda puts the program there");
    }
    let message = format!("entrypoint `{}` is not in the image", shown(program));
    Finding::error("container/entrypoint", message)
        .with_hint("slsbuild image names the program that it puts in; a typing error?")
}

/// Whether the user that the platform runs the image as may execute it.
fn lint_mode(
    platform: ImagePlatform,
    image: &ImageFacts,
    name: &str,
    found: &Found,
) -> Option<Finding> {
    const OWNER: u32 = 0o100;
    const OTHERS: u32 = 0o005;
    let user = image.word("User").split(':').next().unwrap_or_default();
    let (needed, who) = match (platform, user.parse::<u64>()) {
        (ImagePlatform::Lambda, _) => (OTHERS, "Lambda's user"),
        (_, Ok(0) | Err(_)) => (0, "root"),
        (_, Ok(uid)) if uid == found.uid => (OWNER, "its user"),
        // A group may give the right; nothing here knows the user's groups.
        (_, Ok(_)) if found.mode & 0o010 != 0 => (0, "its user"),
        (_, Ok(_)) => (OTHERS & 0o001, "its user"),
    };
    let may = found.mode & needed == needed && found.mode & 0o111 != 0;
    (!may).then(|| {
        let message = format!(
            "`{name}` has mode {:04o}: {who} may not execute it",
            found.mode
        );
        Finding::error("container/entrypoint-mode", message)
            .with_hint("chmod 755 before it is copied; slsbuild image sets it")
    })
}

fn lint_content(image: &ImageFacts, name: &str, found: &Found) -> Option<Finding> {
    let interpreter = match &found.content {
        Content::Unknown => return None,
        Content::Other(cause) => {
            let finding = Finding::error("container/program", shown(cause));
            return Some(finding.with_hint("slsbuild image builds one that Linux starts"));
        }
        Content::Script(interpreter) => Some(interpreter),
        Content::Elf(head) => {
            let said = image.config.get("architecture").and_then(Value::as_str);
            let said = said.unwrap_or_default();
            let is_right = head.arch.is_some_and(|arch| arch.name() == said);
            if !is_right {
                let message = format!(
                    "`{name}` is built for {}, and the image for `{}`",
                    head.arch.map_or(head.machine.as_str(), |arch| arch.name()),
                    shown(said)
                );
                return Some(Finding::error("container/arch", message).with_hint(format!(
                    "slsbuild image --arch {}",
                    head.arch.map_or("amd64", |arch| arch.name())
                )));
            }
            head.interpreter.as_ref()
        }
    }?;
    if image.rootfs.resolve(interpreter).is_some() || !image.is_complete() {
        return None;
    }
    let message = format!(
        "`{name}` is started by `{}`, which is not in the image (no such file or directory)",
        shown(interpreter)
    );
    Some(Finding::error("container/interpreter", message).with_hint(
        "link it statically (slsbuild image does), or take a base that has it: --base gcr.io/distroless/cc-debian13",
    ))
}

/// The script of Lambda's bases ends with 142 unless it has exactly one argument.
/// <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html> (2026-11)
fn lint_script_arguments(image: &ImageFacts) -> Option<Finding> {
    if !image.starts_lambda_script() {
        return None;
    }
    let count = image.command().len() - 1;
    (count != 1).then(|| {
        let message = format!("`{ENTRY_SCRIPT}` wants exactly one argument, the handler's name, and the image gives it {count}");
        Finding::error("lambda/cmd", message).with_hint("--cmd NAME; slsbuild image sets it")
    })
}

/// Whether a server is at the port that the platform sends requests to.
fn lint_port(platform: ImagePlatform, image: &ImageFacts) -> Option<Finding> {
    if !matches!(platform, ImagePlatform::CloudRun | ImagePlatform::AppRunner) {
        return None;
    }
    let exposed = image.config.pointer("/config/ExposedPorts");
    let exposed = exposed.and_then(Value::as_object).into_iter().flatten();
    let exposed = exposed.filter_map(|(port, _)| port.split('/').next());
    let ports: Vec<&str> = exposed.chain(image.variable("PORT")).collect();
    if ports.iter().any(|port| *port == PORT.to_string()) {
        return None;
    }
    let title = platform.facts().title;
    let message = match ports.first() {
        None => {
            format!("the image names no port of a server, and {title} sends requests to {PORT}")
        }
        Some(port) => format!(
            "the image's server is at port {}, and {title} sends requests to {PORT} unless another is configured",
            shown(port)
        ),
    };
    Some(
        Finding::warning(&format!("{platform}/port"), message)
            .with_hint(format!("--port {PORT}, and listen on 0.0.0.0:$PORT")),
    )
}
