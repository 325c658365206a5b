//! What an answer used, read as it passes.

use super::builtin::words;
use crate::domain::call::Bound;
use crate::domain::usage::{Usage, UsageSource};
use serde::Deserialize;
use serde_json::Value;

/// What has been seen of an answer so far.
#[derive(Debug)]
pub(super) struct Tally {
    /// What the upstream said last.
    reported: Option<Usage>,
    /// Text relayed since the last count, in chunks and in bytes or, where words are tokens, in words.
    chunks: u64,
    text: u64,
    /// Tokens of the text before that, counted.
    counted: u64,
    /// The text itself, choice by choice, where it may have to be counted.
    kept: Option<Vec<String>>,
    words_are_tokens: bool,
    input: u64,
}

/// OpenAI's largest `n`.
const MOST_CHOICES: u64 = 128;

/// What an event is to the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// The end of the stream.
    Done,
    /// Nothing but usage: withheld where the caller did not ask for it.
    UsageOnly,
    Other,
}

/// Read leniently: a field of an unexpected shape must not hide the usage beside it.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    choices: Value,
}

impl Tally {
    /// `input` is what the request's tokens are taken to be where no upstream says.
    pub(super) fn new(input: u64, words_are_tokens: bool) -> Self {
        Self { reported: None, chunks: 0, text: 0, counted: 0, kept: None, words_are_tokens, input }
    }

    /// Keeps what is relayed from here on, so that it can be counted.
    pub(super) fn keep_text(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// The text relayed so far, if it is kept and its tokens are not known already; [`Tally::counted`] brings it back.
    pub(super) fn uncounted(&mut self) -> Option<Vec<String>> {
        let is_estimated = !self.words_are_tokens && self.chunks > 0;
        if is_estimated { self.kept.take() } else { None }
    }

    /// All that has been relayed so far comes to this many tokens.
    pub(super) fn counted(&mut self, text: Vec<String>, tokens: u64) {
        (self.kept, self.counted, self.chunks, self.text) = (Some(text), tokens, 0, 0);
    }

    /// Reads one event's data, or a whole answer that is not streamed.
    pub(super) fn note(&mut self, data: &[u8]) -> Seen {
        if data.trim_ascii() == b"[DONE]" {
            return Seen::Done;
        }
        // What cannot be read is passed on all the same; it only tells us nothing.
        let Ok(chunk) = serde_json::from_slice::<Chunk>(data) else { return Seen::Other };
        let choices = chunk.choices.as_array().map(Vec::as_slice).unwrap_or_default();
        for choice in choices {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0).min(MOST_CHOICES) as usize;
            if let Some(said) = choice.get("delta").or_else(|| choice.get("message")) {
                self.relayed(index, said);
            }
        }
        match usage(&chunk.usage) {
            Some(usage) => {
                self.reported = Some(usage);
                if choices.is_empty() { Seen::UsageOnly } else { Seen::Other }
            }
            None => Seen::Other,
        }
    }

    fn relayed(&mut self, choice: usize, said: &Value) {
        // Of a tool's call, what the model wrote: the JSON around it is written again with every chunk.
        let calls = said.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let functions = calls.iter().filter_map(|call| call.get("function"));
        let called = functions.flat_map(|function| [function.get("name"), function.get("arguments")]);
        let texts = ["content", "reasoning_content", "refusal"].map(|field| said.get(field));
        let texts = texts.into_iter().chain(called).flatten().filter_map(Value::as_str);
        for text in texts.filter(|text| !text.is_empty()) {
            self.chunks += 1;
            self.text += if self.words_are_tokens { words(text) } else { text.len() as u64 };
            if let Some(kept) = &mut self.kept {
                kept.resize_with(kept.len().max(choice + 1), String::new);
                kept[choice].push_str(text);
            }
        }
    }

    /// What a complete answer used: what the upstream said, or our own estimate, which never goes beyond the bound.
    pub(super) fn complete(&self, bound: &Bound) -> (Usage, UsageSource) {
        match self.reported {
            Some(usage) => (usage, UsageSource::Upstream),
            None => (bound.within(self.estimate()), UsageSource::Estimated),
        }
    }

    /// What an answer that broke off used: the larger of what the upstream said last, and of our estimate within the
    /// bound.
    pub(super) fn broken_off(&self, bound: &Bound) -> Usage {
        self.at_least(bound.within(self.estimate()))
    }

    /// What has been used so far, whatever was held for it: the larger of what the upstream said last and our estimate.
    pub(super) fn cut_off(&self) -> Usage {
        self.at_least(self.estimate())
    }

    /// The larger of this and what the upstream said last.
    pub(super) fn at_least(&self, own: Usage) -> Usage {
        let said = self.reported.unwrap_or_default();
        Usage { input: said.input.max(own.input), output: said.output.max(own.output), ..said }
    }

    /// A chunk is seldom less than a token, and a token seldom more than four bytes.
    fn estimate(&self) -> Usage {
        let since = if self.words_are_tokens { self.text } else { self.chunks.max(self.text.div_ceil(4)) };
        Usage::new(self.input, self.counted + since)
    }
}

/// OpenAI's usage object; `None` where it is absent or null.
fn usage(value: &Value) -> Option<Usage> {
    let fields = value.as_object()?;
    let number =
        |value: Option<&Value>| value.and_then(|value| value.as_i64().or(value.as_f64().map(|float| float as i64)));
    let part = |whole: &str, part: &str| number(value.get(whole).and_then(|details| details.get(part))).unwrap_or(0);
    let input = number(fields.get("prompt_tokens"));
    let output = number(fields.get("completion_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let cached = part("prompt_tokens_details", "cached_tokens");
    let reasoning = part("completion_tokens_details", "reasoning_tokens");
    let (usage, changed) = Usage::clamped(input.unwrap_or(0), cached, output.unwrap_or(0), reasoning);
    if changed {
        tracing::warn!(usage = %value, "an upstream reported impossible usage; it was clamped");
    }
    Some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credits::Credits;

    const BOUND: Bound = Bound { input: 1_000, output: 1_000, cost: Credits::ZERO };

    #[test]
    fn usage_is_read_with_its_details_and_clamped() {
        let mut tally = Tally::new(9, false);
        let text = br#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":99}}}"#;
        assert_eq!(tally.note(text), Seen::UsageOnly);
        let usage = Usage { input: 10, cached_input: 4, output: 7, reasoning: 7 };
        assert_eq!(tally.complete(&BOUND), (usage, UsageSource::Upstream));
    }

    #[test]
    fn without_a_report_the_relayed_text_is_counted() {
        let mut tally = Tally::new(9, false);
        for _ in 0..3 {
            assert_eq!(tally.note(br#"{"choices":[{"delta":{"content":"hello world"}}],"usage":null}"#), Seen::Other);
        }
        assert_eq!(tally.note(b"not json"), Seen::Other);
        assert_eq!(tally.note(b"[DONE]"), Seen::Done);
        assert_eq!(tally.complete(&BOUND), (Usage::new(9, 9), UsageSource::Estimated));
    }

    #[test]
    fn of_a_tools_call_what_the_model_wrote_is_counted_and_not_the_json_around_it() {
        let mut tally = Tally::new(9, false);
        for arguments in ["", "{\\\"city\\\"", ":1}"] {
            let call = format!(r#"{{"index":0,"id":"call_0123456789","function":{{"arguments":"{arguments}"}}}}"#);
            tally.note(format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#).as_bytes());
        }
        // Ten bytes in two chunks.
        assert_eq!(tally.complete(&BOUND), (Usage::new(9, 3), UsageSource::Estimated));
    }

    #[test]
    fn an_answer_cut_off_is_charged_the_larger_of_report_and_estimate() {
        let mut tally = Tally::new(9, true);
        tally.note(
            br#"{"choices":[{"delta":{"content":"one two"}}],"usage":{"prompt_tokens":20,"completion_tokens":1}}"#,
        );
        assert_eq!(tally.cut_off(), Usage::new(20, 2));
    }

    #[test]
    fn an_explicit_zero_is_zero() {
        let mut tally = Tally::new(9, false);
        tally
            .note(br#"{"choices":[{"message":{"content":"free"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#);
        assert_eq!(tally.complete(&BOUND), (Usage::default(), UsageSource::Upstream));
    }
}
