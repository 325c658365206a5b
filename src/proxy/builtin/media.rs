//! The pictures and sounds of the built-in provider: as small as their formats allow, and the same for the same words.

use sha2::{Digest, Sha256};

/// Pixels of a picture's side.
const SIDE: u32 = 8;
/// Samples a second, of one byte each.
const RATE: u32 = 8_000;
/// How long a word sounds, and the silence after it, in samples.
const TONE: u32 = 400;
const SILENCE: u32 = 400;

/// A PNG of one colour (W3C, "Portable Network Graphics Specification").
pub(super) fn picture(prompt: &str) -> Vec<u8> {
    let digest = Sha256::digest(prompt);
    // No filter, then a colour for each pixel.
    let line = [&[0][..], &digest[..3].repeat(SIDE as usize)].concat();
    let lines = line.repeat(SIDE as usize);
    // Eight bits a channel, red, green and blue, not interlaced.
    let head = [&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let chunks = [chunk(b"IHDR", &head), chunk(b"IDAT", &stored(&lines)), chunk(b"IEND", &[])].concat();
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [kind.as_slice(), data].concat();
    let sum = !checked.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    });
    [&(data.len() as u32).to_be_bytes()[..], &checked, &sum.to_be_bytes()].concat()
}

/// Data in zlib's format, not compressed (RFC 1950, RFC 1951 3.2.4): less than 64 KiB of it.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = data.len() as u16;
    let (one, two) = data.iter().fold((1_u32, 0_u32), |(one, two), byte| {
        let one = (one + u32::from(*byte)) % 65_521;
        (one, (two + one) % 65_521)
    });
    let sum = (two << 16) | one;
    [&[0x78, 0x01, 0x01][..], &length.to_le_bytes(), &(!length).to_le_bytes(), data, &sum.to_be_bytes()].concat()
}

/// A WAV in which each word is a tone, higher for longer words.
pub(super) fn sound(text: &str) -> Vec<u8> {
    let mut samples = Vec::new();
    for word in text.split_whitespace() {
        let length = word.chars().count().min(20) as u32;
        let wave = 2 * (24 - length);
        samples.extend((0..TONE).map(|at| if at % wave < wave / 2 { 144_u8 } else { 112 }));
        samples.extend((0..SILENCE).map(|_| 128_u8));
    }
    let size = samples.len() as u32;
    [
        b"RIFF".as_slice(),
        &(36 + size).to_le_bytes(),
        b"WAVEfmt ",
        // Sixteen bytes follow: PCM, one channel, samples and bytes a second, one byte at once, eight bits a sample.
        &16_u32.to_le_bytes(),
        &[1, 0, 1, 0],
        &RATE.to_le_bytes(),
        &RATE.to_le_bytes(),
        &[1, 0, 8, 0],
        b"data",
        &size.to_le_bytes(),
        &samples,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_ends_with_the_checksum_that_every_png_ends_with() {
        assert_eq!(chunk(b"IEND", &[]), [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]);
        // The example of RFC 1950's own checksum that everyone gives.
        assert!(stored(b"Wikipedia").ends_with(&[0x11, 0xe6, 0x03, 0x98]));
        assert_ne!(picture("a"), picture("b"));
    }

    #[test]
    fn a_sound_says_itself_how_long_it_is() {
        let sound = sound("one two");
        assert_eq!(sound.len(), 44 + 2 * 800);
        assert_eq!(sound[40..44], 1_600_u32.to_le_bytes());
    }
}
