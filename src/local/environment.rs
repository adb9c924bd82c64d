//! The environment that a function sees: exactly Lambda's variables and the user's own, none of this machine's.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html> (2026-11).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::invocation::random;
use crate::calendar::civil;
use crate::cli::FunctionArgs;
use crate::error::{Error, Result};

/// The account that appears in ARNs.
pub(super) const ACCOUNT: &str = "123456789012";
/// The version that runs here.
pub(super) const VERSION: &str = "$LATEST";
/// The handler that a function is told; nothing on an OS-only runtime reads it.
pub(super) const HANDLER: &str = "bootstrap";
/// The region unless the user names one by `--env AWS_REGION=…`.
const REGION: &str = "us-east-1";
/// Without these the function would not find the Runtime API or its own files: no value but ours can work.
const FIXED: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
];

/// What only the function's process has, beside what begins with `_`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (2026-11).
const OF_THE_RUNTIME: [&str; 7] = [
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// The variables of a process, by their names.
pub(super) type Variables = BTreeMap<String, String>;

/// How a function is configured: what `aws lambda create-function` would be told.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The function's name.
    pub name: String,
    /// Its memory size in MB.
    pub memory_mb: u32,
    /// How long one event may take.
    pub timeout: Duration,
    /// The user's variables.
    pub environment: BTreeMap<String, String>,
}

impl Configuration {
    /// The configuration of the function in an artifact, from what was typed.
    pub fn new(artifact: &Path, arguments: &FunctionArgs) -> Result<Self> {
        let mut configuration = Self {
            name: function_name(artifact),
            memory_mb: arguments.memory,
            timeout: Duration::from_secs(arguments.timeout.into()),
            environment: BTreeMap::new(),
        };
        for variable in &arguments.environment {
            configuration.variable(variable)?;
        }
        Ok(configuration)
    }

    /// Adds a variable written as `KEY=VALUE`.
    pub fn variable(&mut self, text: &str) -> Result<()> {
        let usage = |message: String| Error::Usage {
            message,
            hint: Some("slsbuild invoke ARTIFACT --env KEY=VALUE".to_owned()),
        };
        match text.split_once('=') {
            Some((key, _)) if FIXED.contains(&key) => Err(usage(format!(
                "`{key}` is set by Lambda and cannot be changed"
            ))),
            Some((key, value)) if !key.is_empty() => {
                self.environment.insert(key.to_owned(), value.to_owned());
                Ok(())
            }
            _ => Err(usage(format!(
                "`--env {text}` is not of the form `KEY=VALUE`"
            ))),
        }
    }

    /// The ARN that the function is invoked by.
    pub fn arn(&self) -> String {
        let region = self
            .environment
            .get("AWS_REGION")
            .map_or(REGION, String::as_str);
        format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{}", self.name)
    }

    /// All variables of the function's process. `AWS_EXECUTION_ENV` is not among them: Lambda does not set it for
    /// `provided.*`. Nor are credentials, unless the user passed them.
    pub(super) fn variables(&self, task: &Path, opt: Option<&Path>, api: SocketAddr) -> Variables {
        let task = task.to_string_lossy();
        let opt = opt.unwrap_or(Path::new("/opt")).to_string_lossy();
        let mut variables: Variables = [
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            (
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                self.memory_mb.to_string(),
            ),
            ("AWS_LAMBDA_FUNCTION_NAME", self.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", VERSION.to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME",
                format!("/aws/lambda/{}", self.name),
            ),
            ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream(SystemTime::now())),
            ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
            ("AWS_REGION", REGION.to_owned()),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
            ("LAMBDA_TASK_ROOT", task.to_string()),
            ("LANG", "en_US.UTF-8".to_owned()),
            (
                "LD_LIBRARY_PATH",
                format!(
                    "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:{task}:{task}/lib:{opt}/lib"
                ),
            ),
            ("PATH", format!("/usr/local/bin:/usr/bin/:/bin:{opt}/bin")),
            ("TZ", ":UTC".to_owned()),
            ("_HANDLER", HANDLER.to_owned()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        variables.extend(self.environment.clone());
        variables
    }

    /// All variables of an extension's process: the function's, without those that are about the runtime.
    pub(super) fn extension_variables(
        &self,
        task: &Path,
        opt: Option<&Path>,
        api: SocketAddr,
    ) -> Variables {
        let mut variables = self.variables(task, opt, api);
        variables
            .retain(|name, _| !name.starts_with('_') && !OF_THE_RUNTIME.contains(&name.as_str()));
        variables
    }
}

/// The name of a log stream: the day, the version and an id of the instance.
fn log_stream(now: SystemTime) -> String {
    let days = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since_epoch| since_epoch.as_secs() / 86_400);
    let days = i64::try_from(days).unwrap_or(0);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}/{month:02}/{day:02}/[$LATEST]{:016x}{:016x}",
        random(),
        random()
    )
}

/// A name for the function of an artifact: the file's, or for a `bootstrap`, `dir` or `image` the nearest directory's that names one.
pub fn function_name(artifact: &Path) -> String {
    const PLACES: [&str; 15] = [
        "dir",
        "image",
        "multi",
        "cloud-run",
        "fargate",
        "container",
        "app-runner",
        "lambda",
        "arm64",
        "amd64",
        "arm64-gnu",
        "amd64-gnu",
        "release",
        "debug",
        "target",
    ];
    let absolute = std::path::absolute(artifact).unwrap_or_else(|_| artifact.to_owned());
    let stem = absolute.file_stem().unwrap_or_default().to_string_lossy();
    let name = if ["bootstrap", "dir", "image"].contains(&stem.as_ref()) {
        absolute
            .ancestors()
            .skip(1)
            .filter_map(Path::file_name)
            .map(std::ffi::OsStr::to_string_lossy)
            .find(|directory| !PLACES.contains(&directory.as_ref()))
            .unwrap_or(stem)
    } else {
        stem
    };
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(legal).take(64).collect();
    if name.is_empty() {
        "function".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_after_its_artifact() {
        let names = [
            (
                "/w/target/slsbuild/orders/lambda/arm64/bootstrap.zip",
                "orders",
            ),
            ("/w/target/lambda/orders/bootstrap.zip", "orders"),
            (
                "/w/target/x86_64-unknown-linux-musl/release/my.orders",
                "my",
            ),
            ("/w/slsbuild/orders/lambda/arm64/image", "orders"),
            ("/w/orders.zip", "orders"),
            ("/bootstrap", "bootstrap"),
            ("/w/Füße 1.zip", "F--e-1"),
        ];
        for (artifact, name) in names {
            assert_eq!(function_name(Path::new(artifact)), name, "{artifact}");
        }
    }

    fn configuration() -> Configuration {
        Configuration {
            name: "orders".to_owned(),
            memory_mb: 128,
            timeout: Duration::from_secs(3),
            environment: BTreeMap::new(),
        }
    }

    #[test]
    fn the_users_variables_lie_on_top_and_the_arn_follows_the_region() {
        let mut configuration = configuration();
        configuration.variable("AWS_REGION=eu-west-1").unwrap();
        configuration.variable("URL=a=b").unwrap();
        assert_eq!(
            configuration.arn(),
            "arn:aws:lambda:eu-west-1:123456789012:function:orders"
        );
        let variables =
            configuration.variables(Path::new("/task"), None, ([127, 0, 0, 1], 80).into());
        assert_eq!(variables["AWS_REGION"], "eu-west-1");
        assert_eq!(variables["URL"], "a=b");
        assert_eq!(variables["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:80");
        assert!(!variables.contains_key("AWS_EXECUTION_ENV"));
        let opt = Some(Path::new("/x/opt"));
        let extension =
            configuration.extension_variables(Path::new("/task"), opt, ([127, 0, 0, 1], 80).into());
        let lost: Vec<&String> = variables
            .keys()
            .filter(|name| !extension.contains_key(*name))
            .collect();
        assert_eq!(
            lost,
            [
                "AWS_LAMBDA_LOG_GROUP_NAME",
                "AWS_LAMBDA_LOG_STREAM_NAME",
                "LAMBDA_RUNTIME_DIR",
                "LAMBDA_TASK_ROOT",
                "_HANDLER"
            ]
        );
        assert!(extension["PATH"].ends_with(":/x/opt/bin"));
        assert!(extension["LD_LIBRARY_PATH"].ends_with(":/x/opt/lib"));
        assert!(!variables.keys().any(|name| name.contains("SECRET")));
    }

    #[test]
    fn what_is_no_variable_or_lambdas_own_is_a_usage_error() {
        for text in [
            "NAME",
            "=value",
            "",
            "_HANDLER=x",
            "AWS_LAMBDA_RUNTIME_API=x:1",
        ] {
            assert_eq!(
                configuration().variable(text).unwrap_err().exit_code(),
                2,
                "{text}"
            );
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_781), (2026, 11, 24));
        assert_eq!(civil(20_818), (2026, 12, 31));
    }
}
