//! How long a file of sound may last: known before it is heard, from what it says of itself and from its length.

use super::form::{FileSeen, Form};

/// Bytes a second of sound in each format at the least, so that a file's length bounds how long it lasts. MP3: 8 kbit/s is
/// the lowest rate in its tables (ISO/IEC 13818-3). Others: 6 kbit/s is the lowest rate that Opus speaks at (RFC 6716,
/// 2.1.1), and nothing that is sent to be understood is smaller. Silence may be; where a provider then charges more than was
/// held, it is charged, and said to be.
const MP3: u64 = 1_000;
const SMALLEST: u64 = 750;
/// What speech is likely to take.
const LIKELY: u64 = 4_000;

/// The most that a form's sound may last, and what it is likely to, in milliseconds.
pub(super) fn durations(form: &Form) -> (u64, u64) {
    // Of what is still arriving every byte may be sound.
    let length = match form.is_whole {
        true => form.files.iter().map(|file| file.length).sum(),
        false => form.length,
    };
    let rates = form.files.iter().map(rates);
    let (least, likely) = rates.min().unwrap_or((SMALLEST, LIKELY));
    (length.saturating_mul(1_000).div_ceil(least), length.saturating_mul(1_000).div_ceil(likely))
}

/// Bytes a second: the least, and what is likely.
fn rates(file: &FileSeen) -> (u64, u64) {
    let begins = file.begins.as_slice();
    if let Some(rate) = wav(begins) {
        return (rate, rate);
    }
    let is_mp3 = begins.starts_with(b"ID3") || (begins.len() > 1 && begins[0] == 0xff && begins[1] & 0xe6 == 0xe2);
    if is_mp3 { (MP3, LIKELY) } else { (SMALLEST, LIKELY) }
}

/// A WAV of plain samples says how many of how many bytes it plays a second (Microsoft, "Multimedia Programming Interface
/// and Data Specifications 1.0").
fn wav(begins: &[u8]) -> Option<u64> {
    let field = |at: usize, bytes: usize| -> Option<u64> {
        let bytes = begins.get(at..at + bytes)?;
        Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    };
    if !(begins.starts_with(b"RIFF") && begins.get(8..12)? == b"WAVE") {
        return None;
    }
    let mut at = 12;
    while begins.get(at..at + 4)? != b"fmt " {
        let size = usize::try_from(field(at + 4, 4)?).ok()?;
        at = at.checked_add(8)?.checked_add(size + size % 2)?;
    }
    let (format, rate, frame) = (field(at + 8, 2)?, field(at + 12, 4)?, field(at + 20, 2)?);
    // Plain samples, whole or floating; or the extended form, whose own kinds are as plain.
    let is_plain = matches!(format, 1 | 3 | 0xfffe);
    Some(rate.saturating_mul(frame)).filter(|rate| is_plain && *rate > 0)
}
