//! What a completion or an embedding reads.

use super::{Fields, Prompt, UNSEEN};
use crate::domain::service::Service;
use crate::proxy::call::Texts;

/// Fields of theirs that chats do not have, and that no model sees.
const UNSEEN_HERE: [&str; 4] = ["best_of", "dimensions", "echo", "encoding_format"];
/// What a tokenizer may write around a text.
const AROUND: u64 = 4;

pub(super) fn prompt(service: Service, body: &[u8]) -> Option<Prompt> {
    let read = match service {
        Service::Completions => "prompt",
        Service::Embeddings => "input",
        _ => return None,
    };
    let mut prompt = Prompt { is_plain: true, around: AROUND, ..Prompt::default() };
    for (name, value) in serde_json::from_slice::<Fields>(body).ok()?.0 {
        match name.as_str() {
            field if field == read && value.get() == "null" => {}
            field if field == read => {
                let given = Texts::read(value)?;
                prompt.tokens += given.tokens();
                prompt.around += AROUND * given.count();
                prompt.texts.extend_from_slice(given.texts());
            }
            "suffix" => prompt.text(value),
            unseen if UNSEEN.contains(&unseen) || UNSEEN_HERE.contains(&unseen) => {}
            _ => prompt.other(value),
        }
    }
    Some(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_tokens_are_told_apart_and_what_says_how_to_answer_is_not_read() {
        let of = |service, body: &str| prompt(service, body.as_bytes()).expect("a prompt");
        let one = of(Service::Completions, r#"{"model":"m","prompt":["a","b"],"suffix":"c","best_of":3,"new":17}"#);
        assert_eq!((one.texts.concat().as_str(), one.tokens, one.around, one.other_bytes), ("abc", 0, 12, 2));
        let other = of(Service::Embeddings, r#"{"input":[[1,2,3],[4]],"dimensions":8}"#);
        assert_eq!((other.texts.len(), other.tokens), (0, 4));
        assert!(prompt(Service::Embeddings, br#"{"input":[{"image":"x"}]}"#).is_none());
    }
}
