//! How far a binary reaches: what is loaded, and what lies behind everything that ELF knows of.

use object::read::elf::{ProgramHeader as _, SectionHeader as _};

use crate::binary::Refusal;
use crate::binary::elf::{Elf, Header, LE, Section, has_bytes, is_loaded};

/// The end of all that the kernel and the loader read.
pub(super) fn loaded_end(elf: &Elf<'_>) -> Result<usize, Refusal> {
    let headers = elf
        .header
        .e_phoff
        .get(LE)
        .saturating_add(size_of_val(elf.segments) as u64);
    let segments = elf
        .segments
        .iter()
        .filter(|segment| segment.p_filesz(LE) > 0)
        .map(|segment| segment.p_offset(LE).saturating_add(segment.p_filesz(LE)));
    let sections = elf
        .sections
        .iter()
        .filter(|section| is_loaded(section) && has_bytes(section))
        .map(|section| section.sh_offset(LE).saturating_add(section.sh_size(LE)));
    let end = segments
        .chain(sections)
        .chain([headers, size_of::<Header>() as u64])
        .max()
        .unwrap_or_default();
    usize::try_from(end)
        .ok()
        .filter(|end| *end <= elf.bytes.len())
        .ok_or_else(|| "is truncated: a segment ends behind the end of the file".to_owned())
}

/// Refuses a file with data of its own behind all that ELF knows of (self-extracting programs): it would be lost.
pub(super) fn refuse_overlay(elf: &Elf<'_>) -> Result<(), Refusal> {
    let sections = elf
        .sections
        .iter()
        .filter(|section| has_bytes(section))
        .map(|section| section.sh_offset(LE).saturating_add(section.sh_size(LE)));
    let table = elf
        .header
        .e_shoff
        .get(LE)
        .saturating_add((elf.sections.len() * size_of::<Section>()) as u64);
    let known = sections.chain([table]).max().unwrap_or_default();
    let known = usize::try_from(known)
        .unwrap_or(usize::MAX)
        .max(loaded_end(elf)?);
    let behind = elf.bytes.get(known..).unwrap_or_default();
    if behind.iter().any(|byte| *byte != 0) {
        return Err(format!(
            "carries {} bytes behind its last section, which stripping would lose",
            behind.len()
        ));
    }
    Ok(())
}
