//! Deflate as archives need it: whole buffers, through libdeflate, whose bytes are the same on every host.

use libdeflater::{CompressionLvl, Compressor};

/// How much work goes into compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// For profiles without optimization: libdeflate 6, as small as zlib 9 in a quarter of its time.
    Development,
    /// For what is deployed: libdeflate 12, smaller than zopfli in a tenth of its time.
    #[default]
    Release,
}

impl Level {
    /// libdeflate's number for the level.
    pub fn number(self) -> i32 {
        self.libdeflate().into()
    }

    fn libdeflate(self) -> CompressionLvl {
        match self {
            Self::Development => CompressionLvl::default(),
            Self::Release => CompressionLvl::best(),
        }
    }
}

/// A compressor, whose tables serve many buffers.
pub struct Deflater(Compressor);

impl Deflater {
    /// A compressor of one level.
    pub fn new(level: Level) -> Self {
        Self(Compressor::new(level.libdeflate()))
    }

    /// The raw deflate stream of `data`, or `None` where that would not be shorter than `data` itself.
    pub fn compress(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        // The system hands out zeroed pages only as they are touched: the buffer costs what the stream needs.
        let mut stream = vec![0; data.len().checked_sub(1)?];
        let length = self.0.deflate_compress(data, &mut stream).ok()?;
        stream.truncate(length);
        Some(stream)
    }
}

/// The CRC-32 that zip and gzip keep of uncompressed data.
pub fn crc32(data: &[u8]) -> u32 {
    libdeflater::crc32(data)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn levels_are_those_that_were_measured() {
        assert_eq!(Level::Development.number(), 6);
        assert_eq!(Level::Release.number(), 12);
    }

    #[test]
    fn what_does_not_shrink_is_not_compressed() {
        let mut deflater = Deflater::new(Level::Release);
        for data in [&b""[..], b"a", b"ab", b"q7#x"] {
            assert_eq!(deflater.compress(data), None);
        }
        assert!(deflater.compress(&[0; 100]).unwrap().len() < 10);
    }

    #[test]
    fn known_checksum() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    proptest! {
        #[test]
        fn another_decoder_reads_it_back(data in proptest::collection::vec(0_u8..4, 0..2000)) {
            for level in [Level::Development, Level::Release] {
                if let Some(stream) = Deflater::new(level).compress(&data) {
                    prop_assert!(stream.len() < data.len());
                    let mut back = Vec::new();
                    flate2::read::DeflateDecoder::new(&*stream).read_to_end(&mut back).unwrap();
                    prop_assert_eq!(&back, &data);
                }
            }
        }
    }
}
