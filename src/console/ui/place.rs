//! A page's address as its state: the same page with one thing changed.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use leptos_router::location::Url;
use leptos_router::params::ParamsMap;

/// A path and its query. Blank values are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    path: String,
    query: Vec<(String, String)>,
}

impl Place {
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), query: Vec::new() }
    }

    /// Where the reader is. Reactive.
    pub fn here() -> Self {
        let location = use_location();
        Self::with_query(location.pathname.get(), location.query.get())
    }

    /// Where an address leads to.
    pub fn of(url: &Url) -> Self {
        Self::with_query(url.path().to_owned(), url.search_params().clone())
    }

    fn with_query(path: String, query: ParamsMap) -> Self {
        let pairs = query.into_iter().filter(|(_, value)| !value.is_empty());
        Self { path, query: pairs.map(|(name, value)| (name.into_owned(), value)).collect() }
    }

    /// Where the reader is now, for what is drawn anew when that changes.
    pub fn now() -> Self {
        untrack(Self::here)
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(named, _)| named == name).map(|(_, value)| value.as_str())
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        self = self.without(name);
        if !value.is_empty() {
            self.query.push((name.to_owned(), value));
        }
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.query.retain(|(named, _)| named != name);
        self
    }

    pub fn href(&self) -> String {
        let pairs: Vec<_> =
            self.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, pairs.join("&"))
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters, and those that are clear in a query anyway.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b',' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Decodes what is percent-encoded in a part of a path, and leaves a `%` that stands for itself. The router's own decoding in the
/// browser gives up on all of a text that has such a `%`, and it writes addresses with one.
pub fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let code = match after {
            [high, low, ..] if *byte == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        decoded.push(code.map_or(*byte, |(high, low)| (high << 4) | low));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_a_percent_sign_of_its_own_stays() {
        for name in ["lab/odd+1@x:50%,y", "é 100%", "%", "%2", "a%zz", ""] {
            assert_eq!(decode(&encode(name)), name);
            assert_eq!(decode(name), name);
        }
        assert_eq!(decode("odd%2B1%40x:50%,y"), "odd+1@x:50%,y");
        assert_eq!(decode("%C3%A9%"), "é%");
    }

    #[test]
    fn an_address_changes_in_one_thing_at_a_time() {
        let place = Place::new("/logs").with("key", "a b&c").with("model", "tollgate/echo").with("status", "");
        assert_eq!(place.href(), "/logs?key=a%20b%26c&model=tollgate/echo");
        assert_eq!(place.clone().with("key", "é").href(), "/logs?model=tollgate/echo&key=%C3%A9");
        assert_eq!(place.clone().without("key").without("model").href(), "/logs");
        assert_eq!(place.get("model"), Some("tollgate/echo"));
    }
}
