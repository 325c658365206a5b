//! Exports for people: the keys that their list shows, or that are ticked in it, as a file that their session may fetch.

use super::keys::sought::Sought;
use crate::api::export::{Format, file};
use crate::auth;
use crate::console::ui::place::Place;
use crate::domain::problem::{Problem, ProblemKind};
use crate::flash;
use crate::gateway::Gateway;
use crate::gateway::issue::KeyQuery;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};
use tower_sessions::Session;

/// `GET /export/keys?format=csv`, with the filters of the list; or with `ids[]` and the list's own address in `back`, as
/// its form sends them.
pub async fn keys(State(gateway): State<Gateway>, session: Session, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let answer = async {
        let by = auth::session::account(&gateway, &session).await?;
        let (query, format) = read(&query)?;
        file(gateway.clone(), by, query, format).await
    };
    let mut response = match answer.await {
        Ok(response) => response,
        Err(problem) if problem.kind == ProblemKind::SignedOut => {
            let next = format!("/export/keys?{query}");
            return Redirect::to(&Place::new("/sign-in").with("next", next).href()).into_response();
        }
        Err(problem) => {
            let head = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))]);
            (flash::status(problem.kind), head, format!("{problem}\n")).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn read(query: &str) -> Result<(KeyQuery, Format), Problem> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let given = |name: &str| pairs.iter().find(|(named, _)| named == name).map(|(_, value)| value.as_str());
    let format = given("format").unwrap_or("csv");
    let format = Format::parse(format)
        .ok_or_else(|| Problem::field("format", format!("“{format}” is no kind of file. Write csv or json.")))?;
    let address = given("back").map_or_else(|| format!("?{query}"), str::to_owned);
    let mut query = Sought::read(&address).query()?;
    let ids: Vec<_> = pairs.iter().filter(|(name, _)| name == "ids[]").map(|(_, id)| id.as_str().into()).collect();
    if !ids.is_empty() && given("all").is_none() {
        query.ids = Some(ids);
    }
    Ok((query, format))
}
