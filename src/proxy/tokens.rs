//! Input tokens of a chat: what admission is told before anything is counted, and the count where that does not fit.
//!
//! A token of a byte-level encoding is at least one byte, so the body's own length bounds what its text can come to,
//! and most calls are admitted on that. Only a call that a limit has no room for is counted.

use super::builtin;
use super::dialect::Dialect;
use super::lane::Lane;
use super::prompt::Prompt;
use super::vocabulary::{Family, Vocabularies};
use crate::domain::limit::Measure;
use crate::domain::model::Model;
use crate::domain::refusal::{Code, Figure, Refusal};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// So many calls are counted at once, so that those near their limits cannot take the machine from those that are
/// not.
static COUNTERS: Semaphore = Semaphore::const_new(2);

/// Text longer than this, in bytes, is not counted: it is more than any context takes, and the worst of it would keep
/// a core busy for a second.
const LONGEST_TEXT: usize = 4 << 20;

/// OpenAI's count of a chat: each message, each name in one, and the answer's opening, beside their texts.
/// Source: cookbook.openai.com, "How to count tokens with tiktoken", for `gpt-3.5-turbo`, `gpt-4` and later; the o
/// series and `gpt-5` report one token less.
const MESSAGE: u64 = 3;
const NAME: u64 = 1;
const OPENING: u64 = 3;
/// A margin for each text after a message's first: whether they are joined before they are encoded is not documented.
const FURTHER_TEXT: u64 = 3;

/// Chat templates of other families add more: about 5 tokens a message, and a system prompt or an explanation of tools
/// of their own that is 20 to 200 tokens long (Llama, Qwen, gpt-oss). These are bounds of that.
const TEMPLATE_MESSAGE: u64 = 16;
const TEMPLATE: u64 = 256;

/// What a request's input comes to, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Input {
    /// Never less than the upstream will count.
    pub most: u64,
    /// What is charged where no upstream says.
    pub likely: u64,
    /// Whether `most` is what it says. There are parts of which nobody can say what they come to, in a model of which
    /// nobody has said how much it takes.
    pub is_bounded: bool,
}

/// The input as it is known without counting: exact for the built-in provider, the body's bytes for others, of which
/// four are likely to be a token. Images are worth what their model takes for one, not their base64. The largest of all
/// lanes, since the call may take each of them.
pub(super) fn uncounted(lanes: &[Lane]) -> Input {
    if let Some(first) = lanes.first().filter(|_| lanes.iter().all(Lane::is_builtin)) {
        let words = builtin::ceiling(&first.way.upstream_model, &first.ask).input;
        return Input { most: words, likely: words, is_bounded: true };
    }
    let each = lanes.iter().map(|lane| of_lane(lane, &lane.way.model));
    let first = Input { most: 0, likely: 0, is_bounded: true };
    each.fold(first, |all, one| Input {
        most: all.most.max(one.most),
        likely: all.likely.max(one.likely),
        is_bounded: all.is_bounded && one.is_bounded,
    })
}

fn of_lane(lane: &Lane, model: &Model) -> Input {
    let ask = &lane.ask;
    if let Some(input) = ask.input {
        let contexts = model.context_length.map(|context| context.saturating_mul(ask.contexts));
        return match contexts.filter(|_| !input.is_bounded) {
            Some(most) => Input { most, likely: input.likely.min(most), is_bounded: true },
            None => input,
        };
    }
    let body = ask.body().len() as u64;
    let most = body.saturating_add(explained(lane));
    let prompt = if ask.has_parts { Prompt::read(ask.dialect, ask.body()) } else { None };
    match prompt.filter(|prompt| prompt.images > 0 || prompt.has_unbounded) {
        None => Input { most, likely: body.div_ceil(4), is_bounded: true },
        Some(prompt) => match media(&prompt, lane) {
            Some(media) => {
                let text = body.saturating_sub(prompt.image_bytes);
                let likely = text.div_ceil(4).saturating_add(media);
                Input { most: most.saturating_sub(prompt.image_bytes).saturating_add(media), likely, is_bounded: true }
            }
            // Nobody can say what a file or a sound comes to, but a model takes no more than its context.
            None => {
                let most = model.context_length.unwrap_or(body);
                Input { most, likely: body.div_ceil(4).min(most), is_bounded: model.context_length.is_some() }
            }
        },
    }
}

/// What the provider itself says to the model of tools. Source: docs.claude.com, "Tool use", 281 to 530 tokens; this is
/// a bound of that.
fn explained(lane: &Lane) -> u64 {
    if lane.ask.dialect == Dialect::Anthropic && lane.ask.has_tools { 1_024 } else { 0 }
}

/// Whether the refusal might not have been, had the input been counted: its limit has some room left, but not so much
/// as the uncounted input asks for.
pub(super) fn may_help(refusal: &Refusal) -> bool {
    if matches!(refusal.code, Code::RequestCostExceedsKeyCap | Code::ContextLengthExceeded) {
        return true;
    }
    let value = |figure: &Figure| match figure {
        Figure::Count(count) => *count,
        Figure::Money(money) => money.nanos(),
    };
    refusal.detail.as_ref().is_some_and(|short| {
        let taken = value(&short.used).saturating_add(value(&short.held));
        short.measure != Measure::Requests && taken < value(&short.max)
    })
}

/// The input counted, off the async threads: exact where every way leads to a model whose tokenizer is known, else the
/// bytes of its text and the most that a chat template adds. `None` where that is no less than it is without counting.
pub(super) async fn counted(vocabularies: &Arc<Vocabularies>, lanes: &[Lane], uncounted: Input) -> Option<Input> {
    let mut counting: Vec<(Family, Lane)> = Vec::new();
    for lane in lanes.iter().filter(|lane| !lane.is_builtin()) {
        let family = Family::of(&lane.way.upstream_model);
        // Lanes that lead to the same family in the same words come to the same.
        if !counting.iter().any(|(other, one)| *other == family && one.ask.body() == lane.ask.body()) {
            counting.push((family, lane.clone()));
        }
    }
    if counting.is_empty() {
        return None;
    }
    let is_exact = counting.iter().all(|(family, _)| *family != Family::Unknown);
    let (lanes, vocabularies) = (lanes.to_vec(), Arc::clone(vocabularies));
    let permit = COUNTERS.acquire().await.ok()?;
    let count = move || {
        let _permit = permit;
        let (mut most, mut all_media) = (0_u64, 0);
        for (family, lane) in &counting {
            let prompt = match lane.ask.service {
                Some(service) => Prompt::of(service, lane.ask.body())?,
                None => Prompt::read(lane.ask.dialect, lane.ask.body())?,
            };
            let same = lanes.iter().filter(|other| other.ask.body() == lane.ask.body());
            let media = same.map(|lane| media(&prompt, lane)).collect::<Option<Vec<u64>>>()?.into_iter().max()?;
            let text = of_family(*family, &vocabularies, &prompt).saturating_add(explained(lane));
            most = most.max(text.saturating_add(media));
            all_media = all_media.max(media);
        }
        let likely = if is_exact && all_media == 0 { most } else { uncounted.likely.min(most) };
        (most < uncounted.most).then_some(Input { most, likely, is_bounded: true })
    };
    // A count that died of a bug leaves the refusal as it was.
    tokio::task::spawn_blocking(count).await.ok().flatten()
}

fn of_family(family: Family, vocabularies: &Vocabularies, prompt: &Prompt) -> u64 {
    let length: usize = prompt.texts.iter().map(|text| text.len()).sum();
    let each = |text: &String| match family {
        Family::Unknown => text.len() as u64,
        _ if length > LONGEST_TEXT => text.len() as u64,
        known => vocabularies.count(known, text),
    };
    let texts: u64 = prompt.texts.iter().map(each).sum();
    let around = match family {
        Family::Unknown if prompt.is_plain => prompt.tokens + prompt.around,
        _ if prompt.is_plain => prompt.tokens,
        Family::Unknown => TEMPLATE + TEMPLATE_MESSAGE * prompt.messages,
        _ => OPENING + MESSAGE * prompt.messages + NAME * prompt.names,
    };
    texts + around + FURTHER_TEXT * prompt.further_texts + prompt.other_bytes
}

/// The most tokens that the images come to on this lane; `None` where nobody can say.
fn media(prompt: &Prompt, lane: &Lane) -> Option<u64> {
    if prompt.has_unbounded {
        return None;
    }
    if prompt.images == 0 || lane.is_builtin() {
        return Some(0);
    }
    Some(prompt.images.saturating_mul(super::vocabulary::largest_image(&lane.way.upstream_model)?))
}
