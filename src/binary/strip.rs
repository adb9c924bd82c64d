//! Stripping, in two halves: everything up to the end of the last segment is copied byte for byte, then the
//! sections that are kept, their names and a new section table are appended. The result is read again before
//! anyone gets it.

mod extent;
mod verify;

use std::borrow::Cow;

use object::elf::{self, Sym64, SymbolSection};
use object::endian::{LittleEndian, U16, U32, U64};
use object::pod;
use object::read::elf::SectionHeader as _;
use object::write::StringTable;

use super::elf::{Elf, Header, LE, Section, has_bytes, is_loaded};
use super::{Refusal, rejected};
use crate::error::{Error, Result};

/// What is taken out of a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// Everything that it does not need to run: symbols, debug info, comments.
    Symbols,
    /// Debug info only.
    Debuginfo,
    /// Nothing.
    None,
}

/// The largest alignment that a section outside of the segments is given.
const LARGEST_ALIGNMENT: u64 = 4096;

/// Section numbers from here on are reserved, and counts need another encoding.
const FIRST_RESERVED: usize = 0xff00;

/// Takes symbols or debug info out of a Linux executable. Its loadable segments stay byte for byte what they
/// are, the ELF header's three fields about the section table aside; the same input gives the same output.
pub fn strip(bytes: &[u8], what: Strip) -> Result<Vec<u8>> {
    if what == Strip::None {
        return Ok(bytes.to_vec());
    }
    let refused = |refusal: Refusal| rejected("the binary", &refusal);
    let original = Elf::parse(bytes).map_err(refused)?;
    let stripped = stripped(&original, what).map_err(refused)?;
    verify::same_program(&original, &stripped)
        .map_err(|damage| Error::Unexpected(anyhow::anyhow!("the stripped binary {damage}")))?;
    Ok(stripped)
}

fn stripped(elf: &Elf<'_>, what: Strip) -> Result<Vec<u8>, Refusal> {
    let plan = Plan::new(elf, what)?;
    if !plan.kept.contains(&false) {
        return Ok(elf.bytes.to_vec());
    }
    extent::refuse_overlay(elf)?;
    let mut output = elf
        .bytes
        .get(..plan.loaded_end)
        .ok_or("is truncated: a segment ends behind the end of the file")?
        .to_vec();
    let mut headers: Vec<Section> = plan
        .sections()
        .map(|(_, section)| plan.renumbered(section))
        .collect();
    let names = plan
        .names
        .is_some()
        .then(|| plan.new_names(&mut headers))
        .transpose()?;
    for ((index, section), header) in plan.sections().zip(&mut headers) {
        if is_loaded(section) || !has_bytes(section) {
            continue;
        }
        let content = match &names {
            Some(names) if plan.names == Some(index) => Cow::from(names),
            _ => plan.content(section)?,
        };
        align(&mut output, section.sh_addralign(LE));
        header.sh_offset = U64::new(LE, output.len() as u64);
        header.sh_size = U64::new(LE, content.len() as u64);
        output.extend_from_slice(&content);
    }
    align(&mut output, 8);
    let table = output.len() as u64;
    output.extend_from_slice(pod::bytes_of_slice(&headers));
    let header = plan.header(table, headers.len())?;
    let header = pod::bytes_of(&header);
    output
        .get_mut(..header.len())
        .ok_or("is truncated: its header is incomplete")?
        .copy_from_slice(header);
    Ok(output)
}

/// Which sections stay, and under which number.
struct Plan<'data, 'elf> {
    elf: &'elf Elf<'data>,
    kept: Vec<bool>,
    /// The new number of each old section; 0, the null section's, for one that goes.
    numbers: Vec<u32>,
    /// The table of section names, where it is written anew with the kept names only.
    names: Option<usize>,
    /// Where the last loaded byte ends.
    loaded_end: usize,
}

impl<'data, 'elf> Plan<'data, 'elf> {
    fn new(elf: &'elf Elf<'data>, what: Strip) -> Result<Self, Refusal> {
        let names = elf.names_index();
        let mut kept: Vec<bool> = elf
            .sections
            .iter()
            .enumerate()
            .map(|(index, section)| {
                let needed = index == 0 || names == Some(index) || is_loaded(section);
                needed || stays(elf, section, what)
            })
            .collect();
        for (index, section) in elf.sections.iter().enumerate() {
            let relocated = usize::try_from(section.sh_info(LE)).ok();
            if is_relocation(section)
                && !is_loaded(section)
                && relocated.and_then(|target| kept.get(target)) == Some(&false)
                && let Some(kept) = kept.get_mut(index)
            {
                *kept = false;
            }
        }
        let mut next = 0;
        let numbers = kept
            .iter()
            .map(|kept| {
                let number = next;
                next += u32::from(*kept);
                if *kept { number } else { 0 }
            })
            .collect();
        let plan = Self {
            elf,
            kept,
            numbers,
            names: names.filter(|index| {
                let table = elf.sections.iter().nth(*index);
                what == Strip::Symbols && table.is_some_and(|table| !is_loaded(table))
            }),
            loaded_end: extent::loaded_end(elf)?,
        };
        plan.check_size()?;
        Ok(plan)
    }

    /// The kept sections with their old numbers.
    fn sections(&self) -> impl Iterator<Item = (usize, &'data Section)> {
        self.elf
            .sections
            .iter()
            .enumerate()
            .zip(&self.kept)
            .filter_map(|(section, kept)| kept.then_some(section))
    }

    /// Refuses sections that lie over each other: appended one by one they could grow without bounds.
    fn check_size(&self) -> Result<(), Refusal> {
        let appended = self
            .sections()
            .filter(|(_, section)| !is_loaded(section) && has_bytes(section))
            .fold(0, |sum: u64, (_, section)| {
                sum.saturating_add(section.sh_size(LE))
            });
        if appended > self.elf.bytes.len() as u64 {
            return Err("is damaged: its sections lie over each other".to_owned());
        }
        Ok(())
    }

    fn number(&self, old: u32) -> u32 {
        usize::try_from(old)
            .ok()
            .and_then(|old| self.numbers.get(old).copied())
            .unwrap_or(0)
    }

    /// A kept section's header with the new numbers of the sections it points to.
    fn renumbered(&self, section: &Section) -> Section {
        let mut header = *section;
        header.sh_link = U32::new(LE, self.number(section.sh_link(LE)));
        if is_relocation(section) || section.sh_flags(LE).contains(elf::SHF_INFO_LINK) {
            header.sh_info = U32::new(LE, self.number(section.sh_info(LE)));
        }
        if section.sh_type(LE) == elf::SHT_NULL {
            // The first header holds counts that do not fit elsewhere; the new ones fit.
            header.sh_size = U64::new(LE, 0);
        }
        header
    }

    /// The names of the kept sections, a name that ends another sharing its bytes; sets them in `headers`.
    fn new_names(&self, headers: &mut [Section]) -> Result<Vec<u8>, Refusal> {
        let mut table = StringTable::new();
        let ids: Vec<_> = self
            .sections()
            .map(|(_, section)| self.elf.name(section))
            .map(|name| (!name.is_empty()).then(|| table.add(name)))
            .collect();
        let mut bytes = vec![0];
        table
            .write(&mut bytes, 1)
            .map_err(|_| "is damaged: its section names do not fit into a table")?;
        for (header, id) in headers.iter_mut().zip(ids) {
            header.sh_name = U32::new(LE, table.maybe_get_offset(id));
        }
        Ok(bytes)
    }

    /// A kept section's content, in which symbols point to the new section numbers.
    fn content(&self, section: &Section) -> Result<Cow<'data, [u8]>, Refusal> {
        let content = section
            .data(LE, self.elf.bytes)
            .map_err(|_| "is truncated: a section ends behind the end of the file")?;
        match section.sh_type(LE) {
            elf::SHT_SYMTAB => self.symbols(content).map(Cow::from),
            elf::SHT_SYMTAB_SHNDX => Err("has more sections than slsbuild can renumber".to_owned()),
            _ => Ok(content.into()),
        }
    }

    /// A symbol of a section that goes becomes an empty one: removing it would renumber all that follow.
    fn symbols(&self, content: &[u8]) -> Result<Vec<u8>, Refusal> {
        let symbols: &[Sym64<LittleEndian>] = pod::slice_from_all_bytes(content)
            .map_err(|()| "is damaged: its symbol table ends within a symbol")?;
        let mut renumbered = Vec::with_capacity(content.len());
        for symbol in symbols {
            let mut symbol = *symbol;
            let section = symbol.st_shndx.get(LE);
            if !section.is_special() {
                let number = self.number(section.0.into());
                if number == 0 {
                    symbol.st_name = U32::new(LE, 0);
                    symbol.st_value = U64::new(LE, 0);
                    symbol.st_size = U64::new(LE, 0);
                }
                let number = u16::try_from(number).map_err(|_| "has too many sections")?;
                symbol.st_shndx = U16::new(LE, SymbolSection(number));
            }
            renumbered.extend_from_slice(pod::bytes_of(&symbol));
        }
        Ok(renumbered)
    }

    /// The ELF header with the place of the new section table.
    fn header(&self, table: u64, count: usize) -> Result<Header, Refusal> {
        let fits = |number: usize| {
            u16::try_from(number)
                .ok()
                .filter(|_| number < FIRST_RESERVED)
                .ok_or("has too many sections")
        };
        let names = self
            .elf
            .names_index()
            .and_then(|old| self.numbers.get(old).copied())
            .and_then(|new| usize::try_from(new).ok());
        let mut header = *self.elf.header;
        header.e_shoff = U64::new(LE, table);
        header.e_shnum = U16::new(LE, fits(count)?);
        header.e_shstrndx = U16::new(LE, SymbolSection(fits(names.unwrap_or(0))?));
        Ok(header)
    }
}

/// Whether a section outside of the running program is worth keeping.
fn stays(elf: &Elf<'_>, section: &Section, what: Strip) -> bool {
    // A group only tells a linker what to link together, and its content is section numbers.
    what != Strip::Symbols && !elf.is_debug(section) && section.sh_type(LE) != elf::SHT_GROUP
}

fn is_relocation(section: &Section) -> bool {
    matches!(section.sh_type(LE), elf::SHT_REL | elf::SHT_RELA)
}

fn align(output: &mut Vec<u8>, alignment: u64) {
    let alignment = alignment.clamp(1, LARGEST_ALIGNMENT);
    if let Ok(alignment) = usize::try_from(alignment) {
        output.resize(output.len().next_multiple_of(alignment), 0);
    }
}
