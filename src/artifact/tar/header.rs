//! One header of a tar: 512 bytes of ustar, and the lines of pax for what they cannot say.

pub(super) const BLOCK: usize = 512;
/// What a ustar header holds of a name: its end, and what comes before that and a `/`.
pub(super) const NAME: usize = 100;
const PREFIX: usize = 155;
/// The first number that eleven octal digits cannot say: 8 GiB.
pub(super) const OCTAL_END: u64 = 1 << 33;

const FILE: u8 = b'0';
pub(super) const DIRECTORY: u8 = b'5';
pub(super) const PAX: u8 = b'x';

/// What an entry's header says.
pub(super) struct Header<'a> {
    /// The name; a directory's ends with `/`.
    pub(super) name: &'a str,
    pub(super) kind: u8,
    pub(super) mode: u32,
    pub(super) owner: u32,
    pub(super) size: u64,
}

impl<'a> Header<'a> {
    pub(super) fn file(name: &'a str, mode: u32, size: u64) -> Self {
        Self {
            name,
            kind: FILE,
            mode,
            owner: 0,
            size,
        }
    }

    /// What ustar cannot say, in pax's `LENGTH KEY=VALUE` lines.
    pub(super) fn pax_records(&self, modified: u64) -> Vec<u8> {
        let mut records = Vec::new();
        // ustar has no encoding for names: pax alone says that this one is UTF-8.
        if !self.name.is_ascii() || split(self.name).is_none() {
            push_record(&mut records, "path", self.name);
        }
        for (key, number) in [("size", self.size), ("mtime", modified)] {
            if number >= OCTAL_END {
                push_record(&mut records, key, &number.to_string());
            }
        }
        records
    }

    /// The header's block.
    pub(super) fn block(&self, modified: u64) -> [u8; BLOCK] {
        let (prefix, name) = split(self.name).unwrap_or(("", cut(self.name, NAME)));
        let mut block = [0; BLOCK];
        let mut at = 0;
        let mut put = |width: usize, bytes: &[u8]| {
            block[at..at + bytes.len()].copy_from_slice(bytes);
            at += width;
        };
        put(NAME, name.as_bytes());
        put(8, &octal::<8>(self.mode.into()));
        put(8, &octal::<8>(self.owner.into()));
        put(8, &octal::<8>(self.owner.into()));
        put(12, &octal::<12>(self.size));
        put(12, &octal::<12>(modified));
        put(8, b"        ");
        put(1, &[self.kind]);
        put(NAME, b"");
        put(8, b"ustar\x0000");
        // No names of user and group: their numbers hold.
        put(64, b"");
        put(8, &octal::<8>(0));
        put(8, &octal::<8>(0));
        put(PREFIX, prefix.as_bytes());
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        block[148..155].copy_from_slice(&octal::<7>(sum));
        block
    }
}

/// A number in octal digits and a NUL; zero for one that is too large, which a pax record says then.
fn octal<const WIDTH: usize>(number: u64) -> [u8; WIDTH] {
    let fits = 3 * (WIDTH - 1);
    let number = if number >> fits == 0 { number } else { 0 };
    let mut digits = [0; WIDTH];
    for (place, digit) in digits[..WIDTH - 1].iter_mut().rev().enumerate() {
        *digit = b'0' + u8::try_from(number >> (3 * place) & 7).unwrap_or_default();
    }
    digits
}

/// A name as ustar's two fields hold it.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= NAME {
        return Some(("", name));
    }
    let slashes = name.match_indices('/').map(|(at, _)| at);
    let at = slashes
        .take_while(|at| *at <= PREFIX)
        .find(|at| (1..=NAME).contains(&(name.len() - at - 1)))?;
    Some((&name[..at], &name[at + 1..]))
}

/// The beginning of a name, at most `most` bytes and no half character.
pub(super) fn cut(name: &str, most: usize) -> &str {
    let end = (0..=most.min(name.len())).rev();
    let end = end.into_iter().find(|at| name.is_char_boundary(*at));
    &name[..end.unwrap_or_default()]
}

fn push_record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = format!(" {key}={value}\n");
    // The length counts its own digits.
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.extend_from_slice(rest.as_bytes());
}

/// Zeroes from the end of `size` bytes to the end of their last block.
pub(super) fn padding(size: u64) -> &'static [u8] {
    const ZEROES: [u8; BLOCK] = [0; BLOCK];
    let rest = usize::try_from(size % BLOCK as u64).unwrap_or_default();
    &ZEROES[..(BLOCK - rest) % BLOCK]
}
