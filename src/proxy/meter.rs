//! What an answer used, read as it passes.

mod anthropic;
mod gemini;
mod openai;
mod responses;
mod services;

use super::builtin::words;
use super::dialect::Dialect;
use super::measure::Likely;
use crate::domain::call::Bound;
use crate::domain::service::Service;
use crate::domain::usage::{Reported, Usage, UsageSource};
use serde_json::Value;

/// What has been seen of an answer so far.
#[derive(Debug)]
pub(super) struct Tally {
    dialect: Dialect,
    /// What was asked for, where that is no chat.
    service: Option<Service>,
    likely: Likely,
    /// What the upstream said last.
    reported: Option<Usage>,
    /// It has yet to say how much it answered.
    is_partial: bool,
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
    /// The bill that a dialect always sends, after all is said.
    Bill,
    /// It says that the answer is over; nothing may come after it, and nothing else marks the end.
    Last,
    Other,
}

/// What one event, or a whole answer, says. Read leniently: a field of an unexpected shape must not hide the usage
/// beside it.
#[derive(Debug, Default)]
struct Glance {
    /// What the model wrote, and which of its answers it belongs to.
    texts: Vec<(u64, String)>,
    usage: Option<Usage>,
    /// The usage is not the last word.
    is_partial: bool,
    seen: Option<Seen>,
}

impl Tally {
    /// `input` is what the request's tokens are taken to be where no upstream says.
    pub(super) fn new(input: u64, words_are_tokens: bool) -> Self {
        Self {
            dialect: Dialect::Openai,
            service: None,
            likely: Likely::default(),
            reported: None,
            is_partial: false,
            chunks: 0,
            text: 0,
            counted: 0,
            kept: None,
            words_are_tokens,
            input,
        }
    }

    /// What is asked for, and what it is likely to use beside its text.
    pub(super) fn of(self, service: Option<Service>, likely: Likely) -> Self {
        Self { service, likely, ..self }
    }

    pub(super) fn is_of(&self, service: Service) -> bool {
        self.service == Some(service)
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

    /// Whose answer is read from here on.
    pub(super) fn listens_to(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Reads one event's data, or a whole answer that is not streamed.
    pub(super) fn note(&mut self, data: &[u8]) -> Seen {
        if data.trim_ascii() == b"[DONE]" {
            return Seen::Done;
        }
        // What cannot be read is passed on all the same; it only tells us nothing.
        let Ok(read) = serde_json::from_slice::<Value>(data) else {
            self.wrote(data);
            return Seen::Other;
        };
        let before = self.reported.unwrap_or_default();
        let glance = match self.dialect {
            Dialect::Openai => match self.service {
                Some(service) => services::glance(service, &read, before),
                None => openai::glance(&read),
            },
            Dialect::Responses => responses::glance(&read),
            Dialect::Anthropic => anthropic::glance(&read, before),
            Dialect::Gemini => gemini::glance(&read),
        };
        for (choice, text) in glance.texts {
            self.relayed(choice.min(MOST_CHOICES) as usize, &text);
        }
        if let Some(usage) = glance.usage {
            (self.reported, self.is_partial) = (Some(usage), glance.is_partial);
        }
        glance.seen.unwrap_or(Seen::Other)
    }

    /// What is written down of speech may be answered as nothing but text.
    fn wrote(&mut self, text: &[u8]) {
        if matches!(self.service, Some(Service::Transcriptions | Service::Translations)) {
            self.relayed(0, &String::from_utf8_lossy(text));
        }
    }

    fn relayed(&mut self, choice: usize, text: &str) {
        if text.is_empty() {
            return;
        }
        self.chunks += 1;
        self.text += if self.words_are_tokens { words(text) } else { text.len() as u64 };
        if let Some(kept) = &mut self.kept {
            kept.resize_with(kept.len().max(choice + 1), String::new);
            kept[choice].push_str(text);
        }
    }

    /// What the upstream has said so far.
    pub(super) fn so_far(&self) -> Usage {
        self.reported.unwrap_or_default()
    }

    /// What a complete answer used: what the upstream said, or our own estimate, which never goes beyond the bound.
    pub(super) fn complete(&self, bound: &Bound) -> (Usage, UsageSource) {
        let own = bound.within(self.estimate());
        match self.reported {
            Some(usage) if !self.is_partial => self.filled(usage),
            // It has said what it was asked, and not how much it answered.
            Some(said) => (Usage { output: said.output.max(own.output), ..said }, UsageSource::Estimated),
            // Characters are as many as were asked to be read out.
            None if self.likely.is_exact => (own, UsageSource::Upstream),
            None => (own, UsageSource::Estimated),
        }
    }

    /// What an upstream said, with what is likely of what it left out although it is charged by that.
    fn filled(&self, said: Usage) -> (Usage, UsageSource) {
        let (likely, mut usage, mut source) = (self.estimate(), said, UsageSource::Upstream);
        usage.units.characters = likely.units.characters;
        if said.units.audio_ms == 0 && likely.units.audio_ms > 0 {
            (usage.units.audio_ms, source) = (likely.units.audio_ms, UsageSource::Estimated);
        }
        if said.units.searches == 0 && likely.units.searches > 0 {
            (usage.units.searches, source) = (likely.units.searches, UsageSource::Estimated);
        }
        if said.total() == 0 && self.likely.by_tokens {
            (usage.input, usage.output, source) = (likely.input, likely.output, UsageSource::Estimated);
        }
        (usage, source)
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
        let units = said.units.larger(&own.units);
        Usage { input: said.input.max(own.input), output: said.output.max(own.output), units, ..said }
    }

    /// A chunk is seldom less than a token, and a token seldom more than four bytes.
    fn estimate(&self) -> Usage {
        let since = if self.words_are_tokens { self.text } else { self.chunks.max(self.text.div_ceil(4)) };
        // A picture or a sound has no text that would tell.
        let output = Some(self.counted + since).filter(|output| *output > 0).unwrap_or(self.likely.output);
        Usage { units: self.likely.units, ..Usage::new(self.input, output) }
    }
}

/// A count, however it is written.
fn number(value: Option<&Value>) -> Option<i64> {
    value.and_then(|value| value.as_i64().or(value.as_f64().map(|float| float as i64)))
}

/// What an upstream reported, made sane. `value` is where it said so.
fn sane(value: &Value, said: Reported) -> Usage {
    let (usage, changed) = Usage::clamped(said);
    if changed {
        tracing::warn!(usage = %value, "an upstream reported impossible usage; it was clamped");
    }
    usage
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credits::Credits;
    use crate::domain::usage::Units;

    const BOUND: Bound =
        Bound { input: 1_000, output: 1_000, units: Units::NONE, cost: Credits::ZERO, price_version: 0 };

    #[test]
    fn usage_is_read_with_its_details_and_clamped() {
        let mut tally = Tally::new(9, false);
        let text = br#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":99}}}"#;
        assert_eq!(tally.note(text), Seen::UsageOnly);
        let usage = Usage { input: 10, cached_input: 4, output: 7, reasoning: 7, ..Usage::default() };
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

    fn of(dialect: Dialect) -> Tally {
        let mut tally = Tally::new(9, false);
        tally.listens_to(dialect);
        tally
    }

    #[test]
    fn a_messages_usage_is_said_at_its_start_and_at_its_end_and_caches_are_part_of_the_input() {
        let start = br#"{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":5,"output_tokens":1}}}"#;
        let said = br#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello world"}}"#;
        let bill = br#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":20}}"#;
        let mut tally = of(Dialect::Anthropic);
        assert_eq!((tally.note(start), tally.note(said)), (Seen::Other, Seen::Other));
        let input = Usage { input: 18, cached_input: 5, cache_write: 3, ..Usage::default() };
        // Until the bill is there, what it answered is estimated.
        assert_eq!(tally.complete(&BOUND), (Usage { output: 3, ..input }, UsageSource::Estimated));
        assert_eq!((tally.note(bill), tally.note(br#"{"type":"message_stop"}"#)), (Seen::Bill, Seen::Done));
        assert_eq!(tally.complete(&BOUND), (Usage { output: 20, ..input }, UsageSource::Upstream));
        let mut tally = of(Dialect::Anthropic);
        tally.note(br#"{"type":"message","content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":4,"output_tokens":2}}"#);
        assert_eq!(tally.complete(&BOUND), (Usage::new(4, 2), UsageSource::Upstream));
    }

    #[test]
    fn what_gemini_thought_is_part_of_the_output_and_its_last_event_is_known_by_the_reason() {
        let first = br#"{"candidates":[{"content":{"parts":[{"text":"hello"}]}}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2}}"#;
        let last = br#"{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":3,"thoughtsTokenCount":50,"toolUsePromptTokenCount":7}}"#;
        let mut tally = of(Dialect::Gemini);
        assert_eq!(tally.note(first), Seen::Other);
        assert_eq!(tally.complete(&BOUND).1, UsageSource::Estimated);
        assert_eq!(tally.note(last), Seen::Last);
        let usage = Usage { input: 17, cached_input: 4, output: 53, reasoning: 50, ..Usage::default() };
        assert_eq!(tally.complete(&BOUND), (usage, UsageSource::Upstream));
    }
}
