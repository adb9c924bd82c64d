//! `WWW-Authenticate`: what a registry wants to see. Several challenges may come, in one header or in several
//! (<https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1>); of those that slsbuild can answer the first is taken.

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User name and password with each request.
    Basic,
    /// A token, which another address gives out.
    Bearer {
        /// That address.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
        /// What the registry thinks is needed.
        scope: Option<String>,
    },
}

/// The first challenge that can be answered, in the values of all `WWW-Authenticate` headers.
pub(super) fn parse(headers: &[&str]) -> Option<Challenge> {
    let challenges = headers.iter().flat_map(|header| split(header));
    challenges.into_iter().find_map(|(scheme, parameters)| {
        let parameter = |name: &str| {
            let found = parameters
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Challenge::Bearer {
                realm: parameter("realm")?,
                service: parameter("service").filter(|service| !service.is_empty()),
                scope: parameter("scope").filter(|scope| !scope.is_empty()),
            });
        }
        scheme
            .eq_ignore_ascii_case("basic")
            .then_some(Challenge::Basic)
    })
}

/// A scheme and its parameters.
type Raw = (String, Vec<(String, String)>);

/// All challenges of one header. A word that no `=` follows begins the next one.
fn split(header: &str) -> Vec<Raw> {
    let mut challenges: Vec<Raw> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return challenges;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '=' || c == ',' || c == '"')
            .unwrap_or(rest.len());
        let word = &rest[..end];
        let after = rest[end..].trim_start_matches([' ', '\t']);
        match after.strip_prefix('=') {
            // Nothing names this value: not a header that can be read on.
            _ if word.is_empty() => return challenges,
            Some(value) => {
                let (value, left) = take_value(value.trim_start_matches([' ', '\t']));
                if let Some((_, parameters)) = challenges.last_mut() {
                    parameters.push((word.to_owned(), value));
                }
                rest = left;
            }
            None => {
                challenges.push((word.to_owned(), Vec::new()));
                rest = after;
            }
        }
    }
}

/// A token or a quoted string, and what stands behind it.
fn take_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn what_registries_send_is_understood() {
        assert_eq!(
            parse(&[
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#
            ]),
            Some(bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:a/b:pull,push")
            ))
        );
        assert_eq!(
            parse(&[
                r#"Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com""#
            ]),
            Some(Challenge::Basic)
        );
        assert_eq!(parse(&["basic"]), Some(Challenge::Basic));
        assert_eq!(
            parse(&[r"bearer realm=https://h/t, service=s"]),
            Some(bearer("https://h/t", Some("s"), None))
        );
    }

    #[test]
    fn of_several_challenges_the_first_that_can_be_answered_is_taken() {
        let several =
            r#"Negotiate, NTLM abc, Bearer realm="https://h/\"t\"",service="a,b", Basic realm="x""#;
        assert_eq!(
            parse(&[several]),
            Some(bearer("https://h/\"t\"", Some("a,b"), None))
        );
        assert_eq!(
            parse(&["Negotiate", r#"Basic realm="x""#, "Bearer realm=y"]),
            Some(Challenge::Basic)
        );
    }

    #[test]
    fn what_cannot_be_answered_is_none() {
        for header in ["", "Negotiate", "Bearer", "=", "\"", "Bearer =x", ",,,"] {
            assert_eq!(parse(&[header]), None, "{header}");
        }
        assert_eq!(parse(&[]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_header_is_too_odd(header in ".*") {
            parse(&[header.as_str()]);
        }
    }
}
