//! The one object of the runtime archive: a staticlib holds the whole of core and compiler-builtins beside it, which the
//! user's binary has already.

use object::read::archive::ArchiveFile;
use object::{Object as _, ObjectSymbol as _};

use super::ar;

/// The name of the only member.
const MEMBER: &str = "runtime.o";
/// Functions by which the object is known, and whether they belong to the allocator.
const MARKS: [(&str, bool); 2] = [("slsbuild_memcmp", false), ("slsbuild_malloc", true)];

/// The archive that is linked, from the staticlib that cargo made.
///
/// # Errors
/// What is wrong with the staticlib, as the end of a sentence.
pub(super) fn extract(staticlib: &[u8], allocator: bool) -> Result<Vec<u8>, String> {
    let file = ArchiveFile::parse(staticlib).map_err(|_| "it is no archive")?;
    for member in file.members() {
        let member = member.map_err(|_| "it is damaged")?;
        let data = member.data(staticlib).map_err(|_| "it is damaged")?;
        if let Ok(object) = object::File::parse(data)
            && has_marks(&object, allocator)
        {
            refuse_strangers(&object)?;
            return Ok(ar::archive(MEMBER, data));
        }
    }
    Err("it does not hold its own object".to_owned())
}

/// Whether bytes from the cache are an archive that [`extract`] gave.
pub(super) fn is_whole(bytes: &[u8], allocator: bool) -> bool {
    extract(bytes, allocator).is_ok_and(|again| again == bytes)
}

fn has_marks(object: &object::File<'_>, allocator: bool) -> bool {
    let defines = |name: &str| {
        object
            .symbols()
            .any(|symbol| symbol.is_definition() && symbol.name() == Ok(name))
    };
    MARKS
        .iter()
        .all(|(mark, of_allocator)| defines(mark) == (allocator || !of_allocator))
}

/// A strong symbol that is not ours would meet the one of the user's own std.
fn refuse_strangers(object: &object::File<'_>) -> Result<(), String> {
    let is_strange = |symbol: &object::Symbol<'_, '_>| {
        symbol.is_definition()
            && symbol.is_global()
            && !symbol.is_weak()
            && !symbol
                .name()
                .is_ok_and(|name| name.starts_with("slsbuild_"))
    };
    match object.symbols().find(is_strange) {
        None => Ok(()),
        Some(symbol) => Err(format!("it defines `{}`", symbol.name().unwrap_or("?"))),
    }
}
