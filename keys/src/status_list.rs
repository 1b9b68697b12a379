//! The content of a token status list (draft-ietf-oauth-status-list-20 §4): a bit per token.
//!
//! The list is signed with [`sign()`](crate::sign()), as `statuslist+jwt`; [`read`] is the other side.

mod read;

use std::io::Write;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};

pub use self::read::{ExpectList, StatusList, kid, read};

/// The `typ` of a status list token (§5.1).
pub const TYP: &str = "statuslist+jwt";

/// The `lst` of a list of `size` tokens, one bit each, of which those in `set` are invalid (§4.1, §4.2).
///
/// A number in `set` that is not on the list is not looked at. The same input has the same output.
#[must_use]
pub fn pack(size: usize, set: &[i64]) -> String {
    URL_SAFE_NO_PAD.encode(compressed(&bits(size, set)))
}

/// §4.1: "the least significant bit" of the first byte is the status of the token with index 0.
fn bits(size: usize, set: &[i64]) -> Vec<u8> {
    let mut bytes = vec![0_u8; size.div_ceil(8)];
    for index in set.iter().filter_map(|index| usize::try_from(*index).ok()) {
        if let Some(byte) = bytes.get_mut(index / 8).filter(|_| index < size) {
            *byte |= 1 << (index % 8);
        }
    }
    bytes
}

/// §4.1: "RECOMMENDED to use the highest compression level available".
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to a vector does not fail.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    /// Other builds of zlib compress otherwise, so what comes out is what counts.
    fn unpacked(lst: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let compressed = URL_SAFE_NO_PAD.decode(lst).unwrap();
        ZlibDecoder::new(compressed.as_slice()).read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// draft-ietf-oauth-status-list-20 §4.1: statuses 1 0 0 1 1 1 0 1 1 1 0 0 0 1 0 1.
    #[test]
    fn packs_the_example_of_the_draft() {
        let packed = pack(16, &[0, 3, 4, 5, 7, 8, 9, 13, 15]);
        assert_eq!(unpacked(&packed), [0xb9, 0xa3]);
        assert_eq!(unpacked(&packed), unpacked("eNrbuRgAAhcBXQ"));
    }

    /// RFC 1950 §2.2: the first byte says deflate with a window of 32 KiB; the header is a multiple of 31.
    #[test]
    fn writes_the_zlib_format_at_its_best_level() {
        let compressed = URL_SAFE_NO_PAD.decode(pack(1 << 17, &[])).unwrap();
        assert_eq!(compressed[..2], [0x78, 0xda]);
        assert!(compressed.len() < 100, "{} bytes", compressed.len());
    }

    #[test]
    fn has_a_bit_for_every_token_and_none_for_a_stranger() {
        for (size, set, bytes) in [
            (0, vec![0], vec![]),
            (1, vec![0], vec![1]),
            (9, vec![8], vec![0, 1]),
            (9, vec![-1, 9, 15, 16, i64::MAX, i64::MIN], vec![0, 0]),
            (8, vec![7, 7], vec![0x80]),
        ] {
            assert_eq!(unpacked(&pack(size, &set)), bytes, "{size} {set:?}");
        }
    }
}
