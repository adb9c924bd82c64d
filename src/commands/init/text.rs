//! Any text as a literal of the languages that the files are written in.

/// A double-quoted string that JSON, YAML and TypeScript read as `text`.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if is_unprintable(c) => literal.push_str(&escape(c)),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// A string of Terraform's language that is `text` and no template.
/// <https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md> (2026-11)
pub(super) fn hcl(text: &str) -> String {
    let mut literal = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            // `${` begins a template and `$${` is how it is written; a `$` before that would be read into it.
            '$' | '%' if rest.peek() == Some(&'{') => literal.extend([c, c]),
            '$' | '%' if rest.peek() == Some(&c) => literal.push_str(&escape(c)),
            c if is_unprintable(c) => literal.push_str(&escape(c)),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

fn escape(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

/// What a reader may take for a line's end, or refuse. All of it lies in the basic plane.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a string of Terraform's language as its specification says.
    fn read_hcl(literal: &str) -> String {
        let mut text = String::new();
        let mut rest = &literal[1..literal.len() - 1];
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest
                .strip_prefix("$${")
                .or_else(|| rest.strip_prefix("%%{"))
            {
                text.extend([c, '{']);
                rest = after;
                continue;
            }
            assert!(
                !rest.starts_with("${") && !rest.starts_with("%{") && c != '"',
                "{literal}"
            );
            rest = &rest[c.len_utf8()..];
            if c != '\\' {
                text.push(c);
                continue;
            }
            let escape = rest.chars().next().unwrap();
            rest = &rest[1..];
            text.push(match escape {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let code = u32::from_str_radix(&rest[..4], 16).unwrap();
                    rest = &rest[4..];
                    char::from_u32(code).unwrap()
                }
                other => other,
            });
        }
        text
    }

    proptest! {
        #[test]
        fn json_reads_what_was_quoted(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&quoted(&text)).unwrap(), text);
        }

        #[test]
        fn terraform_reads_what_was_quoted(text in r#"[$%{}"\\a\n]{0,12}|\PC{0,12}"#) {
            prop_assert_eq!(read_hcl(&hcl(&text)), text);
        }
    }

    #[test]
    fn templates_are_plain_text() {
        assert_eq!(
            hcl("a ${b} %{c} $d $${e}"),
            r#""a $${b} %%{c} $d \u0024$${e}""#
        );
        assert_eq!(quoted("a\u{85}\"b\u{2028}"), "\"a\\u0085\\\"b\\u2028\"");
    }
}
