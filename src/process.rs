//! Child processes: a command that prints itself as a shell line, runs with the environment of the user's
//! directory (not of an outer `cargo run`), and is ended when slsbuild is interrupted.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output, Stdio};

use crate::interrupt::{self, Registration};

/// A child command that is not started yet.
#[derive(Clone, Debug)]
pub struct Command {
    program: OsString,
    arguments: Vec<OsString>,
    environment: BTreeMap<OsString, Option<OsString>>,
    directory: Option<PathBuf>,
}

impl Command {
    /// A command that runs `program`, found on PATH unless it is a path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let environment = leaked_variables()
            .into_iter()
            .map(|name| (name, None))
            .collect();
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment,
            directory: None,
        }
    }

    /// Adds one argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub fn args<S: AsRef<OsStr>>(&mut self, arguments: impl IntoIterator<Item = S>) -> &mut Self {
        self.arguments.extend(
            arguments
                .into_iter()
                .map(|argument| argument.as_ref().to_owned()),
        );
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.environment
            .insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Keeps a variable of ours from the child.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.environment.insert(name.as_ref().to_owned(), None);
        self
    }

    /// Sets the directory that the child starts in.
    pub fn directory(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Runs the command to its end with both outputs captured.
    pub fn output(&self) -> io::Result<Output> {
        let mut command = self.standard();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (child, _registration) = interrupt::spawn(&mut command)?;
        child.wait_with_output()
    }

    /// Runs the command to its end with stdin and both outputs inherited (stdout as our stderr, since ours is the result).
    pub fn status(&self) -> io::Result<ExitStatus> {
        let mut command = self.standard();
        command.stdout(io::stderr());
        Running::start(&mut command)?.wait()
    }

    /// Starts the command with stdout piped and stderr inherited.
    pub fn spawn_streaming(&self) -> io::Result<Running> {
        Running::start(self.standard().stdin(Stdio::null()).stdout(Stdio::piped()))
    }

    fn standard(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}

/// Prints the command as a line that a POSIX shell runs the same way.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(directory) = &self.directory {
            write!(f, "cd {} && ", quote(directory.as_os_str()))?;
        }
        // What an outer cargo set is not in the shell that this is pasted into.
        let removed: Vec<&OsString> = self
            .environment
            .iter()
            .filter(|(name, value)| value.is_none() && std::env::var_os(name).is_some())
            .map(|(name, _)| name)
            .filter(|name| !name.to_str().is_some_and(is_leaked))
            .collect();
        if !removed.is_empty() {
            f.write_str("env ")?;
            for name in removed {
                write!(f, "-u {} ", name.to_string_lossy())?;
            }
        }
        for (name, value) in &self.environment {
            if let Some(value) = value {
                write!(f, "{}={} ", name.to_string_lossy(), quote(value))?;
            }
        }
        write!(f, "{}", quote(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", quote(argument))?;
        }
        Ok(())
    }
}

/// A child that runs. It is interrupted together with slsbuild, and killed when dropped before its end.
#[derive(Debug)]
pub struct Running {
    child: Child,
    // Dropped after the child has ended: an interrupt still reaches it until then.
    _registration: Registration,
}

impl Running {
    fn start(command: &mut std::process::Command) -> io::Result<Self> {
        let (child, registration) = interrupt::spawn(command)?;
        Ok(Self {
            child,
            _registration: registration,
        })
    }

    /// The child's piped stdout, once.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the child's end.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The variables that an outer `cargo run` set for the program it ran. They describe that program's package and
/// toolchain, so they must not decide how the user's package is built.
fn leaked_variables() -> Vec<OsString> {
    if std::env::var_os("CARGO_MANIFEST_DIR").is_none() {
        return Vec::new();
    }
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(is_leaked))
        .collect()
}

fn is_leaked(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "CARGO",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "OUT_DIR",
        "RUSTUP_TOOLCHAIN",
        "RUST_RECURSION_COUNT",
    ];
    NAMES.contains(&name) || name.starts_with("CARGO_PKG_")
}

/// `text` as one word of a POSIX shell.
pub fn quote(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    let in_quotes = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    if !text.chars().any(char::is_control) {
        return in_quotes(&text);
    }
    // A terminal would swallow control characters: printf makes them of their numbers.
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str(r"\\"),
            c if c.is_control() => drop(write!(escaped, "\\0{:03o}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    format!("\"$(printf %b {})\"", in_quotes(&escaped))
}

/// The file that PATH leads to for `program`.
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| is_executable(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    crate::fs::metadata(file)
        .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_as_a_line_that_can_be_pasted() {
        let mut command = Command::new("cargo");
        command
            .args(["build", "--config", "profile.release.lto=\"fat\"", "it's"])
            .env("A_VARIABLE", "two words");
        command.directory("/my project");
        assert_eq!(
            command.to_string(),
            r#"cd '/my project' && A_VARIABLE='two words' cargo build --config 'profile.release.lto="fat"' 'it'\''s'"#
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        for word in [
            "",
            "plain",
            "two words",
            "it's",
            "a\u{1f}b",
            "it's\u{1f}a \\ \"$HOME\"",
            "Zoë's",
        ] {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("printf %s {}", quote(word.as_ref()))]);
            assert_eq!(
                String::from_utf8(shell.output().unwrap().stdout).unwrap(),
                word
            );
        }
    }

    #[test]
    fn only_what_an_outer_cargo_sets_is_scrubbed() {
        assert!(is_leaked("RUSTUP_TOOLCHAIN") && is_leaked("CARGO_PKG_NAME") && is_leaked("CARGO"));
        assert!(
            !is_leaked("CARGO_HOME") && !is_leaked("RUSTFLAGS") && !is_leaked("CARGO_TARGET_DIR")
        );
    }
}
