//! Executables of a few hundred bytes, made in memory: every fact that a rule looks at can be set.

use object::elf::{self, FileHeader64, ProgramHeader64, SectionHeader64};
use object::endian::{LittleEndian as LE, U16, U32, U64};
use object::pod::{Pod, bytes_of};

/// Where the file is mapped: an offset's address is this plus the offset.
const BASE: u64 = 0x40_0000;

/// What a tiny executable is to say of itself.
#[derive(Clone)]
pub(crate) struct TinyElf {
    pub(crate) machine: elf::Machine,
    pub(crate) kind: elf::FileType,
    pub(crate) interpreter: Option<&'static str>,
    pub(crate) needed: Vec<&'static str>,
    pub(crate) glibc: Vec<&'static str>,
    /// Bytes among the loaded ones.
    pub(crate) text: Vec<u8>,
    pub(crate) symbols: bool,
    pub(crate) debug_info: bool,
}

impl TinyElf {
    /// A static executable without symbols.
    pub(crate) fn new(machine: elf::Machine) -> Self {
        Self {
            machine,
            kind: elf::ET_EXEC,
            interpreter: None,
            needed: Vec::new(),
            glibc: Vec::new(),
            text: b"\x90 the program".to_vec(),
            symbols: false,
            debug_info: false,
        }
    }

    /// A dynamic executable that asks for the versions `glibc` of libc.
    pub(crate) fn dynamic(machine: elf::Machine, glibc: &[&'static str]) -> Self {
        Self {
            kind: elf::ET_DYN,
            interpreter: Some(match machine {
                elf::EM_AARCH64 => "/lib/ld-linux-aarch64.so.1",
                _ => "/lib64/ld-linux-x86-64.so.2",
            }),
            needed: vec!["libgcc_s.so.1", "libc.so.6"],
            glibc: glibc.to_vec(),
            ..Self::new(machine)
        }
    }

    /// The file.
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut file = File::default();
        let dynamic = self.interpreter.is_some() || !self.needed.is_empty();
        let segments: usize = if dynamic { 3 } else { 1 };
        file.bytes = vec![0; 64 + segments * 56];
        let interpreter = self
            .interpreter
            .map(|path| file.section(".interp", elf::SHT_PROGBITS, true, format!("{path}\0")));
        file.section(".text", elf::SHT_PROGBITS, true, &self.text);
        // An odd section of cargo auditable, which a strip must keep.
        file.section(".dep-v0", elf::SHT_PROGBITS, true, b"deps");
        let dynamic = dynamic.then(|| self.dynamic_section(&mut file));
        let loaded = file.bytes.len() as u64;
        file.section(".comment", elf::SHT_PROGBITS, false, b"tiny\0");
        if self.debug_info {
            file.section(".debug_info", elf::SHT_PROGBITS, false, [0xdb; 40]);
            file.section(".debug_str", elf::SHT_PROGBITS, false, [0xdb; 17]);
        }
        if self.symbols {
            Self::symbol_table(&mut file);
        }
        let mut programs = vec![segment(elf::PT_LOAD, (0, loaded))];
        if let Some(interpreter) = interpreter {
            programs.push(segment(elf::PT_INTERP, interpreter));
        }
        if let Some(dynamic) = dynamic {
            programs.push(segment(elf::PT_DYNAMIC, dynamic));
        }
        file.finish(self, &programs)
    }

    fn dynamic_section(&self, file: &mut File) -> (u64, u64) {
        let mut strings = vec![0];
        let mut string = |text: &str| {
            let at = u32::try_from(strings.len()).unwrap();
            strings.extend(text.bytes().chain([0]));
            at
        };
        let needed: Vec<u32> = self.needed.iter().map(|name| string(name)).collect();
        let library = string("libc.so.6");
        let names: Vec<u32> = self.glibc.iter().map(|name| string(name)).collect();
        let mut needs = Vec::new();
        needs.extend(
            [
                1_u16.to_le_bytes(),
                u16::try_from(names.len()).unwrap().to_le_bytes(),
            ]
            .concat(),
        );
        needs.extend([library, 16, 0].map(u32::to_le_bytes).concat());
        for (index, name) in names.iter().enumerate() {
            let next = if index + 1 == names.len() { 0 } else { 16 };
            needs.extend([0, 0, *name, next].map(u32::to_le_bytes).concat());
        }
        let string_table = file.section(".dynstr", elf::SHT_STRTAB, true, &strings);
        let versions = file.section(".gnu.version_r", elf::SHT_GNU_VERNEED, true, needs);
        let mut entries: Vec<(i64, u64)> = needed
            .iter()
            .map(|name| (elf::DT_NEEDED.0, u64::from(*name)))
            .collect();
        entries.extend([
            (elf::DT_STRTAB.0, BASE + string_table.0),
            (elf::DT_STRSZ.0, string_table.1),
        ]);
        if !names.is_empty() {
            entries.extend([
                (elf::DT_VERNEED.0, BASE + versions.0),
                (elf::DT_VERNEEDNUM.0, 1),
            ]);
        }
        entries.push((elf::DT_NULL.0, 0));
        let bytes: Vec<u8> = entries
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat())
            .collect();
        file.section(".dynamic", elf::SHT_DYNAMIC, true, bytes)
    }

    /// A symbol of `.text`, and one of the last section before the table.
    fn symbol_table(file: &mut File) {
        let text = file.index_of(".text");
        let last = u16::try_from(file.sections.len()).unwrap();
        let mut symbols = vec![0; 24];
        for (name, section) in [(1_u32, text), (6, last)] {
            symbols.extend(name.to_le_bytes());
            symbols.extend([0x12, 0]);
            symbols.extend(section.to_le_bytes());
            symbols.extend([BASE.to_le_bytes(), 8_u64.to_le_bytes()].concat());
        }
        file.section(".symtab", elf::SHT_SYMTAB, false, symbols);
        let link = u32::try_from(file.sections.len() + 1).unwrap();
        let table = file.sections.last_mut().unwrap();
        table.1.sh_link = U32::new(LE, link);
        table.1.sh_info = U32::new(LE, 1);
        table.1.sh_entsize = U64::new(LE, 24);
        file.section(".strtab", elf::SHT_STRTAB, false, b"\0main\0last\0");
    }
}

/// A file in the making.
#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    sections: Vec<(&'static str, SectionHeader64<LE>)>,
}

impl File {
    /// Appends a section; gives its offset and size.
    fn section(
        &mut self,
        name: &'static str,
        kind: elf::SectionType,
        loaded: bool,
        content: impl AsRef<[u8]>,
    ) -> (u64, u64) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let offset = self.bytes.len() as u64;
        let size = content.as_ref().len() as u64;
        self.bytes.extend_from_slice(content.as_ref());
        let flags = if loaded {
            elf::SHF_ALLOC
        } else {
            elf::SectionFlags(0)
        };
        let header = SectionHeader64 {
            sh_name: U32::new(LE, 0),
            sh_type: U32::new(LE, kind),
            sh_flags: U64::new(LE, flags),
            sh_addr: U64::new(LE, if loaded { BASE + offset } else { 0 }),
            sh_offset: U64::new(LE, offset),
            sh_size: U64::new(LE, size),
            sh_link: U32::new(LE, 0),
            sh_info: U32::new(LE, 0),
            sh_addralign: U64::new(LE, 8),
            sh_entsize: U64::new(LE, 0),
        };
        self.sections.push((name, header));
        (offset, size)
    }

    fn index_of(&self, name: &str) -> u16 {
        let at = self.sections.iter().position(|(own, _)| *own == name);
        u16::try_from(at.unwrap() + 1).unwrap()
    }

    fn finish(mut self, facts: &TinyElf, programs: &[ProgramHeader64<LE>]) -> Vec<u8> {
        let mut names = vec![0];
        let mut offsets = Vec::new();
        for name in self
            .sections
            .iter()
            .map(|(name, _)| *name)
            .chain([".shstrtab"])
        {
            offsets.push(u32::try_from(names.len()).unwrap());
            names.extend(name.bytes().chain([0]));
        }
        self.section(".shstrtab", elf::SHT_STRTAB, false, &names);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let table = self.bytes.len() as u64;
        self.bytes.extend([0; 64]);
        for ((_, header), name) in self.sections.iter_mut().zip(offsets) {
            header.sh_name = U32::new(LE, name);
            self.bytes.extend_from_slice(bytes_of(header));
        }
        let count = u16::try_from(self.sections.len() + 1).unwrap();
        let header = FileHeader64 {
            e_ident: elf::Ident {
                magic: elf::ELFMAG,
                class: elf::ELFCLASS64,
                data: elf::ELFDATA2LSB,
                version: elf::EV_CURRENT,
                os_abi: elf::ELFOSABI_NONE,
                abi_version: 0,
                padding: [0; 7],
            },
            e_type: U16::new(LE, facts.kind),
            e_machine: U16::new(LE, facts.machine),
            e_version: U32::new(LE, 1),
            e_entry: U64::new(LE, BASE + 64),
            e_phoff: U64::new(LE, 64),
            e_shoff: U64::new(LE, table),
            e_flags: U32::new(LE, elf::FileFlags(0)),
            e_ehsize: U16::new(LE, 64),
            e_phentsize: U16::new(LE, 56),
            e_phnum: U16::new(LE, u16::try_from(programs.len()).unwrap()),
            e_shentsize: U16::new(LE, 64),
            e_shnum: U16::new(LE, count),
            e_shstrndx: U16::new(LE, elf::SymbolSection(count - 1)),
        };
        self.overwrite(0, &header);
        for (index, program) in programs.iter().enumerate() {
            self.overwrite(64 + index * 56, program);
        }
        self.bytes
    }

    fn overwrite(&mut self, at: usize, value: &impl Pod) {
        let value = bytes_of(value);
        self.bytes[at..at + value.len()].copy_from_slice(value);
    }
}

fn segment(kind: elf::ProgramType, (offset, size): (u64, u64)) -> ProgramHeader64<LE> {
    ProgramHeader64 {
        p_type: U32::new(LE, kind),
        p_flags: U32::new(LE, elf::PF_R | elf::PF_X),
        p_offset: U64::new(LE, offset),
        p_vaddr: U64::new(LE, BASE + offset),
        p_paddr: U64::new(LE, BASE + offset),
        p_filesz: U64::new(LE, size),
        p_memsz: U64::new(LE, size),
        p_align: U64::new(LE, 8),
    }
}
