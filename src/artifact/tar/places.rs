//! Where the files of a tar from outside lie in it, so that each is read in place. Nothing is unpacked, and little is kept of
//! what the tar says.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use ::tar::{EntryType, Header};

use super::BLOCK;

/// More than any image archive has.
const MOST_ENTRIES: usize = 20_000;
/// The most that a name, a link's target and what pax says of an entry may take.
const MOST_EXTENSION: u64 = 16 << 10;

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Its bytes: from where on, and how many.
    Bytes {
        /// Where they begin.
        offset: u64,
        /// How many there are.
        size: u64,
    },
    /// A symbolic link to another name.
    Link(String),
}

/// Reads the headers of a tar of `length` bytes. Of two files with one name the later one counts, as it does when a tar is
/// unpacked. Names come without `./` before them.
///
/// # Errors
/// Why it cannot be read, in a few words.
pub fn places(
    tar: &mut (impl Read + Seek),
    length: u64,
) -> Result<BTreeMap<String, Place>, String> {
    let mut found = BTreeMap::new();
    let mut said = Said::default();
    let mut at = 0;
    for _ in 0..=MOST_ENTRIES {
        let Some(header) = header(tar, at, length)? else {
            return Ok(found);
        };
        let kind = header.entry_type();
        let own = header.entry_size().map_err(|error| error.to_string())?;
        let size = said.size.take().unwrap_or(own);
        let offset = at + BLOCK as u64;
        at = end(offset, size)
            .filter(|end| *end <= length)
            .ok_or("it is cut off")?;
        match kind {
            EntryType::XHeader => said.pax(&extension(tar, size)?)?,
            EntryType::GNULongName => said.name = Some(text(&extension(tar, size)?)?),
            EntryType::GNULongLink => said.link = Some(text(&extension(tar, size)?)?),
            EntryType::XGlobalHeader => drop(extension(tar, size)?),
            kind => {
                let name = said.name.take();
                let name = name.map_or_else(|| text(&header.path_bytes()), Ok)?;
                let name = name.trim_start_matches("./").to_owned();
                if let Some(place) = said.place(kind, &header, (offset, size))? {
                    found.insert(name, place);
                }
                said = Said::default();
            }
        }
    }
    Err(format!("it has more than {MOST_ENTRIES} entries"))
}

/// The header at an offset; `None` at the end of the tar.
fn header(tar: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Option<Header>, String> {
    if at == length && at > 0 {
        // Some writers leave the two blocks at the end out.
        return Ok(None);
    }
    let mut header = Header::new_old();
    let read = tar
        .seek(SeekFrom::Start(at))
        .and_then(|_| tar.read_exact(header.as_mut_bytes()));
    read.map_err(|_| {
        if at == 0 {
            "it is no tar"
        } else {
            "it is cut off"
        }
    })?;
    let bytes = header.as_bytes();
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(at, byte)| match at {
            148..156 => u32::from(b' '),
            _ => u32::from(*byte),
        })
        .sum();
    if header.cksum().ok() != Some(sum) {
        return Err("it is no tar".to_owned());
    }
    Ok(Some(header))
}

/// Where the entry after `size` bytes begins.
fn end(offset: u64, size: u64) -> Option<u64> {
    size.checked_next_multiple_of(BLOCK as u64)?
        .checked_add(offset)
}

/// What an entry says of the next one.
fn extension(tar: &mut impl Read, size: u64) -> Result<Vec<u8>, String> {
    if size > MOST_EXTENSION {
        return Err(format!(
            "a name in it takes more than {MOST_EXTENSION} bytes"
        ));
    }
    let mut bytes = Vec::new();
    let read = tar.take(size).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn text(bytes: &[u8]) -> Result<String, String> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(bytes).map_err(|_| "a name in it is no UTF-8")?;
    Ok(text.to_owned())
}

/// What extensions said of the entry that comes next.
#[derive(Default)]
struct Said {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

impl Said {
    /// Reads pax's `LENGTH KEY=VALUE` lines.
    fn pax(&mut self, mut rest: &[u8]) -> Result<(), String> {
        let broken = || "a pax header in it is broken".to_owned();
        while !rest.is_empty() {
            let space = rest
                .iter()
                .position(|byte| *byte == b' ')
                .ok_or_else(broken)?;
            let length = std::str::from_utf8(&rest[..space]).ok();
            let length: usize = length
                .and_then(|text| text.parse().ok())
                .ok_or_else(broken)?;
            let record = rest.get(space + 1..length).ok_or_else(broken)?;
            let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
            rest = rest.get(length..).ok_or_else(broken)?;
            let Some(equals) = record.iter().position(|byte| *byte == b'=') else {
                return Err(broken());
            };
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.name = Some(text(value)?),
                b"linkpath" => self.link = Some(text(value)?),
                b"size" => self.size = Some(text(value)?.parse().map_err(|_| broken())?),
                _ if key.starts_with(b"GNU.sparse.") => {
                    return Err("a file in it is sparse".to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn place(
        &mut self,
        kind: EntryType,
        header: &Header,
        (offset, size): (u64, u64),
    ) -> Result<Option<Place>, String> {
        match kind {
            EntryType::Regular | EntryType::Continuous => Ok(Some(Place::Bytes { offset, size })),
            EntryType::Symlink => {
                let own = || text(&header.link_name_bytes().unwrap_or_default());
                Ok(Some(Place::Link(self.link.take().map_or_else(own, Ok)?)))
            }
            EntryType::GNUSparse => Err("a file in it is sparse".to_owned()),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::{Tar, tests::sample, write};
    use super::*;

    fn read(bytes: &[u8]) -> Result<BTreeMap<String, Place>, String> {
        places(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn the_files_of_our_own_tar_are_where_it_says() {
        let (tree, directories) = sample();
        let bytes = write(tree, &directories, 1 << 40).unwrap();
        let found = read(&bytes).unwrap();
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["app/server", "empty", "etc/größe"]);
        let Place::Bytes { offset, size } = found["app/server"] else {
            panic!("it is a file");
        };
        let at = usize::try_from(offset).unwrap();
        assert_eq!(bytes[at..at + usize::try_from(size).unwrap()], [7; 1500]);
    }

    #[test]
    fn long_names_and_links_of_other_writers_are_read() {
        let long = "n".repeat(150);
        let mut builder = ::tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(1);
        builder.append_data(&mut header, &long, &b"x"[..]).unwrap();
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        builder
            .append_link(&mut header, "./link", format!("../{long}"))
            .unwrap();
        let found = read(&builder.into_inner().unwrap()).unwrap();
        assert_eq!(found["link"], Place::Link(format!("../{long}")));
        assert!(matches!(found[&long], Place::Bytes { size: 1, .. }));
    }

    #[test]
    fn what_is_no_tar_or_too_much_of_one_is_refused() {
        assert_eq!(read(b"").unwrap_err(), "it is no tar");
        assert_eq!(read(&[b'x'; 512]).unwrap_err(), "it is no tar");
        assert!(read(&[0; 512]).unwrap().is_empty());
        let mut tar = Tar::new(Vec::new(), 0);
        for _ in 0..=MOST_ENTRIES {
            tar.file("a", 0o644, 0, &mut &b""[..]).unwrap();
        }
        assert_eq!(
            read(&tar.finish().unwrap()).unwrap_err(),
            "it has more than 20000 entries"
        );
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(MOST_EXTENSION + 1);
        header.set_cksum();
        let mut bomb = header.as_bytes().to_vec();
        bomb.resize(1 << 20, b'n');
        assert_eq!(
            read(&bomb).unwrap_err(),
            "a name in it takes more than 16384 bytes"
        );
    }

    #[test]
    fn no_flipped_or_missing_byte_panics() {
        let (tree, directories) = sample();
        let bytes = write(tree, &directories, 1 << 40).unwrap();
        for at in (0..bytes.len()).step_by(3) {
            let _ = read(&bytes[..at]);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let _ = read(&flipped);
        }
        for pax in [
            &b"5 a=b"[..],
            b"0 ",
            b"99999999999999999999 a=b\n",
            b"3 \n",
            b"-1 a=b\n",
            b"7 size=\n",
            b"2 a=b\n",
        ] {
            assert!(Said::default().pax(pax).is_err(), "{pax:?}");
        }
    }
}
