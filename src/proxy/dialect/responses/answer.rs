//! A response that is not streamed, and the head that every event of a stream with a response in it bears.

use super::{call_item, incomplete, item_id, message_item, reasoning_item, text_part, whole_arguments};
use crate::domain::usage::Usage;
use crate::proxy::dialect::fields::Ordered;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Answer, Call, Finish, Heading, Thought, Utterance};

/// Settings of the request that its response says again, and what stands there where the request does not say them.
const ECHOED: [(&str, &str); 17] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", "{\"effort\":null,\"summary\":null}"),
    ("safety_identifier", "null"),
    ("store", "true"),
    ("temperature", "1"),
    ("text", "{\"format\":{\"type\":\"text\"}}"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_p", "1"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

/// What a response says again of the request that it answers.
pub fn echo(request: &[u8]) -> Vec<(&'static str, Json)> {
    let Ordered(given) = serde_json::from_slice(request).unwrap_or(Ordered(Vec::new()));
    let said = |name: &str| given.iter().find(|(other, value)| other == name && value.get() != "null");
    let each = ECHOED.iter().map(|(name, otherwise)| {
        let text = said(name).map_or(*otherwise, |(_, value)| value.get());
        (*name, Json::raw(text).unwrap_or(Json::Null))
    });
    each.collect()
}

/// A response in whatever state. `error` is the dialect's own error object.
pub fn response(
    heading: &Heading,
    status: &str,
    finish: &Finish,
    error: Option<Json>,
    output: Vec<Json>,
    usage: Option<&Usage>,
) -> Json {
    let mut response = object! {
        "id": format!("resp_{}", heading.id),
        "object": "response",
        "created_at": heading.created,
        "status": status,
        "background": false,
        "error": error,
        "incomplete_details": incomplete(finish).map(|reason| object! { "reason": reason }),
        "model": &heading.model,
        "output": output,
        "usage": usage.map(self::usage),
    };
    heading.echo.iter().for_each(|(name, value)| response.set(name, value.clone()));
    response
}

/// The items of an answer that its caller may refer to later, with their ids: all, unless the request says otherwise.
pub fn kept(heading: &Heading, output: &[Json]) -> Vec<(String, String)> {
    let refused = |(name, value): &(&str, Json)| *name == "store" && value.to_string() == "false";
    if heading.echo.iter().any(refused) {
        return Vec::new();
    }
    let named = |item: &Json| match item.field("id") {
        Some(Json::Text(id)) => Some((id.clone(), item.to_string())),
        _ => None,
    };
    output.iter().filter_map(named).collect()
}

/// The same of a response that is whole.
pub fn kept_of(heading: &Heading, response: &Json) -> Vec<(String, String)> {
    match response.field("output") {
        Some(Json::List(output)) => kept(heading, output),
        _ => Vec::new(),
    }
}

/// The status of a response that is over.
pub fn status(finish: &Finish) -> &'static str {
    if incomplete(finish).is_some() { "incomplete" } else { "completed" }
}

pub fn write(answer: &Answer, heading: &Heading, usage: &Usage) -> Json {
    // There is one answer in a response.
    let (said, finish) = match answer.choices.first() {
        Some(choice) => (choice.said.as_slice(), &choice.finish),
        None => (&[][..], &Finish::Stop),
    };
    let mut output: Vec<Json> = Vec::new();
    let mut rest = said;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let number = output.len() as u64;
        output.push(match first {
            Utterance::Thought(Thought { text, seal }) => {
                reasoning_item(&item_id("rs", &heading.id, number), text, seal.as_ref())
            }
            Utterance::Call(call) => {
                let call = Call { arguments: whole_arguments(&call.arguments).to_owned(), ..call.clone() };
                call_item(&item_id("fc", &heading.id, number), status_of(finish, rest), &call)
            }
            Utterance::Text(text) => {
                let mut text = text.clone();
                while let Some((Utterance::Text(more), after)) = rest.split_first() {
                    text.push_str(more);
                    rest = after;
                }
                let id = item_id("msg", &heading.id, number);
                message_item(&id, status_of(finish, rest), vec![text_part(&text)])
            }
        });
    }
    response(heading, status(finish), finish, None, output, Some(usage))
}

/// Of an answer that was cut, the last item is the one that is not whole.
fn status_of(finish: &Finish, rest: &[Utterance]) -> &'static str {
    if rest.is_empty() { status(finish) } else { "completed" }
}

pub fn usage(usage: &Usage) -> Json {
    object! {
        "input_tokens": usage.input,
        "input_tokens_details": object! {
            "cached_tokens": usage.cached_input,
            "cache_write_tokens": usage.cache_write.saturating_add(usage.cache_write_1h),
        },
        "output_tokens": usage.output,
        "output_tokens_details": object! { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.total(),
    }
}
