//! JSON as it is written: fields stay in the order they were given, and what is quoted stays as it came, so that a schema
//! reaches the model in the order its author chose.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

#[derive(Clone, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    Whole(u64),
    Text(String),
    /// A value as someone else wrote it.
    Raw(Box<RawValue>),
    List(Vec<Json>),
    Object(Vec<(Cow<'static, str>, Json)>),
}

/// `object! { "type": "text", "text": said }`.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::proxy::dialect::json::Json::Object(vec![$(($name.into(), $crate::proxy::dialect::json::Json::from($value))),*])
    };
}
pub(crate) use object;

impl Json {
    /// A value that is JSON already; `None` where it is not.
    pub fn raw(text: &str) -> Option<Self> {
        RawValue::from_string(text.trim().to_owned()).ok().map(Self::Raw)
    }

    /// An object that is JSON already; `None` where it is something else. Nothing at all is the empty object.
    pub fn raw_object(text: &str) -> Option<Self> {
        match text.trim() {
            "" => Some(object! {}),
            text => Self::raw(text).filter(|_| text.starts_with('{')),
        }
    }

    /// Adds a field to an object.
    pub fn set(&mut self, name: &'static str, value: impl Into<Json>) {
        if let Self::Object(fields) = self {
            fields.push((name.into(), value.into()));
        }
    }

    /// Adds a field to an object, where there is something to say.
    pub fn set_some<T: Into<Json>>(&mut self, name: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Adds a list to an object, where it has anything in it.
    pub fn set_list(&mut self, name: &'static str, list: Vec<Json>) {
        if !list.is_empty() {
            self.set(name, list);
        }
    }

    /// A field of an object that was put together here.
    pub fn field(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(fields) => fields.iter().find(|(other, _)| other == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Object(fields) if fields.is_empty())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Whole(value) => to.serialize_u64(*value),
            Self::Text(text) => to.serialize_str(text),
            Self::Raw(raw) => raw.serialize(to),
            Self::List(list) => to.collect_seq(list),
            Self::Object(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Vec<Json>> for Json {
    fn from(list: Vec<Json>) -> Self {
        Self::List(list)
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self::Raw(raw.to_owned())
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_in_order_and_quotes_stay_as_they_came() {
        let mut body = object! { "z": "ä\n", "a": 7, "n": None::<u64> };
        body.set_some("raw", Json::raw(r#" {"y": 1e3, "x":[ ]} "#));
        body.set_list("none", Vec::new());
        assert_eq!(body.to_string(), r#"{"z":"ä\n","a":7,"n":null,"raw":{"y": 1e3, "x":[ ]}}"#);
        assert!(Json::raw("{").is_none() && Json::raw_object("[]").is_none());
        assert_eq!(Json::raw_object("").map(|empty| empty.to_string()).as_deref(), Some("{}"));
    }
}
