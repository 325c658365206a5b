//! Input tokens of a chat: what admission is told before anything is counted, and the count where that does not fit.
//!
//! A token of a byte-level encoding is at least one byte, so the body's own length bounds what its text can come to,
//! and most calls are admitted on that. Only a call that a limit has no room for is counted.

use super::builtin;
use super::call::Chat;
use super::prompt::Prompt;
use super::vocabulary::{Family, Vocabularies};
use crate::domain::limit::Measure;
use crate::domain::model::Model;
use crate::domain::provider::ProviderKind;
use crate::domain::refusal::{Code, Figure, Refusal};
use crate::gateway::catalog::Way;
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
/// four are likely to be a token. Images are worth what their model takes for one, not their base64.
pub(super) fn uncounted(ways: &[Way], chat: &Chat, model: &Model) -> Input {
    if let Some(first) = ways.first().filter(|_| ways.iter().all(is_builtin)) {
        let words = builtin::ceiling(&first.upstream_model, chat).input;
        return Input { most: words, likely: words, is_bounded: true };
    }
    let body = chat.body().len() as u64;
    let prompt = if chat.has_parts { Prompt::read(chat.body()) } else { None };
    match prompt.filter(|prompt| prompt.images > 0 || prompt.has_unbounded) {
        None => Input { most: body, likely: body.div_ceil(4), is_bounded: true },
        Some(prompt) => match media(&prompt, ways) {
            Some(media) => {
                let text = body.saturating_sub(prompt.image_bytes);
                let (most, likely) = (text.saturating_add(media), text.div_ceil(4).saturating_add(media));
                Input { most, likely, is_bounded: true }
            }
            // Nobody can say what a file or a sound comes to, but a model takes no more than its context.
            None => {
                let most = model.context_length.unwrap_or(body);
                Input { most, likely: body.div_ceil(4).min(most), is_bounded: model.context_length.is_some() }
            }
        },
    }
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
pub(super) async fn counted(
    vocabularies: &Arc<Vocabularies>,
    ways: &[Way],
    chat: &Chat,
    uncounted: Input,
) -> Option<Input> {
    if ways.iter().all(is_builtin) {
        return None;
    }
    let mut families: Vec<Family> = Vec::new();
    for family in ways.iter().filter(|way| !is_builtin(way)).map(|way| Family::of(&way.upstream_model)) {
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let is_exact = !families.contains(&Family::Unknown);
    let (ways, vocabularies, body) = (ways.to_vec(), Arc::clone(vocabularies), chat.body().clone());
    let permit = COUNTERS.acquire().await.ok()?;
    let count = move || {
        let _permit = permit;
        let prompt = Prompt::read(&body)?;
        let media = media(&prompt, &ways)?;
        let most = families.into_iter().map(|family| of_family(family, &vocabularies, &prompt)).max()?;
        let most = most.saturating_add(media);
        let likely = if is_exact && media == 0 { most } else { uncounted.likely.min(most) };
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
        Family::Unknown => TEMPLATE + TEMPLATE_MESSAGE * prompt.messages,
        _ => OPENING + MESSAGE * prompt.messages + NAME * prompt.names,
    };
    texts + around + FURTHER_TEXT * prompt.further_texts + prompt.other_bytes
}

/// The most tokens that the images come to on any of the ways, since the call may take each of them; `None` where nobody can say.
fn media(prompt: &Prompt, ways: &[Way]) -> Option<u64> {
    if prompt.has_unbounded {
        return None;
    }
    if prompt.images == 0 {
        return Some(0);
    }
    let each =
        |way: &Way| if is_builtin(way) { Some(0) } else { super::vocabulary::largest_image(&way.upstream_model) };
    let most = ways.iter().map(each).collect::<Option<Vec<u64>>>()?.into_iter().max()?;
    Some(prompt.images.saturating_mul(most))
}

pub(super) fn is_builtin(way: &Way) -> bool {
    way.upstream.provider.kind == ProviderKind::Builtin
}
