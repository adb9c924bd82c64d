//! An `ar` archive with one member, the same bytes whoever writes it: no owner, no time, no mode of this machine.

/// What every archive begins with.
const MAGIC: &[u8] = b"!<arch>\n";
/// Where a member's fields end.
const END_OF_HEADER: &[u8] = b"`\n";

/// An archive of one object, whose name has at most fifteen characters. It has no symbol index: lld reads the members themselves.
pub(super) fn archive(name: &str, object: &[u8]) -> Vec<u8> {
    let name = format!("{name}/");
    let mut bytes = MAGIC.to_vec();
    // Name, time, user, group, mode, size: sixteen, twelve, six, six, eight and ten characters.
    let header = format!(
        "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}",
        0,
        0,
        0,
        644,
        object.len()
    );
    bytes.extend(header.as_bytes());
    bytes.extend(END_OF_HEADER);
    bytes.extend(object);
    // A member begins at an even offset.
    if object.len() % 2 == 1 {
        bytes.push(b'\n');
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;
    use object::read::archive::ArchiveFile;

    #[test]
    fn a_reader_finds_the_member() {
        for object in [&b"odd"[..], b"even"] {
            let bytes = archive("runtime.o", object);
            let file = ArchiveFile::parse(&*bytes).unwrap();
            let members: Vec<_> = file.members().map(Result::unwrap).collect();
            assert_eq!(members.len(), 1);
            assert_eq!(members[0].name(), b"runtime.o");
            assert_eq!(members[0].data(&*bytes).unwrap(), object);
        }
    }

    #[test]
    fn the_bytes_are_frozen() {
        assert_eq!(
            Sha256::of(&archive("runtime.o", b"object")).to_string(),
            "8cb75467185724ed099b8a20f1a9e6c0f6918d6a72c68dedfd85c93e1f286bab"
        );
    }
}
