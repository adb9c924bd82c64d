//! Lambda's container images: what it demands of one, and how its own bases are told from others.

use serde_json::Value;

use crate::artifact::oci::media_type::Compression;
use crate::platform::image::Facts;
use crate::target::Arch;

/// What Lambda demands of an image. One manifest and no index: <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html>;
/// gzip, since no source says that it takes zstd (2026-11).
pub(in crate::platform) const FACTS: Facts = Facts {
    name: "lambda",
    title: "Lambda",
    base: "lambda",
    default_arches: &[Arch::Arm64],
    arches: &Arch::ALL,
    required_arch: None,
    index: false,
    compressions: &[Compression::Gzip],
    port: None,
    workdir: TASK_ROOT,
    notes: &[],
};

/// Where Lambda's function lies, and the working directory of its bases.
pub const TASK_ROOT: &str = "/var/task";
/// The script that Lambda's bases start.
/// <https://github.com/aws/aws-lambda-base-images/tree/provided.al2023> (2026-11)
pub(in crate::platform) const ENTRY_SCRIPT: &str = "/lambda-entrypoint.sh";
/// What that script starts, under the Runtime Interface Emulator where there is no Lambda.
pub(in crate::platform) const RUNTIME_BOOTSTRAP: &str = "/var/runtime/bootstrap";

/// Bytes of an image's files when unpacked, all layers together: 10 GB, which AWS counts as 2^30 each.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (2026-11)
pub const UNPACKED_IMAGE_LIMIT: u64 = 10 << 30;

/// Whether an image's configuration is one of Lambda's bases, or built on one: its entry script starts
/// `/var/runtime/bootstrap` and wants the handler's name as its only argument.
pub fn is_lambda_like(config: &Value) -> bool {
    let config = config.get("config");
    let field = |name: &str| {
        let list = config.and_then(|config| config.get(name));
        list.and_then(Value::as_array).into_iter().flatten()
    };
    let mut entrypoint = field("Entrypoint").filter_map(Value::as_str);
    match entrypoint.next() {
        Some(program) => program == ENTRY_SCRIPT,
        // Nothing is started yet, but the runtime's directory is there.
        None => field("Env")
            .filter_map(Value::as_str)
            .any(|variable| variable.starts_with("LAMBDA_RUNTIME_DIR=")),
    }
}

/// Whether a command starts the script of Lambda's bases.
pub(in crate::platform) fn starts_script(command: &[&str]) -> bool {
    command.first() == Some(&ENTRY_SCRIPT)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_base_of_lambda_is_known_by_its_script() {
        let script = json!({"config": {"Entrypoint": ["/lambda-entrypoint.sh"]}});
        assert!(is_lambda_like(&script));
        let variable = json!({"config": {"Env": ["LAMBDA_RUNTIME_DIR=/var/runtime"]}});
        assert!(is_lambda_like(&variable));
        let own =
            json!({"config": {"Entrypoint": ["/app"], "Env": ["LAMBDA_RUNTIME_DIR=/var/runtime"]}});
        assert!(!is_lambda_like(&own), "it starts something else");
        for other in [
            json!({}),
            json!({"config": null}),
            json!({"config": {"Env": null}}),
            json!([1]),
        ] {
            assert!(!is_lambda_like(&other), "{other}");
        }
    }
}
