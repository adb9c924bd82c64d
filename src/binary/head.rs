//! The beginning of an executable, where the whole file is too much to read: what machine it is for, and what loads it.

use object::endian::LittleEndian;
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use super::elf::{Header, arch_of, machine_name, printable, refuse_foreign};
use super::rejected;
use crate::error::Result;
use crate::target::Arch;

/// How many bytes of the beginning say all that [`head`] tells: linkers put the program headers and the interpreter first.
pub const HEAD_BYTES: u64 = 64 << 10;

/// What the beginning of an executable says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its architecture; `None` for a machine that no platform runs.
    pub arch: Option<Arch>,
    /// The name of the machine in its header, for messages.
    pub machine: String,
    /// The path of its dynamic loader, if it has one.
    pub interpreter: Option<String>,
}

/// Reads the first [`HEAD_BYTES`] of an executable, which is `name` in messages and brings its own backticks.
///
/// # Errors
/// [`crate::error::Error::Rejected`] for what Linux does not start.
pub fn head(name: &str, bytes: &[u8]) -> Result<Head> {
    read(bytes).map_err(|refusal| rejected(name, &refusal))
}

fn read(bytes: &[u8]) -> Result<Head, String> {
    const ENDIAN: LittleEndian = LittleEndian;
    refuse_foreign(bytes)?;
    let header = Header::parse(bytes).map_err(|_| "is truncated: its header is incomplete")?;
    let segments = header
        .program_headers(ENDIAN, bytes)
        .map_err(|_| "is truncated or damaged: its program headers are not in the file")?;
    let machine = header.e_machine(ENDIAN);
    let interpreter = segments
        .iter()
        .find_map(|segment| segment.interpreter(ENDIAN, bytes).ok().flatten());
    Ok(Head {
        arch: arch_of(machine),
        machine: machine_name(machine),
        interpreter: interpreter.map(printable),
    })
}
