//! Single values of flags: architectures, triples, CPUs, what guides the optimizer.

use std::collections::BTreeMap;

use super::{PGO_REPEAT, Pgo};
use crate::cli::BuildArgs;
use crate::error::{Error, Names, Result, did_you_mean};
use crate::target::{Arch, Target};

/// A CPU by its name: `native` would be another one on every machine.
pub(super) fn target_cpu(name: Option<&str>) -> Result<Option<String>> {
    match name {
        Some("native") => Err(Error::Usage {
            message: "`--target-cpu native` is another CPU on every machine".to_owned(),
            hint: Some("name it: rustc --print target-cpus".to_owned()),
        }),
        Some("") | None => Ok(None),
        Some(name) => Ok(Some(name.to_owned())),
    }
}

pub(super) fn pgo(arguments: &BuildArgs) -> Result<Option<Pgo>> {
    let is_variable = |text: &&String| text.find('=').is_some_and(|equals| equals > 0);
    if let Some(text) = arguments.pgo_env.iter().find(|text| !is_variable(text)) {
        return Err(Error::Usage {
            message: format!("`--pgo-env {text}` is not of the form `KEY=VALUE`"),
            hint: Some("slsbuild zip --pgo EVENTS --pgo-env KEY=VALUE".to_owned()),
        });
    }
    if !arguments.pgo.is_empty() {
        return Ok(Some(Pgo::Train {
            events: arguments.pgo.clone(),
            own: false,
            repeat: arguments.pgo_repeat.unwrap_or(PGO_REPEAT),
            environment: arguments.pgo_env.clone(),
            out: arguments.pgo_out.clone(),
        }));
    }
    Ok(arguments.pgo_profile.clone().map(Pgo::Use))
}

/// Values of a flag that are `KEY=VALUE`; the last of a key holds.
pub(super) fn pairs(flag: &str, given: &[String]) -> Result<BTreeMap<String, String>> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Error::Usage {
            message: format!("`{flag} {text}` is not of the form `KEY=VALUE`"),
            hint: Some(format!("{flag} KEY=VALUE")),
        }),
    };
    given.iter().map(pair).collect()
}

/// `--arch`, else the environment's: a flag of either kind beats it.
pub(super) fn arches(given: &[String], triples: &[String]) -> Vec<String> {
    if !given.is_empty() || !triples.is_empty() {
        return given.to_owned();
    }
    let list = std::env::var("SLSBUILD_ARCH").unwrap_or_default();
    list.split(',')
        .map(str::trim)
        .filter(|arch| !arch.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The targets of arches or triples, without repetition; none where none is given.
pub(super) fn targets(arches: &[String], triples: &[String]) -> Result<Vec<Target>> {
    let asked: Vec<Target> = if triples.is_empty() {
        arches
            .iter()
            .map(|arch| parse_arch(arch).map(Target::musl))
            .collect::<Result<_>>()?
    } else {
        triples
            .iter()
            .map(|triple| parse_triple(triple))
            .collect::<Result<_>>()?
    };
    let mut targets = Vec::new();
    for target in asked {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(targets)
}

/// The arch that a user typed: one of ours, `host`, or a name from elsewhere that means one of ours.
///
/// # Errors
/// [`Error::Usage`] for a name that means none.
pub fn parse_arch(name: &str) -> Result<Arch> {
    if let Some(arch) = Arch::from_name(name) {
        return Ok(arch);
    }
    match name {
        "host" => Arch::host().ok_or_else(|| Error::Usage {
            message: format!(
                "arch `host` is `{}` here, which Lambda does not run",
                std::env::consts::ARCH
            ),
            hint: Some("name one: --arch arm64".to_owned()),
        }),
        other => Err(Error::Usage {
            message: format!(
                "unknown arch `{other}`: slsbuild builds for `arm64`, `amd64` and `host`"
            ),
            hint: Some(
                did_you_mean(other, &["arm64", "amd64", "host"])
                    .unwrap_or_else(|| "--arch arm64".to_owned()),
            ),
        }),
    }
}

fn parse_triple(triple: &str) -> Result<Target> {
    Target::from_triple(triple).ok_or_else(|| {
        let known = Target::ALL.map(Target::triple);
        Error::Usage {
            message: format!(
                "unknown target `{triple}`: slsbuild builds for {}",
                Names(&known)
            ),
            hint: Some(
                did_you_mean(triple, &known)
                    .unwrap_or_else(|| format!("--target {}", Target::musl(Arch::Arm64))),
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn an_arch_asked_for_twice_is_built_once() {
        let both = [Target::musl(Arch::Amd64), Target::musl(Arch::Arm64)];
        assert_eq!(
            targets(&owned(&["amd64", "arm64", "x86_64"]), &[]).unwrap(),
            both
        );
    }

    #[test]
    fn an_unknown_arch_is_a_usage_error_with_the_known_ones() {
        let error = targets(&owned(&["armv7"]), &[]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(
            error.to_string(),
            "unknown arch `armv7`: slsbuild builds for `arm64`, `amd64` and `host`"
        );
    }

    #[test]
    fn a_triple_is_one_of_four() {
        assert_eq!(
            targets(&[], &owned(&["aarch64-unknown-linux-gnu"])).unwrap()[0].directory(),
            "arm64-gnu"
        );
        let error = targets(&[], &owned(&["aarch64-linux-musl"])).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
