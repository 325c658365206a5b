//! A `multipart/form-data` body, told apart as its bytes arrive (RFC 7578, RFC 2046 5.1). Strict where servers differ: what
//! one of them might take for another field than this does is no form here.

use bytes::{Bytes, BytesMut};

/// Headers of one part are no longer than this, in bytes.
const LONGEST_HEAD: usize = 8 << 10;

/// Gathers bytes as they arrive and says what they are.
#[derive(Debug)]
pub(super) struct Scanner {
    /// Two dashes and the boundary.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    /// How many bytes went before the buffer.
    before: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begin,
    Head,
    Data,
    Over,
}

/// What was found next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Part(Part),
    /// Of the part that began last.
    Data(Bytes),
    /// The part that began last is complete.
    End,
}

/// A field or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub name: String,
    /// A file has one, though it may be empty.
    pub file_name: Option<String>,
    /// Where in the body its data begins.
    pub at: u64,
}

/// Why a body is not a form that can be read.
pub(super) type Fault = &'static str;

/// The boundary that a content type names.
///
/// # Errors
/// Where it is not one of a form, or names no boundary that everyone reads alike.
pub(super) fn boundary(content_type: &str) -> Result<&str, Fault> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/form-data")) {
        return Err("its content type must be multipart/form-data");
    }
    let mut boundaries = parts.filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim_end().eq_ignore_ascii_case("boundary").then_some(value)
    });
    let boundary = boundaries.next().ok_or("its content type names no boundary")?;
    let unquoted = boundary.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(boundary);
    // RFC 2046 allows blanks within, which no client writes.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    let is_plain = (1..=70).contains(&unquoted.len()) && unquoted.bytes().all(plain);
    if is_plain && boundaries.next().is_none() { Ok(unquoted) } else { Err("its boundary is not one that can be read") }
}

impl Scanner {
    pub(super) fn new(boundary: &str) -> Self {
        Self {
            delimiter: format!("--{boundary}").into_bytes(),
            buffer: BytesMut::new(),
            before: 0,
            state: State::Begin,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        // What stands behind the end is nobody's.
        if self.state != State::Over {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether the form has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// What comes next, if enough has arrived to say so.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn next_found(&mut self) -> Result<Option<Found>, Fault> {
        match self.state {
            State::Begin => self.begin(),
            State::Head => self.head(),
            State::Data => self.data(),
            State::Over => Ok(None),
        }
    }

    fn begin(&mut self) -> Result<Option<Found>, Fault> {
        let length = self.delimiter.len();
        if self.buffer.len() < length + 2 {
            return Ok(None);
        }
        if !self.buffer.starts_with(&self.delimiter) {
            return Err("it does not begin with its boundary");
        }
        self.past_delimiter(length)
    }

    /// What follows a delimiter that ends at `end`: another part, or nothing.
    fn past_delimiter(&mut self, end: usize) -> Result<Option<Found>, Fault> {
        self.state = match &self.buffer[end..end + 2] {
            b"\r\n" => State::Head,
            b"--" => State::Over,
            _ => return Err("its boundary stands where no part begins"),
        };
        self.take(end + 2);
        self.next_found()
    }

    fn head(&mut self) -> Result<Option<Found>, Fault> {
        let Some(end) = find(&self.buffer, b"\r\n\r\n") else {
            return if self.buffer.len() > LONGEST_HEAD { Err("the headers of a part are too long") } else { Ok(None) };
        };
        let head = self.take(end + 4);
        let head = std::str::from_utf8(&head[..end]).map_err(|_| "the headers of a part are no text")?;
        let (name, file_name) = disposition(head)?;
        self.state = State::Data;
        Ok(Some(Found::Part(Part { name, file_name, at: self.before })))
    }

    fn data(&mut self) -> Result<Option<Found>, Fault> {
        let length = self.delimiter.len();
        match find(&self.buffer, &self.delimiter) {
            Some(at) if self.buffer.len() < at + length + 2 => Ok(self.safe(at.saturating_sub(2))),
            Some(at) if at >= 2 && self.buffer[at - 2..at] == *b"\r\n" => match self.safe(at - 2) {
                Some(data) => Ok(Some(data)),
                None => self.ended(2 + length),
            },
            Some(_) => Err("its boundary stands within a part"),
            // The end of what is here may be the beginning of a delimiter.
            None => Ok(self.safe(self.buffer.len().saturating_sub(length + 1))),
        }
    }

    fn safe(&mut self, length: usize) -> Option<Found> {
        (length > 0).then(|| Found::Data(self.take(length)))
    }

    fn ended(&mut self, end: usize) -> Result<Option<Found>, Fault> {
        self.state = match &self.buffer[end..end + 2] {
            b"\r\n" => State::Head,
            b"--" => State::Over,
            _ => return Err("its boundary stands within a part"),
        };
        self.take(end + 2);
        Ok(Some(Found::End))
    }

    fn take(&mut self, length: usize) -> Bytes {
        self.before += length as u64;
        self.buffer.split_to(length).freeze()
    }
}

/// A part's name and its file's. Nothing may stand there that one server reads and another does not.
fn disposition(head: &str) -> Result<(String, Option<String>), Fault> {
    let mut found = None;
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or("a header of a part has no colon")?;
        if line.starts_with([' ', '\t']) || line.contains(['\r', '\n']) {
            return Err("a header of a part goes over several lines");
        }
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if found.is_some() => return Err("a part is named twice"),
            "content-disposition" => found = Some(named(value.trim())?),
            "content-transfer-encoding" => {
                let plain = ["binary", "8bit", "7bit"].iter().any(|plain| value.trim().eq_ignore_ascii_case(plain));
                if !plain {
                    return Err("a part is encoded");
                }
            }
            _ => {}
        }
    }
    found.ok_or("a part has no name")
}

fn named(value: &str) -> Result<(String, Option<String>), Fault> {
    let unreadable = "the name of a part cannot be read";
    let mut rest = value.strip_prefix("form-data").ok_or("a part is no form-data")?;
    let (mut name, mut file_name) = (None, None);
    while !rest.is_empty() {
        let (key, quoted) = rest.strip_prefix(';').and_then(|rest| rest.split_once('=')).ok_or(unreadable)?;
        let (key, value, after) = match (key.trim(), quoted.strip_prefix('"')) {
            (key, Some(quoted)) => {
                // Clients write a quote within a name as %22, as browsers do; some write it after a backslash.
                let end = closing(quoted).ok_or(unreadable)?;
                (key, &quoted[..end], &quoted[end + 1..])
            }
            // `filename*=UTF-8''…` is a token of its own.
            (key, None) => {
                let end = quoted.find(';').unwrap_or(quoted.len());
                (key, &quoted[..end], &quoted[end..])
            }
        };
        match key.to_ascii_lowercase().as_str() {
            "name" if name.is_none() && quoted.starts_with('"') => name = Some(value.to_owned()),
            "filename" if file_name.is_none() => file_name = Some(value.to_owned()),
            "filename*" => {
                file_name.get_or_insert_with(String::new);
            }
            _ => return Err(unreadable),
        }
        rest = after.trim_start();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    let name = name.filter(|name| !name.is_empty() && name.bytes().all(plain)).ok_or(unreadable)?;
    Ok((name, file_name))
}

/// Where a quoted string ends.
fn closing(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    let first = *sought.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if text[at..].starts_with(sought) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each part with its data, however the body is cut.
    fn read(body: &[u8], size: usize) -> Result<Vec<(Part, Vec<u8>)>, Fault> {
        let mut scanner = Scanner::new("XX");
        let mut parts: Vec<(Part, Vec<u8>)> = Vec::new();
        for piece in body.chunks(size.max(1)) {
            scanner.push(piece);
            while let Some(found) = scanner.next_found()? {
                match found {
                    Found::Part(part) => parts.push((part, Vec::new())),
                    Found::Data(data) => parts.last_mut().expect("a part").1.extend_from_slice(&data),
                    Found::End => {}
                }
            }
        }
        if scanner.is_over() { Ok(parts) } else { Err("unfinished") }
    }

    const FORM: &str = "--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--XX\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\"; name=x.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
        RIFF\r\n-- \r\n--\r\n--XX\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--XX--\r\n";

    #[test]
    fn parts_are_told_apart_however_the_body_is_cut() {
        let whole = read(FORM.as_bytes(), usize::MAX).expect("a form");
        let said: Vec<(&str, Option<&str>, &[u8])> =
            whole.iter().map(|(part, data)| (part.name.as_str(), part.file_name.as_deref(), data.as_slice())).collect();
        assert_eq!(
            said,
            [
                ("model", None, b"whisper-1".as_slice()),
                ("file", Some("a \\\"b\\\"; name=x.wav"), b"RIFF\r\n-- \r\n--"),
                ("empty", None, b""),
            ]
        );
        for (part, data) in &whole {
            assert!(FORM.as_bytes()[part.at as usize..].starts_with(data));
        }
        for size in 1..60 {
            assert_eq!(read(FORM.as_bytes(), size).as_ref(), Ok(&whole), "{size}");
        }
    }

    #[test]
    fn what_servers_may_read_differently_is_no_form() {
        let part = |head: &str| format!("--XX\r\n{head}\r\n\r\nx\r\n--XX--\r\n");
        for body in [
            part("Content-Disposition: form-data; name=model"),
            part("Content-Disposition: form-data; name=\"mod\\\"el\""),
            part("Content-Disposition: form-data; name=\"a\"; name=\"model\""),
            part("Content-Disposition: form-data; name*=UTF-8''model"),
            part("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\""),
            part("Content-Disposition: form-data;\r\n name=\"model\""),
            part("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64"),
            part("Content-Type: text/plain"),
            // Some take a bare line feed for the end of a line.
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\n--XX\r\n\
                Content-Disposition: form-data; name=\"model\"\r\n\r\ny\r\n--XX--\r\n"
                .to_owned(),
            "\r\n--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XX--\r\n".to_owned(),
            "--XX \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XX--\r\n".to_owned(),
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XXY\r\n".to_owned(),
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx".to_owned(),
        ] {
            assert!(read(body.as_bytes(), usize::MAX).is_err(), "{body}");
        }
    }

    #[test]
    fn a_boundary_is_read_from_the_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Ok("abc"));
        assert_eq!(
            boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""),
            Err("its boundary is not one that can be read")
        );
        assert_eq!(boundary("multipart/form-data; boundary=\"a=b\""), Ok("a=b"));
        for bad in ["application/json", "multipart/form-data", "multipart/form-data; boundary=a; boundary=b"] {
            assert!(boundary(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it_and_a_files_own_bytes_come_out_as_they_went_in(
            data in prop::collection::vec(
                prop::sample::select(vec![&b"\r"[..], b"\n", b"-", b"--", b"--X", b"\r\n--X", b"X", b"\0", b"abc"]), 0..40,
            ).prop_map(|pieces| pieces.concat()),
            size in 1_usize..50,
        ) {
            prop_assume!(find(&data, b"--XX").is_none());
            let head = b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
            let body = [&head[..], &data, b"\r\n--XX--\r\n"].concat();
            // The data may end in what, with the delimiter's own dashes, is a boundary too early.
            if let Ok(parts) = read(&body, size) {
                prop_assert_eq!(&parts[0].1, &data);
            } else {
                prop_assert!(find(&[&data[..], b"\r\n"].concat(), b"--XX").is_some());
            }
        }
    }
}
