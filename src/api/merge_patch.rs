//! Changes as JSON merge patches (RFC 7396): absent is unchanged, `null` is cleared, objects merge, lists are replaced.

use super::body::read;
use crate::domain::problem::{Check, Problem, ProblemKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What `current` becomes under a patch. `read_only` names what every reader is shown and nobody sets: it may be sent
/// back as it was read, so that an object can be read, edited and sent whole.
///
/// # Errors
/// For each read-only field that would change; where the outcome cannot be read.
pub fn patched<T: DeserializeOwned>(
    current: &impl Serialize,
    patch: Map<String, Value>,
    read_only: &[&str],
) -> Result<T, Problem> {
    let before = serde_json::to_value(current).map_err(|error| {
        tracing::error!(%error, "an object could not be written as JSON");
        Problem::new(ProblemKind::Internal, "The object could not be read; the log says why.")
    })?;
    let mut after = before.clone();
    merge(&mut after, Value::Object(patch));
    let mut check = Check::default();
    for field in read_only {
        let sent = after.as_object_mut().and_then(|after| after.remove(*field)).unwrap_or_default();
        check.that(sent == before[field], field, format!("`{field}` cannot be changed."));
    }
    check.done()?;
    read(after, "field")
}

/// What a new object is made of: `null` says the same as nothing.
///
/// # Errors
/// Where it cannot be read.
pub fn fresh<T: DeserializeOwned>(given: Map<String, Value>) -> Result<T, Problem> {
    let mut object = Value::Object(Map::new());
    merge(&mut object, Value::Object(given));
    read(object, "field")
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(&name);
            }
            value => merge(target.entry(name).or_insert(Value::Null), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_rfc_7396_hold() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, result, "{target} + {patch}");
        }
    }
}
