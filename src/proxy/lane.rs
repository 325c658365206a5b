//! The ways that a call may go, each with the call as the provider there reads it.

use super::builtin;
use super::call::Ask;
use super::dialect::{self, Asked, Carried, Dialect, Fault};
use super::error::upstream_failed;
use crate::domain::provider::{Provider, ProviderKind};
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::domain::service::Service;
use crate::gateway::ways::Way;

/// One way, and the call as it goes there.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub way: Way,
    pub ask: Ask,
    /// The provider speaks as the caller does, and is sent the caller's own bytes.
    pub is_the_callers_own: bool,
    /// Fields that have no place there and change no answer.
    pub left_out: Vec<String>,
    /// Its answers are held to one call of a tool, which it cannot be told itself.
    pub one_call: bool,
}

impl Lane {
    pub(super) fn is_builtin(&self) -> bool {
        self.way.upstream.provider.kind == ProviderKind::Builtin
    }

    /// How the provider answers. The built-in one reads every dialect, and answers in OpenAI's.
    pub(super) fn speaks(&self) -> Dialect {
        if self.is_builtin() { Dialect::Openai } else { self.ask.dialect }
    }

    /// The field by which an OpenAI-compatible provider is told the most that it may answer: the one that bounds the
    /// answer whatever the model, and that it is sure to read.
    pub(super) fn bound_field(&self) -> &'static str {
        // There is no other for what was there before chats.
        if self.ask.service.is_some() { "max_tokens" } else { bound_field(&self.way) }
    }
}

/// How a provider is asked by a caller of this dialect. OpenAI speaks two.
fn spoken(provider: &Provider, by: Dialect) -> Dialect {
    match provider.kind {
        ProviderKind::Openai | ProviderKind::Azure if by == Dialect::Responses && provider.speaks_responses() => by,
        ProviderKind::Openai | ProviderKind::Azure | ProviderKind::Builtin => Dialect::Openai,
        ProviderKind::Anthropic => Dialect::Anthropic,
        ProviderKind::Gemini => Dialect::Gemini,
    }
}

fn bound_field(way: &Way) -> &'static str {
    let provider = &way.upstream.provider;
    let is_openai = ["api.openai.com", ".openai.azure.com"].iter().any(|host| provider.base_url.contains(host));
    if is_openai || provider.kind == ProviderKind::Azure { "max_completion_tokens" } else { "max_tokens" }
}

/// A body larger than this, in bytes, is carried over off the async threads.
const LARGE: usize = 256 << 10;

/// The lanes of a call, in the order of their ways. A way whose provider cannot be told all that the caller asks for is
/// none, as long as there is another.
///
/// # Errors
/// 400 with the first field that cannot be carried over, where no way is left.
pub(super) async fn lanes(ask: &Ask, ways: Vec<Way>) -> Result<Vec<Lane>, Refusal> {
    if ask.body().len() <= LARGE {
        return at_once(ask, ways);
    }
    let ask = ask.clone();
    let carried = tokio::task::spawn_blocking(move || at_once(&ask, ways)).await;
    carried.unwrap_or_else(|_| Err(upstream_failed("The call could not be carried over to its provider.")))
}

fn at_once(ask: &Ask, ways: Vec<Way>) -> Result<Vec<Lane>, Refusal> {
    let (mut lanes, mut fault) = (Vec::with_capacity(ways.len()), None);
    for way in ways {
        match lane(ask, way) {
            Ok(lane) => lanes.push(lane),
            Err(refusal) => {
                fault.get_or_insert(refusal);
            }
        }
    }
    match fault {
        Some(refusal) if lanes.is_empty() => Err(refusal),
        _ => Ok(lanes),
    }
}

fn not_served(service: Service, way: &Way) -> Refusal {
    let (endpoint, provider) = (service.endpoint(), &way.upstream.provider);
    let message = format!(
        "The provider of this model, {:?}, does not serve {endpoint}: it speaks {}'s API. Name a model of another.",
        provider.name,
        provider.kind.title()
    );
    Refusal { retry: Retry::Never, ..Refusal::new(Code::InvalidBody, message) }.about("model")
}

fn lane(ask: &Ask, way: Way) -> Result<Lane, Refusal> {
    let kind = way.upstream.provider.kind;
    if let Some(service) = ask.service.filter(|service| !kind.serves(*service)) {
        return Err(not_served(service, &way));
    }
    if kind == ProviderKind::Builtin {
        builtin::is_small(ask)?;
    }
    let to = spoken(&way.upstream.provider, ask.dialect);
    if to == ask.dialect || ask.service.is_some() || kind == ProviderKind::Builtin {
        let ask = ask.clone();
        return Ok(Lane { way, ask, is_the_callers_own: true, left_out: Vec::new(), one_call: false });
    }
    let asked = Asked { model: &way.upstream_model, bound_field: bound_field(&way) };
    let carried = dialect::carried(ask.body(), ask.dialect, ask.stream, to, &asked);
    let Carried { body, left_out, one_call } =
        carried.map_err(|Fault { field, message }| Refusal::new(Code::InvalidBody, message).about(&field))?;
    let ask = ask.rewritten(to, body, &way.upstream_model)?;
    Ok(Lane { way, ask, is_the_callers_own: false, left_out, one_call })
}
