//! Rules about an executable: will this runtime, on this architecture, start it. The facts come from `binary/`.

use std::fmt;

use super::Runtime;
use super::bootstrap::bundles;
use crate::binary::{Facts, Linkage};
use crate::finding::Finding;
use crate::target::Arch;
use crate::units::Bytes;

/// Libraries of the packages `glibc` and `libgcc`, without which no OS-only runtime starts. What else a base has is
/// promised nowhere and differs from image to image.
const BASE_LIBRARIES: [&str; 13] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libthread_db.so.1",
    "libutil.so.1",
    "linux-vdso.so.1",
];

/// Holds the facts of an executable against the rules. `name` is what messages call it, as `bootstrap` or
/// `extensions/telemetry`; `beside` are the names of the files packed with it.
pub fn lint_executable(
    name: &str,
    facts: &Facts,
    expected: Option<Arch>,
    runtime: Runtime,
    beside: &[&str],
) -> Vec<Finding> {
    lint(name, facts, expected, runtime, |library| {
        bundles(beside, library)
    })
}

/// [`lint_executable`] where `is_bundled` tells which libraries come with the artifact.
pub(super) fn lint(
    name: &str,
    facts: &Facts,
    expected: Option<Arch>,
    runtime: Runtime,
    is_bundled: impl Fn(&str) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::from_iter(lint_arch(name, facts, expected));
    if let Linkage::Dynamic {
        interpreter,
        needed,
    } = &facts.linkage
    {
        findings.extend(lint_interpreter(name, interpreter, facts.arch, runtime));
        findings.extend(lint_needed(name, needed, runtime, is_bundled));
    }
    findings.extend(lint_glibc(name, facts, runtime));
    findings.extend(lint_leftovers(name, facts));
    findings
}

fn lint_arch(name: &str, facts: &Facts, expected: Option<Arch>) -> Option<Finding> {
    let Some(arch) = facts.arch else {
        return Some(Finding::error(
            "lambda/arch",
            format!(
                "`{name}` is built for {}; Lambda runs arm64 and amd64 (which it calls x86_64)",
                facts.machine
            ),
        ));
    };
    let expected = expected.filter(|expected| *expected != arch)?;
    let finding = Finding::error(
        "lambda/arch",
        format!("`{name}` is built for {arch}, and the function is configured for {expected}"),
    );
    Some(finding.with_hint(format!(
        "slsbuild zip --arch {expected}, or deploy it with --architectures {}",
        arch.lambda_name()
    )))
}

fn lint_interpreter(
    name: &str,
    interpreter: &str,
    arch: Option<Arch>,
    runtime: Runtime,
) -> Option<Finding> {
    let theirs = arch.map(|arch| match arch {
        Arch::Arm64 => "/lib/ld-linux-aarch64.so.1",
        Arch::Amd64 => "/lib64/ld-linux-x86-64.so.2",
    })?;
    if interpreter == theirs {
        return None;
    }
    let libc = if interpreter.contains("/ld-musl-") {
        ": it is linked with musl, dynamically"
    } else {
        ""
    };
    let finding = Finding::error(
        "lambda/interpreter",
        format!(
            "`{name}` is started by `{interpreter}`, which `{}` does not have{libc}",
            runtime.name()
        ),
    );
    Some(finding.with_hint("link it statically: slsbuild zip"))
}

fn lint_needed(
    name: &str,
    needed: &[String],
    runtime: Runtime,
    is_bundled: impl Fn(&str) -> bool,
) -> Option<Finding> {
    let absent: Vec<&str> = needed
        .iter()
        .map(String::as_str)
        .filter(|library| !BASE_LIBRARIES.contains(library) && !is_bundled(library))
        .collect();
    if absent.is_empty() {
        return None;
    }
    // A warning: a layer may bring them, and nothing in a zip says which layers a function has.
    let finding = Finding::warning(
        "lambda/needed-library",
        format!(
            "`{name}` needs {}, which the base of `{}` is not known to have",
            listed(absent.into_iter().map(quoted)),
            runtime.name()
        ),
    );
    Some(finding.with_hint("put it into `lib/` of the zip or of a layer, or link it statically"))
}

fn lint_glibc(name: &str, facts: &Facts, runtime: Runtime) -> Option<Finding> {
    let found = facts.glibc.filter(|found| *found > runtime.glibc())?;
    let finding = Finding::error(
        "lambda/glibc",
        format!(
            "`{name}` needs glibc {found}, and `{}` has {}",
            runtime.name(),
            runtime.glibc()
        ),
    );
    let newest = Runtime::default();
    Some(finding.with_hint(if found <= newest.glibc() {
        format!(
            "link it statically: slsbuild zip; or configure --runtime {}",
            newest.name()
        )
    } else {
        "link it statically: slsbuild zip".to_owned()
    }))
}

/// What Lambda does not mind and the user probably does.
fn lint_leftovers(name: &str, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut left = |rule: &str, what: &str, bytes: u64| {
        let message = format!(
            "`{name}` holds {} of {what}, which it does not need to run",
            Bytes(bytes)
        );
        let finding = Finding::warning(rule, message);
        findings.push(finding.with_hint(format!("strip {name}; slsbuild zip does it")));
    };
    if facts.debug_info {
        left("lambda/debug-info", "debug info", facts.debug_bytes);
    }
    if facts.symbols {
        left("lambda/symbols", "symbols", facts.symbol_bytes);
    }
    if !facts.build_paths.is_empty() {
        let paths = listed(facts.build_paths.iter().map(quoted));
        let finding = Finding::warning(
            "lambda/build-path",
            format!("`{name}` holds paths of the machine that built it: {paths}"),
        );
        findings.push(finding.with_hint("build with --remap-path-prefix; slsbuild zip does it"));
    }
    findings
}

/// Parts of a message: the first five, and how many more there are.
pub(super) fn listed(parts: impl IntoIterator<Item = String>) -> String {
    const MOST_NAMED: usize = 5;
    let parts: Vec<String> = parts.into_iter().collect();
    let named = parts.get(..MOST_NAMED).unwrap_or(&parts).join(", ");
    match parts.len().saturating_sub(MOST_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn quoted(name: impl fmt::Display) -> String {
    format!("`{name}`")
}
