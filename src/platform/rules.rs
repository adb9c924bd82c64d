//! Every rule by its id: what it says, and where the platform says so. The documentation and `--allow` read this table; a test
//! compares it with the ids in the code, and breaks each rule of images with an image of its own.

use crate::error::{Error, Result, did_you_mean};

/// A rule of a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id, `platform/kebab-name`.
    pub id: &'static str,
    /// Whether it is about images; else it is about Lambda's zips, and the programs in them.
    pub is_about_images: bool,
    /// What must be, in a few words.
    pub says: &'static str,
    /// Where the platform says so.
    pub source: &'static str,
}

const fn image(id: &'static str, says: &'static str, source: &'static str) -> Rule {
    Rule {
        id,
        is_about_images: true,
        says,
        source,
    }
}

const fn zip(id: &'static str, says: &'static str, source: &'static str) -> Rule {
    Rule {
        is_about_images: false,
        ..image(id, says, source)
    }
}

const SPEC: &str = "https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md";
const LAYER: &str = "https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md";
const CONFIG: &str = "https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md";
const MANIFEST: &str = "https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md";
const LAMBDA_IMAGES: &str = "https://docs.aws.amazon.com/lambda/latest/dg/images-create.html";
const LAMBDA_LIMITS: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";
const LAMBDA_RUNTIMES: &str = "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html";
const LAMBDA_ZIPS: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html";
const LAMBDA_LAYERS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html";
const LAMBDA_EXTENSIONS: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html";
const CLOUD_RUN: &str = "https://cloud.google.com/run/docs/container-contract";
const APP_RUNNER: &str =
    "https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html";

/// Every rule, those of images first. Read on 2026-11-24.
pub const RULES: &[Rule] = &[
    image("container/no-image", "an index holds an image", SPEC),
    image(
        "container/document",
        "manifest and configuration can be read",
        SPEC,
    ),
    image(
        "container/blob-size",
        "a layer has the size that the manifest says",
        SPEC,
    ),
    image(
        "container/blob-digest",
        "a layer has the digest that the manifest says",
        SPEC,
    ),
    image(
        "container/diff-id",
        "the configuration has the digest of each unpacked layer",
        CONFIG,
    ),
    image("container/layer", "a layer is a whole archive", LAYER),
    image(
        "container/bomb",
        "a layer does not unpack to far more than it is",
        LAYER,
    ),
    image(
        "container/entry-name",
        "names in a layer are relative and stay below the root",
        LAYER,
    ),
    image(
        "container/duplicate-entry",
        "a layer holds a file once",
        LAYER,
    ),
    image(
        "container/media-type",
        "a layer is compressed as its media type says",
        MANIFEST,
    ),
    image(
        "container/media-family",
        "media types are all OCI's or all Docker's",
        MANIFEST,
    ),
    image(
        "container/entrypoint",
        "what is started is in the image",
        CONFIG,
    ),
    image(
        "container/entrypoint-mode",
        "what is started may be executed",
        CONFIG,
    ),
    image(
        "container/program",
        "what is started is a Linux program or a script",
        CONFIG,
    ),
    image(
        "container/interpreter",
        "what loads the program is in the image",
        CONFIG,
    ),
    image(
        "container/workdir",
        "the working directory is absolute",
        CONFIG,
    ),
    image(
        "container/arch",
        "index, configuration, program and `--arch` name one architecture",
        CONFIG,
    ),
    image(
        "lambda/index",
        "a single manifest, no index and no attestations",
        LAMBDA_IMAGES,
    ),
    image(
        "lambda/parent-directory",
        "every file has its directories before it in its layer",
        "https://github.com/aspect-build/rules_aws/issues/103",
    ),
    image(
        "lambda/history",
        "one entry of the history for each layer",
        "https://github.com/bazel-contrib/rules_oci/pull/654",
    ),
    image(
        "lambda/zstd",
        "layers are compressed with gzip",
        LAMBDA_IMAGES,
    ),
    image(
        "lambda/uncompressed",
        "layers are compressed",
        "https://github.com/aspect-build/rules_aws/pull/145",
    ),
    image(
        "lambda/workdir",
        "there is a working directory, and it is in the image",
        "https://github.com/openbridge/ob_bulkstash/issues/20",
    ),
    image(
        "lambda/entrypoint",
        "the entrypoint is absolute",
        LAMBDA_IMAGES,
    ),
    image(
        "lambda/entrypoint-link",
        "the entrypoint is no symbolic link",
        LAMBDA_IMAGES,
    ),
    image(
        "lambda/cmd",
        "the script of Lambda's bases has exactly one argument",
        LAMBDA_IMAGES,
    ),
    image(
        "lambda/runtime-bootstrap",
        "what the script of Lambda's bases starts is there",
        LAMBDA_RUNTIMES,
    ),
    image(
        "lambda/unreadable",
        "everyone may read what the function reads",
        LAMBDA_IMAGES,
    ),
    image("lambda/image-size", "at most 10 GB unpacked", LAMBDA_LIMITS),
    image("cloud-run/amd64", "the image is for linux/amd64", CLOUD_RUN),
    image("cloud-run/port", "the server is at port 8080", CLOUD_RUN),
    image("cloud-run/contract", "what no image can show", CLOUD_RUN),
    image(
        "app-runner/amd64",
        "the image is for linux/amd64",
        APP_RUNNER,
    ),
    image("app-runner/index", "a single manifest", APP_RUNNER),
    image(
        "app-runner/zstd",
        "layers are compressed with gzip",
        APP_RUNNER,
    ),
    image("app-runner/port", "the server is at port 8080", APP_RUNNER),
    image(
        "app-runner/closed",
        "the service takes no new customers",
        "https://docs.aws.amazon.com/apprunner/latest/dg/apprunner-availability-change.html",
    ),
    zip(
        "lambda/arch",
        "the program is for the function's architecture",
        LAMBDA_RUNTIMES,
    ),
    zip(
        "lambda/bootstrap",
        "`bootstrap` is at the root of the zip",
        LAMBDA_RUNTIMES,
    ),
    zip(
        "lambda/bootstrap-mode",
        "everyone may execute `bootstrap`",
        LAMBDA_RUNTIMES,
    ),
    zip(
        "lambda/build-path",
        "no paths of the machine that built it",
        LAMBDA_ZIPS,
    ),
    zip(
        "lambda/compression-method",
        "entries are stored or deflated",
        LAMBDA_ZIPS,
    ),
    zip(
        "lambda/damaged-entry",
        "every entry can be read",
        LAMBDA_ZIPS,
    ),
    zip("lambda/debug-info", "no debug info", LAMBDA_ZIPS),
    zip(
        "lambda/duplicate-name",
        "a zip holds a name once",
        LAMBDA_ZIPS,
    ),
    zip("lambda/empty", "a zip holds files", LAMBDA_ZIPS),
    zip(
        "lambda/encrypted-entry",
        "no entry needs a password",
        LAMBDA_ZIPS,
    ),
    zip(
        "lambda/entry-name",
        "names are relative and stay below the root",
        LAMBDA_ZIPS,
    ),
    zip(
        "lambda/extension",
        "an extension is a program",
        LAMBDA_EXTENSIONS,
    ),
    zip(
        "lambda/extension-count",
        "at most ten extensions",
        LAMBDA_EXTENSIONS,
    ),
    zip(
        "lambda/extension-mode",
        "everyone may execute an extension",
        LAMBDA_EXTENSIONS,
    ),
    zip(
        "lambda/extension-name",
        "an extension's name fits a header",
        LAMBDA_EXTENSIONS,
    ),
    zip(
        "lambda/glibc",
        "the program's glibc is not newer than the runtime's",
        LAMBDA_RUNTIMES,
    ),
    zip(
        "lambda/interpreter",
        "the runtime has what loads the program",
        LAMBDA_RUNTIMES,
    ),
    zip("lambda/layer-empty", "a layer holds files", LAMBDA_LAYERS),
    zip(
        "lambda/needed-library",
        "the runtime or the zip has the program's libraries",
        LAMBDA_RUNTIMES,
    ),
    zip(
        "lambda/runtime-ended",
        "the runtime is supported",
        LAMBDA_RUNTIMES,
    ),
    zip(
        "lambda/script-line-ending",
        "a script's first line ends without a carriage return",
        LAMBDA_RUNTIMES,
    ),
    zip(
        "lambda/special-file",
        "no devices, pipes or sockets",
        LAMBDA_ZIPS,
    ),
    zip("lambda/symbols", "no symbols", LAMBDA_ZIPS),
    zip("lambda/symlink", "links stay inside", LAMBDA_ZIPS),
    zip(
        "lambda/unzipped-size",
        "at most 250 MB unzipped, with all layers",
        LAMBDA_LIMITS,
    ),
    zip("lambda/zip", "the file is a zip", LAMBDA_ZIPS),
    zip("lambda/zipped-size", "at most 50 MB zipped", LAMBDA_LIMITS),
];

/// The rule that a flag names.
///
/// # Errors
/// [`Error::Usage`] with the nearest id when there is none of that id.
pub fn rule(id: &str) -> Result<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id).ok_or_else(|| {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        Error::Usage {
            message: format!("unknown rule `{id}`"),
            hint: Some(did_you_mean(id, &ids).unwrap_or_else(|| {
                "rules are named in brackets behind a finding: --allow lambda/history".to_owned()
            })),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_a_wrong_one_is_answered_with_the_nearest() {
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.source.starts_with("https://")));
        let error = rule("lambda/histroy").unwrap_err();
        assert_eq!(
            (error.exit_code(), error.hint().unwrap().as_str()),
            (2, "did you mean `lambda/history`?")
        );
        assert!(
            rule("no such rule")
                .unwrap_err()
                .hint()
                .unwrap()
                .contains("--allow")
        );
    }

    #[test]
    fn the_table_has_every_id_of_the_code() {
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        // Beside the rules: what is counted and not shown, and what is said of a build.
        let others = [
            "lambda/more",
            "container/more",
            "lambda/profile",
            "lambda/runtime-archive",
        ];
        let pattern = regex::Regex::new(
            r#""((?:lambda|container|cloud-run|app-runner|fargate)/[a-z0-9-]+)""#,
        )
        .unwrap();
        for entry in walkdir::WalkDir::new(source) {
            let entry = entry.unwrap();
            if entry
                .path()
                .extension()
                .is_none_or(|extension| extension != "rs")
            {
                continue;
            }
            let text = fs_err::read_to_string(entry.path()).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for found in pattern.captures_iter(code) {
                let id = &found[1];
                assert!(
                    others.contains(&id) || RULES.iter().any(|rule| rule.id == id),
                    "{} has {id}",
                    entry.path().display()
                );
            }
        }
    }
}
