//! Reads JSON strictly: every field is known, and whatever cannot be read is named by its path.

use super::problem::body_too_large;
use crate::domain::problem::{FieldProblem, Problem, ProblemKind};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// Bodies above this are refused unread, in bytes. The largest honest one, a key with 1,000 models, is a fifth of it.
pub const LARGEST: usize = 1 << 20;

/// A request's body, which must be a JSON object. Its media type is not asked: whoever holds the token means it.
#[derive(Debug)]
pub struct Object(pub Map<String, Value>);

/// A body that may be left out, where there is nothing to add.
#[derive(Debug)]
pub struct Optional(pub Map<String, Value>);

/// A body that may be `null`, where that takes away what the path names.
#[derive(Debug)]
pub struct Nullable(pub Option<Map<String, Value>>);

/// What a body holds; nothing at all where it is empty.
async fn given<S: Send + Sync>(request: Request, state: &S) -> Result<Option<Value>, Response> {
    let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => body_too_large(),
        _ => unusable("The body broke off."),
    })?;
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(_) if bytes.trim_ascii().is_empty() => Ok(None),
        Err(error) => Err(unusable(&format!("The body is not JSON: {error}."))),
    }
}

fn unusable(message: &str) -> Response {
    Problem::new(ProblemKind::Invalid, message).into_response()
}

const NO_OBJECT: &str = "The body must be a JSON object.";
const EMPTY: &str = "The body is empty; send a JSON object.";

impl<S: Send + Sync> FromRequest<S> for Object {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match given(request, state).await? {
            Some(Value::Object(object)) => Ok(Self(object)),
            Some(_) => Err(unusable(NO_OBJECT)),
            None => Err(unusable(EMPTY)),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Optional {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match given(request, state).await? {
            Some(Value::Object(object)) => Ok(Self(object)),
            Some(_) => Err(unusable(NO_OBJECT)),
            None => Ok(Self(Map::new())),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Nullable {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match given(request, state).await? {
            Some(Value::Object(object)) => Ok(Self(Some(object))),
            Some(Value::Null) => Ok(Self(None)),
            Some(_) => Err(unusable(NO_OBJECT)),
            None => Err(unusable(EMPTY)),
        }
    }
}

/// Makes what the object says. `noun` is what its members are called: a field, a filter.
///
/// # Errors
/// Where a member is unknown, missing, or of another kind, by its path.
pub fn read<T: DeserializeOwned>(object: Value, noun: &str) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Strict(object)).map_err(|error| {
        let path = error.path().to_string();
        unreadable(if path == "." { "" } else { &path }, &error.into_inner().to_string(), noun)
    })
}

/// A value that is no object makes no object. Serde's derived structs would take `[60]` for `{"rpm":60}`, field by
/// field in their order, which no caller can mean.
struct Strict(Value);

impl<'de> Deserializer<'de> for Strict {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Object(members) => {
                visitor.visit_map(MapDeserializer::new(members.into_iter().map(|(name, value)| (name, Self(value)))))
            }
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self))),
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(_) => Err(serde::de::Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, serde_json::Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Turns serde's sentence into ours. Its wording is stable; should it change, its own sentence is passed on.
fn unreadable(path: &str, said: &str, noun: &str) -> Problem {
    if let Some(rest) = said.strip_prefix("unknown field `") {
        let known = rest.split_once("expected ").map(|(_, known)| format!(" Known here: {}.", known_names(known)));
        let message = format!("There is no {noun} `{path}`.{}", known.unwrap_or_default());
        let fields = vec![FieldProblem { field: path.to_owned(), message: message.clone() }];
        return Problem { kind: ProblemKind::UnknownField, message, fields };
    }
    if let Some(name) = said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        return Problem::field(&path, format!("`{path}` is required."));
    }
    let mistaken = said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    let reason = match mistaken.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((given, expected)) => format!("expected {}, not {given}", plain(expected)),
        None => said.to_owned(),
    };
    match path {
        "" => Problem::new(ProblemKind::Invalid, format!("The body cannot be read: {reason}.")),
        _ => Problem::field(path, format!("`{path}`: {reason}.")),
    }
}

/// ``one of `a`, `b` `` and `` `a` or `b` `` alike.
fn known_names(expected: &str) -> &str {
    expected.strip_prefix("one of ").unwrap_or(expected)
}

/// What serde expects, as people say it.
fn plain(expected: &str) -> &str {
    match expected {
        "u32" | "u64" => "a whole number from 0 up",
        "a string" => "text in quotes",
        "a sequence" => "a list",
        "a boolean" => "true or false",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}
