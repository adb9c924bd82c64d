//! Reading an ELF file: what kind of file it is, whether it is whole, and its facts. 64-bit little-endian
//! executables only; all else is refused by name. The dynamic section is `dynamic.rs`'s.

use object::elf::{self, FileHeader64, Machine, ProgramHeader64, SectionHeader64};
use object::endian::LittleEndian;
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _, SectionTable};

use super::dynamic::Dynamic;
use super::{Facts, Linkage, Refusal, build_paths};
use crate::target::Arch;

/// The endianness of every platform's machines.
pub(super) const LE: LittleEndian = LittleEndian;

pub(super) type Header = FileHeader64<LittleEndian>;
pub(super) type Segment = ProgramHeader64<LittleEndian>;
pub(super) type Section = SectionHeader64<LittleEndian>;

/// A Linux executable whose segments and sections all lie inside the file.
pub(super) struct Elf<'data> {
    pub(super) bytes: &'data [u8],
    pub(super) header: &'data Header,
    pub(super) segments: &'data [Segment],
    pub(super) sections: SectionTable<'data, Header>,
    interpreter: Option<String>,
    dynamic: Dynamic,
}

impl<'data> Elf<'data> {
    /// Reads the tables of `bytes` and checks that all they point to is there.
    pub(super) fn parse(bytes: &'data [u8]) -> Result<Self, Refusal> {
        refuse_foreign(bytes)?;
        let header = Header::parse(bytes).map_err(|_| "is truncated: its header is incomplete")?;
        refuse_os(header.e_ident().os_abi)?;
        let segments = header
            .program_headers(LE, bytes)
            .map_err(|_| "is truncated or damaged: its program headers are not in the file")?;
        let sections = header
            .sections(LE, bytes)
            .map_err(|_| "is truncated or damaged: its section headers are not in the file")?;
        let mut elf = Self {
            bytes,
            header,
            segments,
            sections,
            interpreter: None,
            dynamic: Dynamic::default(),
        };
        elf.check_extents()?;
        elf.interpreter = elf.read_interpreter()?;
        elf.dynamic = Dynamic::read(&elf)?;
        elf.check_type()?;
        Ok(elf)
    }

    /// The facts of this file.
    pub(super) fn facts(self) -> Facts {
        let machine = self.header.e_machine(LE);
        let symbol_bytes = self.symbol_bytes();
        let debug_bytes = self.bytes_of(Self::is_debug);
        let build_paths = build_paths::guess(self.bytes);
        let linkage = match self.interpreter {
            Some(interpreter) => Linkage::Dynamic {
                interpreter,
                needed: self.dynamic.needed,
            },
            None => Linkage::Static,
        };
        Facts {
            arch: arch_of(machine),
            machine: machine_name(machine),
            linkage,
            glibc: self.dynamic.glibc,
            symbols: symbol_bytes > 0,
            debug_info: debug_bytes > 0,
            symbol_bytes,
            debug_bytes,
            build_paths,
        }
    }

    /// A section's name, empty when it has none.
    pub(super) fn name(&self, section: &Section) -> &'data [u8] {
        self.sections.section_name(LE, section).unwrap_or_default()
    }

    /// Whether a section is debug info: kept nowhere in memory, and named so.
    pub(super) fn is_debug(&self, section: &Section) -> bool {
        const PREFIXES: [&[u8]; 6] = [
            b".debug_",
            b".zdebug_",
            b".gdb_index",
            b".gnu_debugdata",
            b".line",
            b".stab",
        ];
        let name = self.name(section);
        !is_loaded(section) && PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }

    /// The number of the section that holds the names of all.
    pub(super) fn names_index(&self) -> Option<usize> {
        let index = self.header.shstrndx(LE, self.bytes).ok()?;
        usize::try_from(index).ok().filter(|index| *index != 0)
    }

    fn symbol_bytes(&self) -> u64 {
        let is_table = |section: &Section| section.sh_type(LE) == elf::SHT_SYMTAB;
        let tables = self.bytes_of(|_, section| is_table(section));
        if tables == 0 {
            return 0;
        }
        tables
            + self.bytes_of(|elf, section| !is_loaded(section) && elf.name(section) == b".strtab")
    }

    fn bytes_of(&self, wanted: impl Fn(&Self, &Section) -> bool) -> u64 {
        self.sections
            .iter()
            .filter(|section| has_bytes(section) && wanted(self, section))
            .fold(0, |sum: u64, section| {
                sum.saturating_add(section.sh_size(LE))
            })
    }

    fn read_interpreter(&self) -> Result<Option<String>, Refusal> {
        for segment in self.segments {
            if let Some(path) = segment
                .interpreter(LE, self.bytes)
                .map_err(|_| "is damaged: the path of its interpreter does not end")?
            {
                return Ok(Some(printable(path)));
            }
        }
        Ok(None)
    }

    /// Refuses a file that ends before its segments or sections do.
    fn check_extents(&self) -> Result<(), Refusal> {
        let length = self.bytes.len() as u64;
        let inside = |offset: u64, size: u64| {
            size == 0 || offset.checked_add(size).is_some_and(|end| end <= length)
        };
        for segment in self.segments {
            if !inside(segment.p_offset(LE), segment.p_filesz(LE)) {
                return Err("is truncated: a segment ends behind the end of the file".to_owned());
            }
        }
        for section in self.sections.iter() {
            if has_bytes(section) && !inside(section.sh_offset(LE), section.sh_size(LE)) {
                return Err("is truncated: a section ends behind the end of the file".to_owned());
            }
        }
        Ok(())
    }

    /// Refuses what Linux cannot start.
    fn check_type(&self) -> Result<(), Refusal> {
        let refusal = match self.header.e_type(LE) {
            elf::ET_DYN if self.is_library() => Some("is a shared library, not an executable"),
            elf::ET_EXEC | elf::ET_DYN => None,
            elf::ET_REL => Some("is an object file, not an executable: it was not linked"),
            elf::ET_CORE => Some("is a core dump, not an executable"),
            _ => Some("is an ELF file of an unknown type, not an executable"),
        };
        if let Some(refusal) = refusal {
            return Err(refusal.to_owned());
        }
        let loaded = |segment: &Segment| segment.p_type(LE) == elf::PT_LOAD;
        if !self.segments.iter().any(loaded) {
            return Err("has no segment that could be loaded".to_owned());
        }
        Ok(())
    }

    /// Position-independent executables and libraries share a type; an executable has an interpreter or the PIE flag.
    /// Older linkers set no flag in a static-pie, which still has an entry point and needs no library.
    fn is_library(&self) -> bool {
        let dynamic = &self.dynamic;
        let no_entry = self.header.e_entry(LE) == 0;
        let asks_like_one = no_entry || dynamic.has_name || !dynamic.needed.is_empty();
        self.interpreter.is_none() && !dynamic.is_executable && asks_like_one
    }
}

/// Whether a section is part of the running program.
pub(super) fn is_loaded(section: &Section) -> bool {
    section.sh_flags(LE).contains(elf::SHF_ALLOC)
}

/// Whether a section has content in the file.
pub(super) fn has_bytes(section: &Section) -> bool {
    !matches!(section.sh_type(LE), elf::SHT_NOBITS | elf::SHT_NULL)
}

/// Text of a file from outside, without what would move a terminal's cursor.
pub(super) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "\u{fffd}")
}

pub(super) fn arch_of(machine: Machine) -> Option<Arch> {
    match machine {
        elf::EM_AARCH64 => Some(Arch::Arm64),
        elf::EM_X86_64 => Some(Arch::Amd64),
        _ => None,
    }
}

pub(super) fn machine_name(machine: Machine) -> String {
    let name = match machine {
        elf::EM_AARCH64 => "arm64",
        elf::EM_X86_64 => "amd64",
        elf::EM_RISCV => "RISC-V",
        elf::EM_PPC64 => "POWER",
        elf::EM_S390 => "s390x",
        elf::EM_LOONGARCH => "LoongArch",
        elf::EM_MIPS => "MIPS",
        elf::EM_BPF => "BPF",
        other => return format!("machine {}", other.0),
    };
    name.to_owned()
}

/// Refuses what is no 64-bit little-endian ELF file, by its real name.
pub(super) fn refuse_foreign(bytes: &[u8]) -> Result<(), Refusal> {
    const KINDS: [(&[u8], &str); 10] = [
        (b"#!", "is a script, not an ELF executable"),
        (b"MZ", "is a Windows program, not a Linux executable"),
        (
            b"\xcf\xfa\xed\xfe",
            "is a macOS program, not a Linux executable",
        ),
        (
            b"\xca\xfe\xba\xbe",
            "is a macOS program or a Java class, not a Linux executable",
        ),
        (b"\0asm", "is a WebAssembly module, not an ELF executable"),
        (b"!<arch>\n", "is a static library, not an executable"),
        (b"PK\x03\x04", "is a zip archive, not an ELF executable"),
        (b"\x1f\x8b", "is gzip data, not an ELF executable"),
        (
            b"\x7fELF\x01",
            "is a 32-bit ELF file; only 64-bit ones run on a platform",
        ),
        (
            b"\x7fELF\x02\x02",
            "is a big-endian ELF file; only little-endian ones run on a platform",
        ),
    ];
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    if let Some((_, refusal)) = KINDS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err((*refusal).to_owned());
    }
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err("is not an ELF executable".to_owned());
    }
    if !bytes.starts_with(b"\x7fELF\x02\x01\x01") {
        return Err("is truncated or damaged: its ELF header is of no known form".to_owned());
    }
    Ok(())
}

fn refuse_os(os: elf::OsAbi) -> Result<(), Refusal> {
    let name = match os {
        elf::ELFOSABI_SYSV | elf::ELFOSABI_GNU => return Ok(()),
        elf::ELFOSABI_FREEBSD => "FreeBSD",
        elf::ELFOSABI_NETBSD => "NetBSD",
        elf::ELFOSABI_OPENBSD => "OpenBSD",
        elf::ELFOSABI_SOLARIS => "Solaris",
        _ => "another system",
    };
    Err(format!("is an executable for {name}, not for Linux"))
}
