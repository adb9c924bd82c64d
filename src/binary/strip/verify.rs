//! The last look at a stripped binary: whatever the strip did, what is loaded must be what was loaded.

use object::endian::{U16, U64};
use object::pod;
use object::read::elf::{ProgramHeader as _, SectionHeader as _};

use crate::binary::Refusal;
use crate::binary::elf::{Elf, Header, LE, is_loaded};

/// Reads `stripped` and compares all that the kernel and the loader read with the original.
pub(super) fn same_program(original: &Elf<'_>, stripped: &[u8]) -> Result<(), Refusal> {
    let stripped = Elf::parse(stripped)?;
    if header(original) != header(&stripped) {
        return Err("has another ELF header than the original".to_owned());
    }
    if pod::bytes_of_slice(original.segments) != pod::bytes_of_slice(stripped.segments) {
        return Err("has other segments than the original".to_owned());
    }
    for segment in original.segments {
        let end = segment.p_offset(LE).saturating_add(segment.p_filesz(LE));
        if content(original, segment.p_offset(LE), end)
            != content(&stripped, segment.p_offset(LE), end)
        {
            return Err("differs from the original in a loaded segment".to_owned());
        }
    }
    if loaded_sections(original) != loaded_sections(&stripped) {
        return Err("has other loaded sections than the original".to_owned());
    }
    Ok(())
}

/// The ELF header without the three fields that place the section table.
fn header(elf: &Elf<'_>) -> Vec<u8> {
    let mut header = *elf.header;
    header.e_shoff = U64::default();
    header.e_shnum = U16::default();
    header.e_shstrndx = U16::default();
    pod::bytes_of(&header).to_vec()
}

/// The bytes of a segment, those of the ELF header left out.
fn content<'data>(elf: &Elf<'data>, start: u64, end: u64) -> &'data [u8] {
    let start = usize::try_from(start)
        .unwrap_or(usize::MAX)
        .max(size_of::<Header>());
    let end = usize::try_from(end).unwrap_or(usize::MAX);
    elf.bytes.get(start..end).unwrap_or_default()
}

fn loaded_sections(elf: &Elf<'_>) -> Vec<[u64; 3]> {
    elf.sections
        .iter()
        .filter(|section| is_loaded(section))
        .map(|section| {
            [
                section.sh_addr(LE),
                section.sh_offset(LE),
                section.sh_size(LE),
            ]
        })
        .collect()
}
