//! Stripping and reading binaries: real ones of every linkage that slsbuild builds, and hostile ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use object::elf;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{LittleEndian, Object as _, ObjectSection as _};
use proptest::prelude::*;
use slsbuild::binary::{GlibcVersion, Linkage, Strip, inspect, inspect_named, strip};
use slsbuild::digest::Sha256;
use slsbuild::target::Arch;

use crate::support::{oracle, std_is_installed};
use crate::tiny_elf::TinyElf;

/// Unwinding, threads and thread-local storage: what a strip that moves a byte would break.
const PROGRAM: &str = r#"
use std::cell::Cell;
thread_local! { static COUNT: Cell<u32> = const { Cell::new(40) }; }
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(|| { assert!(std::env::args().count() > 9) }).is_err();
    let counted = std::thread::spawn(|| COUNT.with(|count| { count.set(count.get() + 2); count.get() })).join();
    println!("{caught} {counted:?}");
}
"#;

/// Builds [`PROGRAM`] with all its symbols and std's debug info.
fn build(target: &str, arguments: &[&str]) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("strip");
    fs_err::create_dir_all(&directory).unwrap();
    let source = directory.join(format!("{target}.rs"));
    fs_err::write(&source, PROGRAM).unwrap();
    let program = directory.join(target);
    let status = Command::new("rustc")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "--edition",
            "2024",
            "-C",
            "debuginfo=1",
            "--target",
            target,
            "-o",
        ])
        .args([&program, &source])
        .args(arguments)
        .env_remove("RUSTUP_TOOLCHAIN")
        .status()
        .unwrap();
    assert!(status.success());
    program
}

/// Runs a program, through qemu when its arch is foreign; `None` when qemu is absent.
fn run(target: &str, program: &Path) -> Option<String> {
    let native = target.starts_with(std::env::consts::ARCH);
    let mut command = if native {
        Command::new(program)
    } else {
        let cpu = target.split('-').next().unwrap();
        let mut command = Command::new(oracle(&format!("qemu-{cpu}-static"))?);
        command
            .args(["-L", &format!("/usr/{cpu}-linux-gnu")])
            .arg(program);
        command
    };
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Name, address, file offset and content of each loaded section, and the content of each segment but its header.
fn loaded(bytes: &[u8]) -> Vec<(String, u64, u64, Vec<u8>)> {
    let file = ElfFile64::<LittleEndian>::parse(bytes).unwrap();
    let sections = file
        .sections()
        .filter(|section| section.address() != 0)
        .map(|section| {
            let offset = section.file_range().map_or(0, |range| range.0);
            let content = section.data().unwrap().to_vec();
            (
                section.name().unwrap().to_owned(),
                section.address(),
                offset,
                content,
            )
        });
    let segments = file.elf_program_headers().iter().map(|segment| {
        let mut content = segment.data(LittleEndian, bytes).unwrap().to_vec();
        if segment.p_offset(LittleEndian) == 0 && !content.is_empty() {
            content[40..48].fill(0);
            content[60..64].fill(0);
        }
        let address = segment.p_vaddr(LittleEndian);
        (
            String::new(),
            address,
            segment.p_offset(LittleEndian),
            content,
        )
    });
    sections.chain(segments).collect()
}

/// Writes an executable that is going to be run, by a process of its own: while this one has a file open for
/// writing, a child that another test's thread forks inherits it, and until that child execs nobody can run the file.
fn write_executable(path: &Path, content: &[u8]) {
    let bytes = path.with_extension("bytes");
    fs_err::write(&bytes, content).unwrap();
    let status = Command::new("install")
        .args(["-m", "755"])
        .args([&bytes, path])
        .status();
    assert!(status.unwrap().success());
}

/// The program that strips best: of rustup's `llvm-tools`, or the system's.
fn llvm_strip() -> Option<PathBuf> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir"])
        .output()
        .unwrap();
    let libraries = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    let rustup = libraries.with_file_name("bin").join("llvm-strip");
    if rustup.is_file() {
        return Some(rustup);
    }
    oracle("llvm-strip")
}

/// Every promise about stripping, held against one real binary.
fn strips(target: &str, program: &Path) {
    let original = fs_err::read(program).unwrap();
    let facts = inspect(&original).unwrap();
    assert!(facts.symbols && facts.debug_info);
    let expected = run(target, program);
    for what in [Strip::Symbols, Strip::Debuginfo] {
        let stripped = strip(&original, what).unwrap();
        assert!(
            loaded(&stripped) == loaded(&original),
            "{what:?} changed what is loaded"
        );
        assert!(
            strip(&stripped, what).unwrap() == stripped,
            "{what:?} is not idempotent"
        );
        let facts_now = inspect(&stripped).unwrap();
        assert_eq!(facts_now.symbols, what == Strip::Debuginfo);
        assert!(!facts_now.debug_info);
        assert_eq!(
            (facts_now.arch, &facts_now.linkage),
            (facts.arch, &facts.linkage)
        );
        assert_eq!(facts_now.glibc, facts.glibc);
        let file = program.with_extension(format!("{what:?}"));
        write_executable(&file, &stripped);
        assert_eq!(run(target, &file), expected);
        if let Some(foreign) = llvm_strip() {
            let theirs = file.with_extension("llvm");
            let flag = if what == Strip::Symbols {
                "--strip-all"
            } else {
                "--strip-debug"
            };
            let status = Command::new(foreign)
                .args([flag, "-o"])
                .args([&theirs, program])
                .status();
            assert!(status.unwrap().success());
            let theirs = fs_err::metadata(&theirs).unwrap().len();
            if what == Strip::Symbols {
                assert!(
                    stripped.len() as u64 <= theirs,
                    "{} B, llvm-strip {theirs} B",
                    stripped.len()
                );
            } else {
                symbols_are_those_of(&stripped, &original);
            }
        }
    }
}

/// The named symbols of `stripped` are those of `original` outside of debug info, each in its section.
fn symbols_are_those_of(stripped: &[u8], original: &[u8]) {
    use object::ObjectSymbol as _;
    let symbols = |bytes| -> Vec<(String, u64, String)> {
        let file = ElfFile64::<LittleEndian>::parse(bytes).unwrap();
        file.symbols()
            .filter(|symbol| !symbol.name().unwrap().is_empty())
            .map(|symbol| {
                let section = symbol.section_index().map(|index| {
                    file.section_by_index(index)
                        .unwrap()
                        .name()
                        .unwrap()
                        .to_owned()
                });
                let name = symbol.name().unwrap().to_owned();
                (name, symbol.address(), section.unwrap_or_default())
            })
            .filter(|(_, _, section)| !section.starts_with(".debug_"))
            .collect()
    };
    let (ours, theirs) = (symbols(stripped), symbols(original));
    assert!(!ours.is_empty());
    assert!(ours == theirs, "symbols differ");
}

#[test]
fn static_amd64() {
    let target = "x86_64-unknown-linux-musl";
    let program = build(target, &["-Clinker=rust-lld"]);
    let facts = inspect(&fs_err::read(&program).unwrap()).unwrap();
    assert_eq!(
        (facts.arch, facts.linkage),
        (Some(Arch::Amd64), Linkage::Static)
    );
    strips(target, &program);
}

#[test]
fn static_arm64() {
    let target = "aarch64-unknown-linux-musl";
    let program = build(target, &["-Clinker=rust-lld"]);
    let facts = inspect(&fs_err::read(&program).unwrap()).unwrap();
    assert_eq!(
        (facts.arch, facts.linkage),
        (Some(Arch::Arm64), Linkage::Static)
    );
    strips(target, &program);
}

#[test]
fn dynamic_native() {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    if oracle("cc").is_none() {
        return;
    }
    let program = build(&target, &[]);
    let facts = inspect(&fs_err::read(&program).unwrap()).unwrap();
    let Linkage::Dynamic { needed, .. } = &facts.linkage else {
        panic!("{facts:?}");
    };
    assert!(needed.contains(&"libc.so.6".to_owned()), "{needed:?}");
    assert!(
        facts.glibc
            >= Some(GlibcVersion {
                major: 2,
                minor: 17
            }),
        "{facts:?}"
    );
    strips(&target, &program);
}

#[test]
fn dynamic_arm64() {
    if oracle("aarch64-linux-gnu-gcc").is_none() || !std_is_installed("aarch64-unknown-linux-gnu") {
        return;
    }
    let target = "aarch64-unknown-linux-gnu";
    strips(target, &build(target, &["-Clinker=aarch64-linux-gnu-gcc"]));
}

/// An executable with everything that a strip may meet.
fn full() -> Vec<u8> {
    TinyElf {
        symbols: true,
        debug_info: true,
        ..TinyElf::dynamic(elf::EM_AARCH64, &["GLIBC_2.17", "GLIBC_2.34", "GLIBC_2.4"])
    }
    .build()
}

fn section_names(bytes: &[u8]) -> Vec<String> {
    let file = ElfFile64::<LittleEndian>::parse(bytes).unwrap();
    file.sections()
        .map(|section| section.name().unwrap().to_owned())
        .collect()
}

#[test]
fn facts_of_a_tiny_executable() {
    let facts = inspect(&full()).unwrap();
    insta::assert_debug_snapshot!(facts);
}

#[test]
fn stripping_keeps_the_sections_that_are_loaded() {
    let original = full();
    let none = strip(&original, Strip::None).unwrap();
    assert!(none == original);
    let symbols = strip(&original, Strip::Symbols).unwrap();
    let debug_info = strip(&original, Strip::Debuginfo).unwrap();
    insta::assert_debug_snapshot!([
        section_names(&original),
        section_names(&debug_info),
        section_names(&symbols)
    ]);
    // The golden digest: the same bytes on every machine, and after every change of dependencies.
    insta::assert_snapshot!(Sha256::of(&symbols), @"84c88736233679b6931b4de7d5c9642fccfd1884169d45d9bdb00c51f569a760");
    insta::assert_snapshot!(Sha256::of(&debug_info), @"3bede6d9a5f6b258e2e86c1954a3b4622e9536deeae9f815e0d2481e4cb267fd");
}

#[test]
fn data_behind_the_last_section_is_not_lost_silently() {
    let mut bytes = full();
    bytes.extend(b"PK a self-extracting program");
    let error = strip(&bytes, Strip::Symbols).unwrap_err();
    insta::assert_snapshot!(error, @"the binary carries 28 bytes behind its last section, which stripping would lose");
}

#[test]
fn what_is_no_linux_executable_is_refused_by_name() {
    let library = TinyElf {
        interpreter: None,
        ..TinyElf::dynamic(elf::EM_X86_64, &[])
    };
    let object = TinyElf {
        kind: elf::ET_REL,
        ..TinyElf::new(elf::EM_X86_64)
    };
    let mut free_bsd = full();
    free_bsd[7] = 9;
    let whole = full();
    let cases: [&[u8]; 12] = [
        b"",
        b"#!/bin/sh\n",
        b"MZ\x90\0",
        b"\xcf\xfa\xed\xfe\x0c\0\0\x01",
        b"\0asm\x01\0\0\0",
        b"hello",
        b"\x7fELF\x01\x01\x01",
        b"\x7fELF\x02\x02\x01",
        &whole[..whole.len() - 1],
        &library.build(),
        &object.build(),
        &free_bsd,
    ];
    let refusals: Vec<String> = cases
        .iter()
        .map(|bytes| inspect_named("`bootstrap`", bytes).unwrap_err().one_line())
        .collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_machine_that_no_platform_runs_keeps_its_name() {
    let facts = inspect(&TinyElf::new(elf::EM_RISCV).build()).unwrap();
    assert_eq!((facts.arch, facts.machine.as_str()), (None, "RISC-V"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// Whatever is done to the bytes, nothing panics, and what comes out of a strip can be read again.
    #[test]
    fn hostile_binaries_are_answered(
        changes in proptest::collection::vec((0_usize..1_600, any::<u8>()), 0..12),
        length in prop_oneof![3 => Just(usize::MAX), 1 => 0_usize..1_600],
        what in prop_oneof![Just(Strip::Symbols), Just(Strip::Debuginfo)],
    ) {
        let mut bytes = full();
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(length);
        let facts = inspect(&bytes);
        if let Ok(stripped) = strip(&bytes, what) {
            let again = inspect(&stripped).unwrap();
            prop_assert_eq!(again.arch, facts.unwrap().arch);
            prop_assert!(strip(&stripped, what).unwrap() == stripped);
        }
    }
}
