//! Server-sent events, cut where they end and otherwise left as they are (WHATWG HTML, 9.2.6: lines end in CR, LF or
//! CRLF; an empty line ends an event).

use bytes::{Bytes, BytesMut};

/// An unfinished event larger than this is let through in parts, unread: nothing we meter is as large.
const LARGEST: usize = 4 << 20;

/// Gathers bytes as they arrive and gives them back event by event, every byte of them.
#[derive(Debug, Default)]
pub(super) struct Events {
    buffer: BytesMut,
    /// Where the last unfinished line starts.
    line: usize,
    /// How far that line has been searched for its end: a long one that comes in many pieces is searched once.
    searched: usize,
}

impl Events {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event with the empty line that ends it.
    pub(super) fn next_event(&mut self) -> Option<Bytes> {
        let (mut at, mut from) = (self.line, self.searched);
        while let Some(length) = self.buffer[from..].iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let end = from + length;
            from = end;
            let after = match (self.buffer[end], self.buffer.get(end + 1)) {
                (b'\r', Some(b'\n')) => end + 2,
                // The line feed that belongs to it may still be on its way.
                (b'\r', None) => break,
                _ => end + 1,
            };
            if end == at {
                (self.line, self.searched) = (0, 0);
                return Some(self.buffer.split_to(after).freeze());
            }
            (at, from) = (after, after);
        }
        let is_half = self.buffer[from..].first() == Some(&b'\r');
        (self.line, self.searched) = (at, if is_half { from } else { self.buffer.len() });
        if self.buffer.len() > LARGEST {
            return self.rest();
        }
        None
    }

    /// What is left when the stream has ended.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        (self.line, self.searched) = (0, 0);
        (!self.buffer.is_empty()).then(|| self.buffer.split().freeze())
    }
}

/// The data of an event: its `data` lines joined by line feeds. `None` where it has none, as in a comment.
pub(super) fn data(event: &[u8]) -> Option<Vec<u8>> {
    let lines = event.split(|byte| matches!(byte, b'\r' | b'\n'));
    let values = lines.filter_map(|line| {
        let value = line.strip_prefix(b"data:")?;
        Some(value.strip_prefix(b" ").unwrap_or(value))
    });
    let values: Vec<&[u8]> = values.collect();
    (!values.is_empty()).then(|| values.join(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events(chunks: &[&[u8]]) -> (Vec<Bytes>, Option<Bytes>) {
        let mut events = Events::default();
        let mut whole = Vec::new();
        for chunk in chunks {
            events.push(chunk);
            while let Some(event) = events.next_event() {
                whole.push(event);
            }
        }
        (whole, events.rest())
    }

    #[test]
    fn events_end_at_an_empty_line_whatever_ends_lines() {
        for text in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", ": hi\ndata: a\n\nid: 1\ndata:b\n\n"] {
            let (whole, rest) = events(&[text.as_bytes()]);
            let read: Vec<_> = whole.iter().filter_map(|event| data(event)).collect();
            assert_eq!(read, [b"a".to_vec(), b"b".to_vec()], "{text:?}");
            assert_eq!(rest, None);
        }
    }

    #[test]
    fn data_over_several_lines_is_joined_and_comments_have_none() {
        assert_eq!(data(b"data: {\ndata: }\n\n"), Some(b"{\n}".to_vec()));
        assert_eq!(data(b": keep-alive\n\n"), None);
    }

    /// The standard's own reading of a whole stream, line by line: the data of its finished events.
    fn dispatched(text: &str) -> Vec<Vec<u8>> {
        let mut lines: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some(end) = rest.find(['\r', '\n']) {
            lines.push(&rest[..end]);
            // A carriage return at the very end may yet become half of an end of line.
            let after = if rest[end..].starts_with("\r\n") { end + 2 } else { end + 1 };
            if &rest[end..] == "\r" && lines.last() == Some(&"") {
                lines.pop();
            }
            rest = &rest[after..];
        }
        let (mut found, mut values): (_, Vec<&str>) = (Vec::new(), Vec::new());
        for line in lines {
            match line.strip_prefix("data:") {
                Some(value) => values.push(value.strip_prefix(' ').unwrap_or(value)),
                None if line.is_empty() && !values.is_empty() => {
                    found.push(values.join("\n").into_bytes());
                    values.clear();
                }
                None => {}
            }
        }
        found
    }

    proptest! {
        /// CRLF, comments and letters of several bytes may all be cut in two.
        #[test]
        fn however_the_bytes_are_cut_the_same_events_come_out_and_none_is_lost(
            text in prop::collection::vec(
                prop::sample::select(vec!["data:", "data: ", "{\"a\":1}", "\n", "\r", "\r\n", "\n\n", "\r\n\r\n", ": c", "id: 7",
                    "\u{e4}", "\u{1f600}", " ", "x", "data: [DONE]\n\n"]),
                0..40,
            ).prop_map(|pieces| pieces.concat()),
            cuts in prop::collection::vec(0_usize..200, 0..12),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let bytewise: Vec<&[u8]> = bytes.chunks(1).collect();
            let (whole, rest) = events(&[bytes]);
            prop_assert_eq!([whole.concat(), rest.as_deref().unwrap_or_default().to_vec()].concat(), bytes);
            prop_assert_eq!(&events(&chunks), &(whole.clone(), rest.clone()));
            prop_assert_eq!(&events(&bytewise), &(whole.clone(), rest));
            let read: Vec<Vec<u8>> = whole.iter().filter_map(|event| data(event)).collect();
            prop_assert_eq!(read, dispatched(&text));
        }
    }
}
