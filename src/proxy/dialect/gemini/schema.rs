//! Schemas as Gemini's API has them, in the manner of OpenAPI 3.0, made into JSON schemas.

use crate::proxy::dialect::fields::Ordered;
use crate::proxy::dialect::json::Json;
use serde_json::value::RawValue;

/// Deeper than this nothing is made of it: it is passed on as it is.
const DEEPEST: usize = 64;

/// The JSON schema that says the same.
pub fn json_schema(raw: &RawValue) -> Box<RawValue> {
    RawValue::from_string(schema(raw, DEEPEST).to_string()).unwrap_or_else(|_| raw.to_owned())
}

fn schema(raw: &RawValue, depth: usize) -> Json {
    let Ok(Ordered(fields)) = serde_json::from_str(raw.get()) else { return Json::from(raw) };
    if depth == 0 {
        return Json::from(raw);
    }
    let said = |name: &str| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.get());
    let is_nullable = said("nullable") == Some("true");
    let mut written = Vec::new();
    for (name, value) in &fields {
        let value = match name.as_str() {
            // The order is that of the properties themselves.
            "nullable" | "propertyOrdering" | "property_ordering" | "example" => continue,
            "type" => kind(value, is_nullable),
            "properties" | "$defs" | "defs" => each(value, depth),
            "items" | "additionalProperties" | "additional_properties" => schema(value, depth - 1),
            "anyOf" | "any_of" | "oneOf" | "allOf" | "prefixItems" => {
                match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
                    Ok(list) => Json::List(list.into_iter().map(|one| schema(one, depth - 1)).collect()),
                    Err(_) => Json::from(*value),
                }
            }
            // Whole numbers of 64 bits are texts in the JSON of protocol buffers.
            name if name.starts_with("min") || name.starts_with("max") => number(value),
            _ => Json::from(*value),
        };
        let name = match name.as_str() {
            "any_of" => "anyOf".to_owned(),
            "additional_properties" => "additionalProperties".to_owned(),
            name => bound(name).map_or_else(|| name.to_owned(), str::to_owned),
        };
        written.push((name.into(), value));
    }
    Json::Object(written)
}

fn bound(name: &str) -> Option<&'static str> {
    Some(match name {
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        _ => return None,
    })
}

fn kind(value: &RawValue, is_nullable: bool) -> Json {
    let Ok(kind) = serde_json::from_str::<String>(value.get()) else { return Json::from(value) };
    let kind = Json::from(kind.to_ascii_lowercase());
    if is_nullable { Json::List(vec![kind, "null".into()]) } else { kind }
}

fn each(value: &RawValue, depth: usize) -> Json {
    let Ok(Ordered(named)) = serde_json::from_str(value.get()) else { return Json::from(value) };
    Json::Object(named.into_iter().map(|(name, one)| (name.into(), schema(one, depth - 1))).collect())
}

fn number(value: &RawValue) -> Json {
    let text = serde_json::from_str::<String>(value.get()).ok();
    let whole = text.and_then(|text| text.parse::<u64>().ok());
    whole.map_or_else(|| Json::from(value), Json::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_lower_case_what_may_be_null_is_two_types_and_the_order_stays() {
        let given = r#"{"type":"OBJECT","properties":{"zeta":{"type":"STRING","nullable":true},
            "alpha":{"type":"ARRAY","items":{"type":"INTEGER"},"minItems":"1"}},
            "required":["zeta"],"propertyOrdering":["zeta","alpha"]}"#;
        let raw: &RawValue = serde_json::from_str(given).expect("JSON");
        let due = r#"{"type":"object","properties":{"zeta":{"type":["string","null"]},"alpha":{"type":"array","items":{"type":"integer"},"minItems":1}},"required":["zeta"]}"#;
        assert_eq!(json_schema(raw).get(), due);
    }
}
