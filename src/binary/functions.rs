//! The functions of a binary that were compiled from the user's crates, by their symbols. Std's own came compiled.

use std::collections::BTreeSet;

use object::{Object as _, ObjectSymbol as _, SymbolKind};

/// Crates that are compiled before the user's: std with all that it is made of, and slsbuild's runtime archive.
const COMPILED_BEFORE: [&str; 18] = [
    "__rustc",
    "addr2line",
    "adler2",
    "alloc",
    "cfg_if",
    "compiler_builtins",
    "core",
    "dlmalloc",
    "gimli",
    "hashbrown",
    "libc",
    "memchr",
    "miniz_oxide",
    "object",
    "panic_unwind",
    "rustc_demangle",
    "slsbuild_runtime",
    "std",
];

/// The symbols of Rust functions in an unstripped binary, as the compiler named them, without those of std.
pub fn compiled_functions(bytes: &[u8]) -> BTreeSet<String> {
    let Ok(file) = object::File::parse(bytes) else {
        return BTreeSet::new();
    };
    file.symbols()
        .filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text)
        .filter_map(|symbol| symbol.name().ok())
        .map(as_compiled)
        .filter(|name| crate_of(name).is_some_and(|krate| !COMPILED_BEFORE.contains(&krate)))
        .map(str::to_owned)
        .collect()
}

/// A name without what LLVM puts behind it to tell local copies apart: `.llvm.123`, `.45`.
fn as_compiled(name: &str) -> &str {
    name.split_once('.')
        .filter(|_| name.starts_with("_R"))
        .map(|(before, _)| before)
        .or_else(|| name.find("E.").and_then(|end| name.get(..=end)))
        .unwrap_or(name)
}

/// The crate that a Rust symbol was compiled in, as far as its name tells.
/// <https://doc.rust-lang.org/rustc/symbol-mangling/index.html>
fn crate_of(name: &str) -> Option<&str> {
    if let Some(path) = name.strip_prefix("_ZN") {
        // C++ names things so too, but without Rust's hash: `17h`, sixteen digits, `E`.
        let hash = path.strip_suffix('E')?.rsplit_once("17h")?.1;
        if hash.len() != 16 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        // `_ZN5tokio7runtime…`, `_ZN81_$LT$tokio..sync…`: the first word of the first part of the path.
        let digits = path.bytes().take_while(u8::is_ascii_digit).count();
        let length: usize = path.get(..digits)?.parse().ok()?;
        let part = path.get(digits..)?.get(..length)?;
        let part = part.trim_start_matches("_$LT$").trim_start_matches("$RF$");
        return part
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .filter(|word| !word.is_empty());
    }
    // `_RNvCs1234_5tokio4main`, `…Cs5678_3std`: the last crate that is named is the one that needed it.
    let (_, last) = name.strip_prefix("_R")?.rsplit_once("Cs")?;
    let (_, numbered) = last.split_once('_')?;
    let digits = numbered.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = numbered.get(..digits)?.parse().ok()?;
    let word = numbered.get(digits..)?;
    // A name that begins with a digit or an underscore has an underscore before it.
    let word = word
        .strip_prefix('_')
        .filter(|_| word.len() > length)
        .unwrap_or(word);
    word.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_tells_its_crate() {
        for (name, krate) in [
            ("_ZN5tokio7runtime4task17h0123456789abcdefE", Some("tokio")),
            (
                "_ZN62_$LT$tokio..sync..Waker$u20$as$u20$core..fmt..Debug$GT$$u20$$u20$3fmt17h0123456789abcdefE",
                Some("tokio"),
            ),
            ("_ZN4core3fmt5write17h0123456789abcdefE", Some("core")),
            (
                "_RNvCsfLfy6EI15iL_7___rustc17rust_begin_unwind",
                Some("__rustc"),
            ),
            (
                "_RINvNtCs7BliBxkEZsN_4core3ptr13drop_in_placeuECsaz6eC2DG7lh_3std",
                Some("std"),
            ),
            ("_RNvCs1234_6orders4main", Some("orders")),
            ("_ZN9libunwind12UnwindCursorI4SpaceE4stepEb", None),
            ("malloc", None),
            ("_R", None),
            ("_ZN", None),
        ] {
            assert_eq!(crate_of(name), krate, "{name}");
        }
    }

    #[test]
    fn copies_of_a_function_are_one() {
        assert_eq!(as_compiled("_ZN4http3fmt17h8cE.247"), "_ZN4http3fmt17h8cE");
        assert_eq!(
            as_compiled("_RNvCs1_6orders4main.llvm.12"),
            "_RNvCs1_6orders4main"
        );
        assert_eq!(as_compiled("_ZN4a..b17h8cE"), "_ZN4a..b17h8cE");
    }
}
