//! Services that read texts: completions, embeddings, moderations, rerank; each as far as the gate reads it.

use super::openai;
use super::splice::{count, flag, invalid, place, raw, unreadable};
use super::{Ask, Media, Places};
use crate::domain::refusal::Refusal;
use crate::domain::service::Service;
use crate::gateway::admit::Output;
use crate::proxy::tokens::Input;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Words that a completion has where nobody says. Source: OpenAI's API reference, "Create completion".
const COMPLETION: u64 = 16;
/// What a tokenizer may write around a text: where it begins, ends, and is parted from another.
const AROUND: u64 = 4;
/// Documents in a unit of search, and the tokens of one. Source: Cohere's pricing, "Rerank".
const DOCUMENTS: u64 = 100;
const LONGEST_DOCUMENT: u64 = 500;
/// The model that OpenAI takes for moderations where none is named.
pub(super) const MODERATOR: &str = "omni-moderation-latest";

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    model: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    n: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    best_of: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    prompt: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    input: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    query: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    documents: Option<&'a RawValue>,
}

/// Texts as a request writes them: as they are, or as the tokens that they come to.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::proxy) enum Texts {
    One(String),
    Tokens(Vec<u64>),
    Many(Vec<String>),
    ManyTokens(Vec<Vec<u64>>),
}

impl Texts {
    /// `None` where it is something else, such as images.
    pub(in crate::proxy) fn read(raw: &RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    pub(in crate::proxy) fn count(&self) -> u64 {
        match self {
            Texts::One(_) | Texts::Tokens(_) => 1,
            Texts::Many(texts) => texts.len() as u64,
            Texts::ManyTokens(lists) => lists.len() as u64,
        }
    }

    /// Tokens that are counted already.
    pub(in crate::proxy) fn tokens(&self) -> u64 {
        match self {
            Texts::One(_) | Texts::Many(_) => 0,
            Texts::Tokens(tokens) => tokens.len() as u64,
            Texts::ManyTokens(lists) => lists.iter().map(|tokens| tokens.len() as u64).sum(),
        }
    }

    pub(in crate::proxy) fn texts(&self) -> &[String] {
        match self {
            Texts::One(text) => std::slice::from_ref(text),
            Texts::Many(texts) => texts,
            Texts::Tokens(_) | Texts::ManyTokens(_) => &[],
        }
    }

    fn input(&self) -> Input {
        let bytes: u64 = self.texts().iter().map(|text| text.len() as u64).sum();
        let most = self.tokens() + bytes + AROUND * self.count();
        Input { most, likely: self.tokens() + bytes.div_ceil(4), is_bounded: true }
    }
}

/// # Errors
/// 400 for each field that is not what OpenAI's API says it is.
pub(super) fn read(service: Service, body: Bytes, model: String) -> Result<Ask, Refusal> {
    let fields: Fields = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    match service {
        Service::Completions => completion(&fields, &body, model),
        Service::Rerank => {
            let (input, searches) = reranked(&fields)?;
            let media = Media { searches, ..Media::default() };
            let places = Places::Named(fields.model.map(|raw| place(&body, raw)));
            Ok(Ask { input: Some(input), media, ..Ask::plain(service, model, body, places) })
        }
        _ => {
            let given = fields.input.ok_or_else(|| invalid("input", "The request has no \"input\"."))?;
            // Images, or something new: nobody can say what it comes to.
            let unknown = Input { most: body.len() as u64, likely: body.len() as u64 / 4, is_bounded: false };
            let input = Texts::read(given).map_or(unknown, |texts| texts.input());
            let places = Places::Named(fields.model.map(|raw| place(&body, raw)));
            Ok(Ask { input: Some(input), ..Ask::plain(service, model, body, places) })
        }
    }
}

fn completion(fields: &Fields, body: &Bytes, model: String) -> Result<Ask, Refusal> {
    let wrong = || invalid("prompt", "\"prompt\" must be a text, a list of texts, or their tokens.");
    let given = fields.prompt.filter(|prompt| prompt.get() != "null");
    let prompt = given.map(|prompt| Texts::read(prompt).ok_or_else(wrong)).transpose()?;
    let stream = flag("stream", fields.stream)?;
    let (n, best_of) = (count("n", fields.n)?.unwrap_or(1), count("best_of", fields.best_of)?.unwrap_or(1));
    for (field, number) in [("n", n), ("best_of", best_of)] {
        if !(1..=128).contains(&number) {
            return Err(invalid(field, &format!("{field:?} must be between 1 and 128.")));
        }
    }
    // Each prompt is answered, and each answer chosen from the best of so many.
    let prompts = prompt.as_ref().map_or(1, Texts::count).max(1);
    let choices = n.max(best_of).saturating_mul(prompts);
    let places = openai::Places::read(body)?;
    let output = Output::Declared(places.says_most().unwrap_or(COMPLETION).saturating_mul(choices));
    let zero = (places.says_most() == Some(0)).then_some("max_tokens");
    // A suffix is read as well, and whatever else there is.
    let beside = body.len() as u64 - given.map_or(0, |prompt| prompt.get().len() as u64);
    let own = prompt.map_or(Input { most: AROUND, likely: 1, is_bounded: true }, |prompt| prompt.input());
    let input = Some(Input { most: own.most + beside, ..own });
    let ask = Ask::plain(Service::Completions, model, body.clone(), Places::Openai(places));
    Ok(Ask { stream, output, choices, zero, input, ..ask })
}

/// The query is read with each document. Answers with the input and with the units of search, which Cohere charges by: a
/// hundred documents, of which one longer than 500 tokens with its query counts as several.
fn reranked(fields: &Fields) -> Result<(Input, u64), Refusal> {
    let query = fields.query.ok_or_else(|| invalid("query", "The request has no \"query\"."))?;
    let wrong = || invalid("documents", "\"documents\" must be a list.");
    let documents = fields.documents.ok_or_else(wrong)?;
    let documents: Vec<&RawValue> = serde_json::from_str(documents.get()).map_err(|_| wrong())?;
    let each = query.get().len() as u64 + AROUND;
    let bytes: u64 = documents.iter().map(|document| document.get().len() as u64 + each).sum();
    // A document may be an image.
    let is_text = |given: &RawValue| given.get().starts_with('"') || !given.get().contains("image");
    let is_bounded = is_text(query) && documents.iter().all(|document| is_text(document));
    let room = LONGEST_DOCUMENT.saturating_sub(each).max(LONGEST_DOCUMENT / 2);
    let counted: u64 = documents.iter().map(|document| (document.get().len() as u64).div_ceil(room)).sum();
    let searches = counted.div_ceil(DOCUMENTS).max(1);
    Ok((Input { most: bytes, likely: bytes.div_ceil(4), is_bounded }, searches))
}
