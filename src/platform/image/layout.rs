//! Where the program lies in an image, and what the image's configuration says of it. Pure: the base's configuration and the
//! user's wishes go in, plain data comes out.

use serde_json::Value;

use super::ImagePlatform;
use crate::error::{Error, Result};
use crate::platform::container::APP;
use crate::platform::lambda::BOOTSTRAP;
use crate::platform::lambda::image::{ENTRY_SCRIPT, RUNTIME_BOOTSTRAP, TASK_ROOT, is_lambda_like};

/// The user of an image without a base, whose root would be as good as any: distroless' own `nonroot`.
const NONROOT: &str = "65532:65532";

/// What the user wants otherwise. What is `None` is the platform's or the base's choice.
#[derive(Clone, Debug, Default)]
pub struct Wishes<'a> {
    /// The working directory.
    pub workdir: Option<&'a str>,
    /// What is started.
    pub entrypoint: Option<&'a [String]>,
    /// Its arguments.
    pub cmd: Option<&'a [String]>,
    /// The user that it runs as.
    pub user: Option<&'a str>,
    /// Variables of its environment.
    pub env: &'a [(String, String)],
    /// The port of the server.
    pub port: Option<u16>,
}

/// Where things lie in an image. What is `None` stays as the base says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageLayout {
    /// The program's absolute path.
    pub binary: String,
    /// The working directory, absolute.
    pub workdir: String,
    /// The directory that includes with a relative target lie under, absolute.
    pub includes: String,
    /// What is started.
    pub entrypoint: Option<Vec<String>>,
    /// Its arguments; empty for none, also where the base has some.
    pub cmd: Option<Vec<String>>,
    /// The user that it runs as.
    pub user: Option<String>,
    /// Variables that are set in the base's environment, or added to it.
    pub env: Vec<(String, String)>,
    /// The port that is exposed.
    pub port: Option<u16>,
}

impl ImagePlatform {
    /// The layout of an image of function `name` on a base with this configuration (`{}` for scratch).
    ///
    /// On Lambda's own bases the program takes the place that the base's script starts, and the handler's name is the script's
    /// argument, so that the script and the emulator in it keep working; on any other base the program is the entrypoint.
    ///
    /// # Errors
    /// [`Error::Usage`] for wishes that contradict the base's script.
    pub fn layout(self, name: &str, base: &Value, wishes: &Wishes<'_>) -> Result<ImageLayout> {
        let keeps_script =
            self == Self::Lambda && is_lambda_like(base) && wishes.entrypoint.is_none();
        let binary = match self {
            Self::Lambda if is_lambda_like(base) => RUNTIME_BOOTSTRAP.to_owned(),
            Self::Lambda => format!("{TASK_ROOT}/{BOOTSTRAP}"),
            Self::CloudRun | Self::Fargate | Self::Container | Self::AppRunner => {
                format!("{APP}/{name}")
            }
        };
        let (entrypoint, cmd) = if keeps_script {
            script_arguments(name, base, wishes)?
        } else {
            let entrypoint = wishes
                .entrypoint
                .map_or_else(|| vec![binary.clone()], <[String]>::to_vec);
            // The base's arguments were for the base's program.
            (
                Some(entrypoint),
                Some(wishes.cmd.unwrap_or_default().to_vec()),
            )
        };
        let told = wishes.env.iter().find(|(name, _)| name == "PORT");
        let told = told.and_then(|(_, value)| value.parse().ok());
        let port = wishes.port.or(told).or(self.facts().port);
        let workdir = self.facts().workdir;
        Ok(ImageLayout {
            workdir: wishes.workdir.unwrap_or(workdir).to_owned(),
            includes: workdir.to_owned(),
            user: wishes.user.map(str::to_owned).or_else(|| self.user(base)),
            env: environment(port, wishes.env),
            binary,
            entrypoint,
            cmd,
            port,
        })
    }

    /// An image with nothing below it has nobody else to run as; Lambda runs every image as a user of its own.
    fn user(self, base: &Value) -> Option<String> {
        let has_layers = base
            .pointer("/rootfs/diff_ids")
            .is_some_and(|layers| layers.as_array().is_some_and(|layers| !layers.is_empty()));
        (self != Self::Lambda && !has_layers).then(|| NONROOT.to_owned())
    }
}

type Command = (Option<Vec<String>>, Option<Vec<String>>);

/// The script's only argument, which it tells the function as `_HANDLER`.
fn script_arguments(name: &str, base: &Value, wishes: &Wishes<'_>) -> Result<Command> {
    let cmd = match wishes.cmd {
        None => vec![name.to_owned()],
        Some(cmd) if cmd.len() == 1 => cmd.to_vec(),
        Some(cmd) => {
            return Err(Error::Usage {
                message: format!(
                    "`{ENTRY_SCRIPT}` of the base wants exactly one argument, the handler's name, and `--cmd` has {}",
                    cmd.len()
                ),
                hint: Some(format!(
                    "--cmd {name}, or start the program itself: --entrypoint {RUNTIME_BOOTSTRAP}"
                )),
            });
        }
    };
    // A base that only has the variables of Lambda's starts nothing by itself, and may lack the script.
    let has_entrypoint = base.pointer("/config/Entrypoint/0").is_some();
    let entrypoint = (!has_entrypoint).then(|| vec![RUNTIME_BOOTSTRAP.to_owned()]);
    Ok((entrypoint, Some(cmd)))
}

/// `PORT`, which servers written for Cloud Run read, and the user's own variables, which win.
fn environment(port: Option<u16>, wished: &[(String, String)]) -> Vec<(String, String)> {
    let is_wished = wished.iter().any(|(name, _)| name == "PORT");
    let port = port.filter(|_| !is_wished);
    let port = port.map(|port| ("PORT".to_owned(), port.to_string()));
    port.into_iter().chain(wished.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lambda_base() -> Value {
        json!({
            "config": {"Entrypoint": [ENTRY_SCRIPT], "WorkingDir": "/var/task"},
            "rootfs": {"diff_ids": ["sha256:00"]},
        })
    }

    fn distroless() -> Value {
        json!({"config": {"User": "65532"}, "rootfs": {"diff_ids": ["sha256:00"]}})
    }

    fn layout(platform: ImagePlatform, base: &Value) -> ImageLayout {
        platform.layout("orders", base, &Wishes::default()).unwrap()
    }

    #[test]
    fn on_lambdas_base_the_script_stays_and_gets_its_argument() {
        insta::assert_debug_snapshot!(layout(ImagePlatform::Lambda, &lambda_base()), @r#"
        ImageLayout {
            binary: "/var/runtime/bootstrap",
            workdir: "/var/task",
            includes: "/var/task",
            entrypoint: None,
            cmd: Some(
                [
                    "orders",
                ],
            ),
            user: None,
            env: [],
            port: None,
        }
        "#);
    }

    #[test]
    fn on_another_base_lambda_starts_the_program() {
        let layout = layout(ImagePlatform::Lambda, &distroless());
        assert_eq!(layout.entrypoint.unwrap(), ["/var/task/bootstrap"]);
        assert_eq!(layout.cmd.unwrap(), [""; 0]);
        assert_eq!(layout.user, None);
    }

    #[test]
    fn a_server_lies_under_app_and_is_told_its_port() {
        insta::assert_debug_snapshot!(layout(ImagePlatform::CloudRun, &distroless()), @r#"
        ImageLayout {
            binary: "/app/orders",
            workdir: "/app",
            includes: "/app",
            entrypoint: Some(
                [
                    "/app/orders",
                ],
            ),
            cmd: Some(
                [],
            ),
            user: None,
            env: [
                (
                    "PORT",
                    "8080",
                ),
            ],
            port: Some(
                8080,
            ),
        }
        "#);
        let scratch = layout(ImagePlatform::Container, &json!({}));
        assert_eq!(scratch.user.as_deref(), Some(NONROOT));
    }

    #[test]
    fn wishes_win() {
        let env = [("PORT".to_owned(), "9000".to_owned())];
        let entrypoint = ["/app/orders".to_owned(), "serve".to_owned()];
        let wishes = Wishes {
            workdir: Some("/data"),
            entrypoint: Some(&entrypoint),
            user: Some("1000"),
            env: &env,
            ..Wishes::default()
        };
        let layout = ImagePlatform::Fargate
            .layout("orders", &lambda_base(), &wishes)
            .unwrap();
        assert_eq!(layout.binary, "/app/orders");
        assert_eq!(layout.workdir, "/data");
        assert_eq!(layout.includes, "/app");
        assert_eq!(layout.entrypoint.unwrap(), entrypoint);
        assert_eq!(layout.user.unwrap(), "1000");
        assert_eq!((layout.env, layout.port), (env.to_vec(), Some(9000)));
    }

    #[test]
    fn the_script_takes_one_argument() {
        let cmd = ["a".to_owned(), "b".to_owned()];
        let wishes = Wishes {
            cmd: Some(&cmd),
            ..Wishes::default()
        };
        let error = ImagePlatform::Lambda
            .layout("orders", &lambda_base(), &wishes)
            .unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let other = ImagePlatform::Lambda.layout("orders", &distroless(), &wishes);
        assert_eq!(other.unwrap().cmd.unwrap(), cmd);
    }
}
