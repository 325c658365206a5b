//! What a request's address says: names in its path, filters in its query, and where a page of a list begins.

use super::body::read;
use crate::domain::problem::{Problem, ProblemKind};
use crate::gateway::issue::Page;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The one name in a path: an id, or a model's name with its slashes.
#[derive(Debug)]
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // It fails only where the bytes are not UTF-8, and nothing here has such a name.
        let name = Path::<String>::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name)).map_err(|_| Problem::not_found("name"))
    }
}

/// A query, whose every filter must be known and given once.
#[derive(Debug)]
pub struct Filters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Filters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query)
            .map_err(|error| Problem::new(ProblemKind::Invalid, format!("The query cannot be read: {error}.")))?;
        let mut given = Map::new();
        for (name, value) in pairs {
            if given.insert(name.clone(), Value::String(value)).is_some() {
                return Err(Problem::field(&name, format!("Give `{name}` once.")));
            }
        }
        read(Value::Object(given), "filter").map(Self)
    }
}

/// Reads a filter that has a form of its own.
pub fn parsed<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl Fn(&str) -> Option<T>,
    advice: &str,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} will not do; {advice}")))
}

/// How many rows a page holds: 1 to 1,000.
#[derive(Clone, Copy, Debug)]
pub struct Limit(pub u32);

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let parse = |text: &str| text.parse().ok().filter(|limit| (1..=1_000).contains(limit));
        parsed(from, parse, "ask for 1 to 1000 rows").map(Self)
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    pub data: Vec<T>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

impl<T> Listing<T> {
    pub fn of<U>(page: Page<U>, shown: impl Fn(U) -> T) -> Self {
        Self { data: page.data.into_iter().map(shown).collect(), next_cursor: page.next }
    }

    /// A page of what is in memory whole, in the order of its names.
    pub fn by_name<U>(
        all: impl IntoIterator<Item = U>,
        name: impl Fn(&U) -> &str,
        cursor: Option<&str>,
        limit: Limit,
        shown: impl Fn(U) -> T,
    ) -> Self {
        let limit = limit.0 as usize;
        let after = |item: &U| cursor.is_none_or(|cursor| name(item) > cursor);
        let mut rows: Vec<U> = all.into_iter().filter(after).take(limit + 1).collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| name(last).to_owned());
        Self { data: rows.into_iter().map(shown).collect(), next_cursor }
    }
}
