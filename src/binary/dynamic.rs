//! The dynamic section, read as the loader reads it: by its segment and addresses, because a stripped file
//! need not have section headers. Every count and offset is bounded.

use object::elf::{self, Vernaux, Verneed};
use object::endian::LittleEndian;
use object::pod;
use object::read::elf::{Dyn as _, ProgramHeader as _};

use super::elf::{Elf, LE, printable};
use super::{GlibcVersion, Refusal};

/// More version needs than any real program has; the walk ends there.
const MOST_VERSIONS: usize = 10_000;

/// More libraries than any real program needs.
const MOST_LIBRARIES: usize = 1_000;

/// A version name that stands for relative relocations, which glibc reads since this version.
/// <https://sourceware.org/glibc/wiki/Release/2.36> (2026-11)
const RELATIVE_RELOCATIONS: (&[u8], GlibcVersion) = (
    b"GLIBC_ABI_DT_RELR",
    GlibcVersion {
        major: 2,
        minor: 36,
    },
);

/// What the dynamic section asks the loader for.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    pub(super) needed: Vec<String>,
    pub(super) glibc: Option<GlibcVersion>,
    /// The linker's flag of a position-independent executable.
    pub(super) is_executable: bool,
    /// Whether it has a library's own name.
    pub(super) has_name: bool,
}

impl Dynamic {
    /// Reads the dynamic section; one that is absent asks for nothing.
    pub(super) fn read(elf: &Elf<'_>) -> Result<Self, Refusal> {
        let mut found = Self::default();
        let mut needed = Vec::new();
        let (mut strings, mut string_size) = (None, 0);
        let (mut versions, mut version_count) = (None, 0);
        for entry in entries(elf)? {
            let value = entry.d_val(LE);
            match entry.d_tag(LE) {
                elf::DT_NULL => break,
                elf::DT_NEEDED => needed.push(value),
                elf::DT_SONAME => found.has_name = true,
                elf::DT_STRTAB => strings = Some(value),
                elf::DT_STRSZ => string_size = value,
                elf::DT_VERNEED => versions = Some(value),
                elf::DT_VERNEEDNUM => version_count = value,
                elf::DT_FLAGS_1 => found.is_executable = value & elf::DF_1_PIE.0 != 0,
                _ => {}
            }
        }
        if needed.is_empty() && versions.is_none() {
            return Ok(found);
        }
        let strings = strings
            .and_then(|address| bytes_at(elf, address))
            .and_then(|bytes| bytes.get(..usize::try_from(string_size).ok()?))
            .ok_or("is damaged: its dynamic strings are not in a loaded segment")?;
        found.needed = needed
            .into_iter()
            .take(MOST_LIBRARIES)
            .filter_map(|offset| string_at(strings, offset))
            .map(printable)
            .collect();
        if let Some(address) = versions {
            let table = bytes_at(elf, address)
                .ok_or("is damaged: its version needs are not in a loaded segment")?;
            found.glibc = highest_glibc(table, version_count, strings);
        }
        Ok(found)
    }
}

fn entries<'data>(elf: &Elf<'data>) -> Result<&'data [elf::Dyn64<LittleEndian>], Refusal> {
    for segment in elf.segments {
        if let Some(entries) = segment
            .dynamic(LE, elf.bytes)
            .map_err(|_| "is damaged: its dynamic segment is not in the file")?
        {
            return Ok(entries);
        }
    }
    Ok(&[])
}

/// The file's bytes from a virtual address to the end of its segment.
fn bytes_at<'data>(elf: &Elf<'data>, address: u64) -> Option<&'data [u8]> {
    elf.segments
        .iter()
        .filter(|segment| segment.p_type(LE) == elf::PT_LOAD)
        .find_map(|segment| {
            let skipped = address.checked_sub(segment.p_vaddr(LE))?;
            let content = segment.data(LE, elf.bytes).ok()?;
            content.get(usize::try_from(skipped).ok()?..)
        })
}

fn string_at(strings: &[u8], offset: u64) -> Option<&[u8]> {
    let rest = strings.get(usize::try_from(offset).ok()?..)?;
    rest.split(|byte| *byte == 0).next()
}

/// The highest `GLIBC_x.y` of a table of version needs. A weak need is one that the loader does without.
fn highest_glibc(table: &[u8], count: u64, strings: &[u8]) -> Option<GlibcVersion> {
    let mut highest = None;
    let mut steps = 0;
    let mut library = Some(table);
    for _ in 0..count {
        let Some((need, _)) =
            library.and_then(|at| pod::from_bytes::<Verneed<LittleEndian>>(at).ok())
        else {
            break;
        };
        let mut version = library.and_then(|at| at.get(offset(need.vn_aux.get(LE))..));
        for _ in 0..need.vn_cnt.get(LE) {
            steps += 1;
            let Some((aux, _)) =
                version.and_then(|at| pod::from_bytes::<Vernaux<LittleEndian>>(at).ok())
            else {
                break;
            };
            if !aux.vna_flags.get(LE).contains(elf::VER_FLG_WEAK) {
                let name = string_at(strings, aux.vna_name.get(LE).into());
                highest = highest.max(name.and_then(glibc_version));
            }
            version = next(version, aux.vna_next.get(LE));
            if steps > MOST_VERSIONS {
                return highest;
            }
        }
        steps += 1;
        library = next(library, need.vn_next.get(LE));
        if steps > MOST_VERSIONS {
            return highest;
        }
    }
    highest
}

/// The record `distance` bytes on; a distance of zero ends the list.
fn next(at: Option<&[u8]>, distance: u32) -> Option<&[u8]> {
    at.filter(|_| distance != 0)?.get(offset(distance)..)
}

fn offset(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn glibc_version(name: &[u8]) -> Option<GlibcVersion> {
    if name == RELATIVE_RELOCATIONS.0 {
        return Some(RELATIVE_RELOCATIONS.1);
    }
    let name = std::str::from_utf8(name).ok()?;
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.');
    Some(GlibcVersion {
        major: numbers.next()?.parse().ok()?,
        minor: numbers.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |name: &str| glibc_version(name.as_bytes());
        assert_eq!(version("GLIBC_2.2.5").unwrap().to_string(), "2.2");
        assert!(version("GLIBC_2.34") > version("GLIBC_2.4"));
        assert_eq!(version("GLIBC_ABI_DT_RELR").unwrap().to_string(), "2.36");
        assert_eq!(version("GLIBC_PRIVATE"), None);
        assert_eq!(version("GCC_3.0"), None);
    }
}
