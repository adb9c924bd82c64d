//! Tags and linker flags: ours, those of `GOFLAGS` and those given to us, as one. On go's command line a flag replaces
//! that of `GOFLAGS`, so what is to be kept has to be said again.

use super::{GoEnvironment, GoOptions};
use crate::error::{Error, Result};

/// Leaves out the RPC server of the old go1.x runtime, which `provided` runtimes never call.
/// <https://github.com/aws/aws-lambda-go/blob/main/README.md> (2026-11).
const TAG: &str = "lambda.norpc";

/// No symbol table, no debug information, and no build id, which differs where nothing else does.
const LDFLAGS: &str = "-s -w -buildid=";

/// Refuses linker flags that go could not split.
pub(super) fn check(options: &GoOptions) -> Result<()> {
    match &options.ldflags {
        Some(text) if split(text).is_none() => Err(Error::Project {
            message: format!("ldflags `{text}` have a quote that is not closed"),
            hint: Some("quote a whole flag: -X 'main.version=1 beta'".to_owned()),
        }),
        _ => Ok(()),
    }
}

/// The `-tags` and `-ldflags` of a call of go.
pub(super) fn build_flags(go: &GoEnvironment, options: &GoOptions) -> Vec<String> {
    let mut flags = vec![tags_flag(go, options)];
    flags.extend(
        ldflags(go, options)
            .iter()
            .map(|value| format!("-ldflags={value}")),
    );
    flags
}

/// The `-tags` of a call of go: each tag once, ours first.
pub(super) fn tags_flag(go: &GoEnvironment, options: &GoOptions) -> String {
    let mut tags = vec![TAG];
    let of_environment = values(&go.flags, "tags").last();
    let given = options.tags.iter().map(String::as_str);
    for tag in of_environment
        .into_iter()
        .chain(given)
        .flat_map(|list| list.split([',', ' ']))
    {
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    format!("-tags={}", tags.join(","))
}

/// The values of `-ldflags`. Go takes the last one that matches the package, so one that is only for a pattern of
/// packages stands behind the general one and holds it too. Later flags win in the linker: the user's over ours.
fn ldflags(go: &GoEnvironment, options: &GoOptions) -> Vec<String> {
    let given = options.ldflags.as_deref();
    let all: Vec<_> = values(&go.flags, "ldflags")
        .chain(given)
        .map(pattern)
        .collect();
    let of_environment = &all[..all.len() - usize::from(given.is_some())];
    let general = of_environment
        .iter()
        .rfind(|(pattern, _)| pattern.is_none())
        .into_iter()
        .chain(
            all[of_environment.len()..]
                .iter()
                .filter(|(pattern, _)| pattern.is_none()),
        )
        .fold(LDFLAGS.to_owned(), |flags, (_, more)| join(&flags, more));
    let mut values = vec![general.clone()];
    for (pattern, flags) in &all {
        if let Some(pattern) = pattern {
            values.push(format!("{pattern}={}", join(&general, flags)));
        }
    }
    values
}

fn join(flags: &str, more: &str) -> String {
    format!("{flags} {more}").trim_end().to_owned()
}

/// A value of `-ldflags` as its pattern of packages, if it has one, and its flags.
fn pattern(value: &str) -> (Option<&str>, &str) {
    let value = value.trim();
    match value.split_once('=') {
        Some((pattern, flags)) if !value.starts_with(['-', '\'', '"']) => {
            (Some(pattern), flags.trim())
        }
        _ => (None, value),
    }
}

/// The values of the flag `name`, in their order.
fn values<'a>(flags: &'a [String], name: &'a str) -> impl Iterator<Item = &'a str> {
    flags.iter().filter_map(move |flag| {
        let flag = flag.strip_prefix("--").or_else(|| flag.strip_prefix('-'))?;
        flag.strip_prefix(name)?.strip_prefix('=')
    })
}

/// The fields of a flag list as go splits it: at white space, a field that begins with a quote up to the next such quote,
/// without escapes. None where a quote is not closed.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let mut fields = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let (field, behind) = if matches!(first, '"' | '\'') {
            rest[1..].split_once(first)?
        } else {
            rest.split_at(rest.find(is_space).unwrap_or(rest.len()))
        };
        fields.push(field.to_owned());
        rest = behind.trim_start_matches(is_space);
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flags(environment: &str, tags: &[&str], ldflags: Option<&str>) -> Vec<String> {
        let go = GoEnvironment {
            flags: split(environment).unwrap(),
            ..GoEnvironment::default()
        };
        let options = GoOptions {
            tags: tags.iter().map(ToString::to_string).collect(),
            ldflags: ldflags.map(str::to_owned),
            ..GoOptions::default()
        };
        build_flags(&go, &options)
    }

    #[test]
    fn without_a_word_of_the_user_they_are_ours() {
        assert_eq!(
            flags("", &[], None),
            ["-tags=lambda.norpc", "-ldflags=-s -w -buildid="]
        );
    }

    #[test]
    fn tags_of_the_environment_and_of_the_user_are_added_once() {
        let environment = "-tags=ignored --tags=netgo,lambda.norpc -tagsx=no";
        assert_eq!(
            flags(environment, &["osusergo,a", "netgo b"], None)[0],
            "-tags=lambda.norpc,netgo,osusergo,a,b"
        );
    }

    #[test]
    fn version_stamps_keep_their_quotes_and_the_users_flags_come_last() {
        assert_eq!(
            flags(
                "'-ldflags=-X main.a=1'",
                &[],
                Some("-X 'main.b=two words' -w=false")
            )[1..],
            ["-ldflags=-s -w -buildid= -X main.a=1 -X 'main.b=two words' -w=false"]
        );
    }

    #[test]
    fn of_several_in_the_environment_the_last_counts_as_in_go() {
        assert_eq!(
            flags("-ldflags=-X=main.a=1 -ldflags=-X=main.a=2", &[], None)[1..],
            ["-ldflags=-s -w -buildid= -X=main.a=2"]
        );
    }

    #[test]
    fn flags_for_a_pattern_of_packages_hold_the_general_ones_too() {
        assert_eq!(
            flags("'-ldflags=all=-X main.a=1'", &[], Some("-X main.b=2"))[1..],
            [
                "-ldflags=-s -w -buildid= -X main.b=2",
                "-ldflags=all=-s -w -buildid= -X main.b=2 -X main.a=1"
            ]
        );
    }

    #[test]
    fn a_quote_that_is_not_closed_is_refused() {
        let options = GoOptions {
            ldflags: Some("-X 'main.a=1".to_owned()),
            ..GoOptions::default()
        };
        let error = check(&options).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert_eq!(
            error.to_string(),
            "ldflags `-X 'main.a=1` have a quote that is not closed"
        );
    }

    proptest! {
        #[test]
        fn splitting_never_panics_and_loses_no_quoted_field(text in "\\PC*", field in "[^']*") {
            let _ = split(&text);
            let quoted = format!("a '{field}' b");
            prop_assert_eq!(split(&quoted), Some(vec!["a".to_owned(), field, "b".to_owned()]));
        }
    }
}
