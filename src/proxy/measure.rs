//! What a call may use at most, and is likely to, where that is more than a text: pictures by their size, sounds by how long
//! they last, a reading by its characters.

use super::builtin;
use super::call::{Ask, Media};
use super::lane::Lane;
use super::picture::picture;
use super::tokens::Input;
use super::upstream;
use crate::domain::model::Model;
use crate::domain::price::Price;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::domain::service::Service;
use crate::domain::usage::Units;
use crate::gateway::admit::{Ceiling, Output};

/// Tokens of a second of sound: no published encoder makes more than 50 frames of it (Whisper's; Gemini's makes 32,
/// OpenAI's speech models 10). Most models make about ten.
const MOST_HEARD: u64 = 50;
const LIKELY_HEARD: u64 = 10;
/// What is written down of it: Whisper's decoder writes at most 448 tokens for each half minute.
const MOST_WRITTEN: u64 = 15;
const WINDOW: u64 = 448;
/// Tokens of a character that is read out, in halves: fifteen characters a second, 21 tokens.
const LIKELY_SPOKEN: u64 = 3;

/// What a call comes to.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub input: Input,
    output: Output,
    /// Whether the output is no more than that.
    is_bounded: bool,
    units: Units,
    variant: String,
    pub likely: Likely,
}

/// What it used, where no upstream says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Likely {
    /// Output tokens of an answer that is no text.
    pub output: u64,
    /// What is no token, as far as it costs anything.
    pub units: Units,
    /// Pictures or sounds whose model is priced by tokens.
    pub by_tokens: bool,
    /// That is known, and not likely.
    pub is_exact: bool,
}

impl Measured {
    pub(super) fn of(ask: &Ask, lanes: &[Lane], model: &Model, input: Input) -> Self {
        let rates = match &model.price {
            Some(Price::Rates(rates)) => Some(rates),
            Some(Price::Free) | None => None,
        };
        let Media { pictures, characters, most_heard_ms, likely_heard_ms, searches, .. } = ask.media;
        let units = Units { images: pictures, characters, audio_ms: most_heard_ms, searches, ..Units::NONE };
        let is_media = ask.service.is_some_and(Service::is_of_media);
        let by_tokens = is_media && rates.is_some_and(|rates| !rates.tokens.is_empty());
        let by_seconds = rates.is_some_and(|rates| rates.per_second.is_some() || !rates.per_second_by.is_empty());
        let by_searches = rates.is_some_and(|rates| rates.per_search.is_some());
        let likely = Likely {
            output: 0,
            units: Units {
                audio_ms: if by_seconds { likely_heard_ms } else { 0 },
                searches: if by_searches { searches } else { 0 },
                ..units
            },
            by_tokens,
            is_exact: ask.service == Some(Service::Speech) && (!by_tokens || upstream::is_exact(lanes)),
        };
        let variant = ask.media.variant();
        let plain = Self { input, output: ask.output, is_bounded: true, units, variant, likely };
        match ask.service {
            Some(service) if is_media => plain.of_media(service, &ask.media, lanes, model),
            _ => plain,
        }
    }

    fn of_media(self, service: Service, media: &Media, lanes: &[Lane], model: &Model) -> Self {
        if let Some(first) = lanes.first().filter(|_| lanes.iter().all(Lane::is_builtin)) {
            let ceiling = builtin::ceiling(&first.way.upstream_model, &first.ask);
            let output = match ceiling.output {
                Output::Declared(output) => output,
                Output::Open { .. } => 0,
            };
            return self.answering(Some(output), output);
        }
        // What is priced otherwise, or not at all, is not counted in tokens either.
        if !self.likely.by_tokens {
            let input = Input { most: 0, likely: 0, is_bounded: true };
            return Self { input, ..self.answering(Some(0), 0) };
        }
        let longest = model.max_output_tokens;
        match service {
            Service::Speech => self.answering(longest, media.characters * LIKELY_SPOKEN / 2),
            Service::Images | Service::ImageEdits => self.drawing(media, lanes, longest),
            _ => self.hearing(media, model),
        }
    }

    /// So many output tokens at most, if anyone can say, and so many likely.
    fn answering(self, most: Option<u64>, likely: u64) -> Self {
        let (output, is_bounded) = (Output::Declared(most.unwrap_or(likely)), most.is_some());
        Self { output, is_bounded, likely: Likely { output: likely, ..self.likely }, ..self }
    }

    fn drawing(self, media: &Media, lanes: &[Lane], longest: Option<u64>) -> Self {
        let each = |lane: &Lane| picture(&lane.way.upstream_model, &media.quality, &media.size);
        let known: Option<Vec<_>> = lanes.iter().map(each).collect();
        let known = known.and_then(|known| known.into_iter().reduce(|one, other| one.max(other)));
        let looked_at = known.as_ref().map(|picture| picture.looked_at.saturating_mul(media.looked_at));
        let input = match looked_at.filter(|_| !self.input.is_bounded) {
            Some(looked_at) => {
                let (most, likely) = (self.input.most + looked_at, self.input.likely + looked_at);
                Input { most, likely, is_bounded: true }
            }
            None => self.input,
        };
        let each = known.map(|picture| picture.drawn + picture.previewed * media.previews).or(longest);
        let most = each.map(|each| each.saturating_mul(media.pictures));
        Self { input, ..self }.answering(most, most.unwrap_or(0))
    }

    fn hearing(self, media: &Media, model: &Model) -> Self {
        let seconds = |ms: u64| ms.div_ceil(1_000);
        let most = self.input.most.saturating_add(seconds(media.most_heard_ms).saturating_mul(MOST_HEARD));
        let likely = self.input.likely.saturating_add(seconds(media.likely_heard_ms).saturating_mul(LIKELY_HEARD));
        let most = most.min(model.context_length.unwrap_or(u64::MAX));
        let input = Input { most, likely: likely.min(most), is_bounded: true };
        let written = seconds(media.most_heard_ms).saturating_mul(MOST_WRITTEN).saturating_add(WINDOW);
        let written = written.min(model.max_output_tokens.unwrap_or(u64::MAX));
        Self { input, ..self }.answering(Some(written), 0)
    }

    /// Whether that bounds the call as far as its key needs.
    ///
    /// # Errors
    /// 400 for what nobody can bound.
    pub(super) fn fits(&self, ask: &Ask) -> Result<(), Refusal> {
        ask.is_bounded(self.input)?;
        if self.is_bounded || !ask.must_bound_input() {
            return Ok(());
        }
        let message = "Nobody can say beforehand how many tokens this model answers with, so a key with limits may not ask \
                       for it. Ask an admin to enter how many it answers with at most, or use a key without limits.";
        Err(Refusal { retry: Retry::Never, ..Refusal::new(Code::InvalidBody, message) }.about("model"))
    }

    pub(super) fn ceiling(&self, lanes: &[Lane]) -> Ceiling {
        let ceiling = upstream::ceiling(lanes, self.output, self.input);
        Ceiling { units: self.units, variant: self.variant.clone(), ..ceiling }
    }
}
