//! What must hold of any bytes whatever, whoever sent them: for the fuzzer in `fuzz/` and for the property tests below.
//! Each function panics where a promise is broken.

use super::call::{self, Ask};
use super::dialect::{self, Asked, Dialect, Heading, Reader, What, Writer};
use super::meter::Tally;
use super::prompt::Prompt;
use super::sse;
use crate::domain::usage::Usage;
use crate::gateway::admit::Output;
use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

/// Those that callers and upstreams speak.
const DIALECTS: [Dialect; 3] = [Dialect::Openai, Dialect::Anthropic, Dialect::Gemini];
/// Those that callers speak.
const CALLERS: [Dialect; 4] = [Dialect::Openai, Dialect::Responses, Dialect::Anthropic, Dialect::Gemini];

/// An upstream's stream. Its events are the same however its bytes are cut, and no byte is lost; whatever they say, a
/// caller of another dialect gets events of JSON.
pub fn of_a_stream(bytes: &[u8]) {
    let (whole, rest) = events(bytes.chunks(bytes.len().max(1)));
    let again: Vec<u8> = whole.iter().chain(&rest).flatten().copied().collect();
    assert_eq!(again, bytes, "every byte comes out, in its order");
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(events(bytes.chunks(size)), (whole.clone(), rest.clone()), "cut every {size} bytes");
    }
    let data: Vec<Vec<u8>> = whole.iter().chain(&rest).filter_map(|event| sse::data(event)).collect();
    for from in DIALECTS {
        let mut tally = Tally::new(1, false);
        tally.keep_text();
        tally.listens_to(from);
        for data in &data {
            tally.note(data);
            is_sane(tally.so_far());
        }
        for to in CALLERS.into_iter().filter(|to| *to != from) {
            translated(from, to, &data);
        }
    }
}

/// An upstream's answer in one piece: whatever it says, its usage is sane, and if it is an answer at all, so it is in
/// every other dialect.
pub fn of_an_answer(bytes: &[u8]) {
    for from in DIALECTS {
        let mut tally = Tally::new(1, false);
        tally.listens_to(from);
        tally.note(bytes);
        is_sane(tally.so_far());
        let Some(answer) = dialect::read_answer(from, bytes, "0199-ab") else { continue };
        for to in CALLERS {
            let written = dialect::write_answer(to, &answer, &heading(), &tally.so_far()).to_string();
            assert!(is_json(written.as_bytes()), "{from:?} to {to:?}: {written}");
            // Nobody answers in the dialect of responses but us, and one that chose nothing is not an answer everywhere.
            let is_read = to == Dialect::Responses || dialect::read_answer(to, written.as_bytes(), "0199-ab").is_some();
            assert!(is_read || answer.choices.is_empty(), "{to:?}: {written}");
        }
    }
}

/// A caller's request. What is forwarded of it is the caller's own bytes but for what must be written into them, and
/// says nothing else than before; carried over to another dialect it can be read there.
pub fn of_a_request(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    let named = call::model(&body, None).ok();
    for dialect in CALLERS {
        let _ = Prompt::read(dialect, bytes);
        let Some(model) = named.clone().or((dialect == Dialect::Gemini).then(|| "m".to_owned())) else { continue };
        for streams in [false, true] {
            let Ok(ask) = Ask::read(dialect, body.clone(), model.clone(), streams) else { continue };
            assert!(is_json(bytes), "what is read is JSON");
            assert_eq!(ask.forwarded(&model, None, false), body, "where nothing must be written nothing is");
            forwarded(&ask, bytes, streams);
            carried(&ask, bytes);
        }
    }
}

fn forwarded(ask: &Ask, bytes: &[u8], streams: bool) {
    for bound in [None, Some(("max_tokens", 9)), Some(("max_completion_tokens", 9))] {
        for (upstream, ask_usage) in [(ask.model.as_str(), true), ("an \"other\"", false)] {
            let sent = ask.forwarded(upstream, bound, ask_usage);
            let told = || String::from_utf8_lossy(&sent).into_owned();
            assert!(is_json(&sent), "{}", told());
            let again = Ask::read(ask.dialect, sent.clone(), upstream.to_owned(), streams);
            let again = again.unwrap_or_else(|refusal| panic!("{}: {}", refusal.message, told()));
            if ask.dialect != Dialect::Gemini {
                assert_eq!(call::model(&sent, None).ok().as_deref(), Some(upstream), "{}", told());
            }
            assert!(bound.is_none() || matches!(again.output, Output::Declared(_)), "unbound: {}", told());
            let asks = ask_usage && ask.stream && ask.dialect == Dialect::Openai;
            assert!(!asks || again.wants_usage(), "no usage: {}", told());
            assert_eq!(again.forwarded(upstream, bound, ask_usage), sent, "once is enough");
            if let (Ok(before), Ok(after)) = (serde_json::from_slice(bytes), serde_json::from_slice(&sent)) {
                assert_eq!(rest(ask.dialect, before), rest(ask.dialect, after), "{}", told());
            }
        }
    }
}

fn carried(ask: &Ask, bytes: &[u8]) {
    for to in DIALECTS.into_iter().filter(|to| *to != ask.dialect) {
        let asked = Asked { model: "up", bound_field: "max_tokens" };
        let Ok(carried) = dialect::carried(bytes, ask.dialect, ask.stream, to, &asked) else { continue };
        assert!(is_json(carried.body.as_bytes()), "{to:?}: {}", carried.body);
        let again = ask.rewritten(to, carried.body.clone(), "up");
        let again = again.unwrap_or_else(|refusal| panic!("{to:?}: {}: {}", refusal.message, carried.body));
        assert!(again.stream == ask.stream, "{to:?}: {}", carried.body);
    }
}

/// A request without what may be written into it.
fn rest(dialect: Dialect, mut body: Value) -> Value {
    let Some(fields) = body.as_object_mut() else { return body };
    let (within, names): (&[&str], &[&str]) = match dialect {
        Dialect::Openai => (&["stream_options"], &["include_usage"]),
        Dialect::Responses | Dialect::Anthropic => (&[], &[]),
        Dialect::Gemini => (&["generationConfig", "generation_config"], &["maxOutputTokens", "max_output_tokens"]),
    };
    if dialect != Dialect::Gemini {
        ["model", "max_tokens", "max_output_tokens"].into_iter().for_each(|name| drop(fields.remove(name)));
    }
    if dialect == Dialect::Openai {
        fields.remove("max_completion_tokens");
    }
    for place in within {
        let Some(inner) = fields.get_mut(*place) else { continue };
        if let Some(inner) = inner.as_object_mut() {
            names.iter().for_each(|name| drop(inner.remove(*name)));
        }
        if inner.is_null() || inner.as_object().is_some_and(serde_json::Map::is_empty) {
            fields.remove(*place);
        }
    }
    body
}

/// What a caller of another dialect is sent for a stream.
fn translated(from: Dialect, to: Dialect, data: &[Vec<u8>]) {
    let mut reader = Reader::of(from, "0199-ab");
    let mut writer = Writer::of(to, heading(), true);
    let mut text = String::new();
    for event in data.iter().flat_map(|data| reader.read(data)) {
        if matches!(event.what, What::Failed(_)) {
            return;
        }
        text.push_str(&writer.write(&event, &Usage::default()));
    }
    text.push_str(&writer.end(&Usage::default()));
    let (whole, rest) = events([text.as_bytes()].into_iter());
    assert!(rest.is_none(), "{from:?} to {to:?}: {rest:?}");
    let mut blocks: Vec<bool> = Vec::new();
    for event in &whole {
        let Some(data) = sse::data(event) else { panic!("{from:?} to {to:?}: an event without data: {text}") };
        if data == b"[DONE]" && to == Dialect::Openai {
            continue;
        }
        let Ok(value) = serde_json::from_slice::<Value>(&data) else { panic!("{from:?} to {to:?}: no JSON: {text}") };
        match to {
            Dialect::Anthropic => block(&value, &mut blocks),
            Dialect::Responses => item(&value, &mut blocks),
            Dialect::Openai | Dialect::Gemini => {}
        }
    }
    assert!(blocks.iter().all(|is_open| !is_open), "a block that never ends: {text}");
}

/// Blocks of a message begin one after the other, grow once they have begun, and end once.
fn block(event: &Value, blocks: &mut Vec<bool>) {
    let index = event.get("index").and_then(Value::as_u64).unwrap_or_default() as usize;
    match event.get("type").and_then(Value::as_str) {
        Some("content_block_start") => {
            assert_eq!(index, blocks.len(), "blocks are numbered in their order: {event}");
            assert!(blocks.iter().all(|is_open| !is_open), "one is open at a time: {event}");
            blocks.push(true);
        }
        Some("content_block_delta") => assert!(index < blocks.len(), "a block that never began: {event}"),
        Some("content_block_stop") => {
            let is_open = blocks.get_mut(index).is_some_and(std::mem::take);
            assert!(is_open, "a block that is not open: {event}");
        }
        _ => {}
    }
}

/// Items of a response begin in their order, grow while they are open, and end once.
fn item(event: &Value, items: &mut Vec<bool>) {
    let index = event.get("output_index").and_then(Value::as_u64).unwrap_or_default() as usize;
    match event.get("type").and_then(Value::as_str) {
        Some("response.output_item.added") => {
            assert_eq!(index, items.len(), "items are numbered in their order: {event}");
            items.push(true);
        }
        Some("response.output_item.done") => {
            assert!(items.get_mut(index).is_some_and(std::mem::take), "an item that is not open: {event}");
        }
        _ if event.get("item_id").is_some() => {
            assert_eq!(items.get(index), Some(&true), "an item that is not open: {event}");
        }
        _ => {}
    }
}

fn events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Bytes>, Option<Bytes>) {
    let (mut events, mut whole) = (sse::Events::default(), Vec::new());
    for piece in pieces {
        events.push(piece);
        while let Some(event) = events.next_event() {
            whole.push(event);
        }
    }
    (whole, events.rest())
}

fn heading() -> Heading {
    Heading { id: "0199-ab".to_owned(), model: "m".to_owned(), created: 1_700_000_000, ..Heading::default() }
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok()
}

fn is_sane(usage: Usage) {
    let of_input = [usage.cached_input, usage.cache_write, usage.cache_write_1h, usage.audio_input, usage.image_input];
    let of_output = [usage.reasoning, usage.audio_output, usage.image_output];
    assert!(of_input.iter().sum::<u64>() <= usage.input, "the parts of the input share no token: {usage:?}");
    assert!(of_output.iter().sum::<u64>() <= usage.output, "the parts of the output share no token: {usage:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// Every file in `src/tests/fixtures` of one of these kinds.
    fn seeds(folders: &[&str], kind: &str) -> Vec<Vec<u8>> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/fixtures");
        let files = folders.iter().flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("a folder"));
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == kind));
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
    }

    const ALL: [&str; 3] = ["openai", "anthropic", "gemini"];
    static STREAMS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds(&ALL, "sse"));
    static ANSWERS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds(&ALL, "json"));
    static REQUESTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| seeds(&["requests"], "json"));

    /// What breaks a naive reader, put in anywhere.
    const SHARDS: [&str; 30] = [
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\r",
        "\n",
        "\r\n",
        "\n\n",
        "null",
        "0",
        "-1",
        "1e400",
        "1.5",
        "18446744073709551616",
        "true",
        "\"\\u0000\"",
        "\"\\ud83d\"",
        "\u{1f600}",
        "\u{e9}",
        "{}",
        "[]",
        "data: ",
        "data: [DONE]\n\n",
        "\"stream\":true,",
        "\"model\":\"x\",",
        "\"index\":4294967296,",
    ];

    #[derive(Clone, Debug)]
    enum Harm {
        Put(usize, usize),
        Take(usize, usize),
        Set(usize, u8),
        /// One shard for what stands between two commas, colons or brackets.
        Swap(usize, usize),
        Twice(usize, usize),
    }

    fn harm() -> impl Strategy<Value = Harm> {
        prop_oneof![
            (any::<usize>(), 0..SHARDS.len()).prop_map(|(at, shard)| Harm::Put(at, shard)),
            (any::<usize>(), 1_usize..30).prop_map(|(at, size)| Harm::Take(at, size)),
            (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Harm::Set(at, byte)),
            (any::<usize>(), 0..SHARDS.len()).prop_map(|(at, shard)| Harm::Swap(at, shard)),
            (any::<usize>(), 1_usize..200).prop_map(|(at, size)| Harm::Twice(at, size)),
        ]
    }

    fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
        for harm in harms {
            let (Harm::Put(at, _) | Harm::Take(at, _) | Harm::Set(at, _) | Harm::Swap(at, _) | Harm::Twice(at, _)) =
                harm;
            let at = at % (bytes.len() + 1);
            match harm {
                Harm::Put(_, shard) => drop(bytes.splice(at..at, SHARDS[*shard].bytes())),
                Harm::Take(_, size) => drop(bytes.drain(at..(at + size).min(bytes.len()))),
                Harm::Set(_, byte) => bytes.iter_mut().skip(at).take(1).for_each(|place| *place = *byte),
                Harm::Swap(_, shard) => {
                    let is_edge = |byte: &u8| matches!(byte, b',' | b':' | b'[' | b']' | b'{' | b'}');
                    let start = bytes[..at].iter().rposition(is_edge).map_or(0, |edge| edge + 1);
                    let end = bytes[at..].iter().position(is_edge).map_or(bytes.len(), |edge| at + edge);
                    bytes.splice(start..end, SHARDS[*shard].bytes());
                }
                Harm::Twice(_, size) => {
                    let copy = bytes[at..(at + size).min(bytes.len())].to_vec();
                    bytes.splice(at..at, copy);
                }
            }
        }
        bytes
    }

    fn of(seeds: &'static LazyLock<Vec<Vec<u8>>>) -> impl Strategy<Value = Vec<u8>> {
        let harms = prop::collection::vec(harm(), 0..5);
        (any::<prop::sample::Index>(), harms).prop_map(|(which, harms)| harmed(which.get(seeds).clone(), &harms))
    }

    proptest! {
        #[test]
        fn a_stream_keeps_its_promises_however_it_is_harmed(bytes in of(&STREAMS)) {
            of_a_stream(&bytes);
        }

        #[test]
        fn an_answer_keeps_its_promises_however_it_is_harmed(bytes in of(&ANSWERS)) {
            of_an_answer(&bytes);
        }

        #[test]
        fn a_request_keeps_its_promises_however_it_is_harmed(bytes in of(&REQUESTS)) {
            of_a_request(&bytes);
        }
    }

    #[test]
    fn every_seed_is_a_request_as_it_is() {
        for seed in REQUESTS.iter() {
            let body = Bytes::from(seed.clone());
            let model = call::model(&body, None).unwrap_or_else(|_| "m".to_owned());
            let reads = CALLERS.iter().any(|dialect| Ask::read(*dialect, body.clone(), model.clone(), false).is_ok());
            assert!(reads, "{}", String::from_utf8_lossy(seed));
            of_a_request(seed);
        }
    }
}
