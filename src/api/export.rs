//! Exports: `/api/v1/keys/export`, every key that a list would show, as one file. It is read page by page as it is sent.
//! The console's own export is the same file.

use super::address::{Filters, parsed};
use super::csv;
use super::keys::KeyObject;
use super::problem::ReadFailures;
use super::schema;
use crate::auth::Caller;
use crate::domain::account::Account;
use crate::domain::id::{AccountId, GroupId, RuleId};
use crate::domain::key::{Key, KeyStatus};
use crate::domain::problem::{Problem, ProblemKind};
use crate::gateway::Gateway;
use crate::gateway::issue::{KeyQuery, Page};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;

/// Keys read at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportFilters {
    /// `csv` or `json`; `csv` where absent.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    format: Format,
    /// `active`, `disabled` or `revoked`; all of them where absent.
    #[param(value_type = Option<String>)]
    status: Option<KeyStatus>,
    /// Part of a name or a hint, in any case, or a whole id.
    search: Option<String>,
    /// Whose keys; for admins, since others see only their own.
    #[param(value_type = Option<String>)]
    account_id: Option<AccountId>,
    /// Keys in this group.
    #[param(value_type = Option<String>)]
    group_id: Option<GroupId>,
    /// Keys that are bound to this rule themselves.
    #[param(value_type = Option<String>)]
    rule_id: Option<RuleId>,
}

/// What kind of file.
#[derive(Clone, Copy, Debug, Default)]
pub enum Format {
    #[default]
    Csv,
    Json,
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from, Format::parse, "write csv or json")
    }
}

impl Format {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "csv" => Some(Format::Csv),
            "json" => Some(Format::Json),
            _ => None,
        }
    }
}

/// Export keys, newest first: everything that a list shows of them, and never a secret.
#[utoipa::path(get, path = "/keys/export", tag = "keys", operation_id = "export_keys", params(ExportFilters),
    responses((status = 200, description = "A file: CSV (RFC 4180) with a header, lists joined by `;` and a `'` before cells \
        that a spreadsheet would take for formulas; or JSON, `{\"data\":[…]}`.",
        content((Vec<schema::Key> = "application/json"), (String = "text/csv"))), ReadFailures))]
pub async fn keys(
    Caller(by): Caller,
    Filters(filters): Filters<ExportFilters>,
    State(gateway): State<Gateway>,
) -> Result<Response, Problem> {
    let ExportFilters { format, status, search, account_id, group_id, rule_id } = filters;
    let query = KeyQuery { status, search, account_id, group_id, rule_id, ..KeyQuery::default() };
    file(gateway, by, query, format).await
}

/// The keys that a query finds, as one file.
///
/// # Errors
/// Where the query will not do; when the database cannot be reached.
pub async fn file(gateway: Gateway, by: Account, query: KeyQuery, format: Format) -> Result<Response, Problem> {
    let mut query = KeyQuery { cursor: None, before: None, limit: PAGE, ..query };
    if query.about.is_some() {
        // How keys stand is asked once, not for each page.
        query = KeyQuery { ids: Some(gateway.key_ids(&by, &query).await?), about: None, ..query };
    }
    // The first page is read before anything is answered, so that a refusal is answered as one.
    let first = gateway.keys(&by, query.clone()).await?;
    let (media, file) = match format {
        Format::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"keys.csv\""),
        Format::Json => ("application/json", "attachment; filename=\"keys.json\""),
    };
    let place = Place::Page { first: true, page: first };
    let body = stream::try_unfold((place, gateway, by, query), move |(place, gateway, by, query)| async move {
        let (text, place) = written(format, place, &gateway, &by, &query).await?;
        Ok::<_, Problem>(text.map(|text| (text, (place, gateway, by, query))))
    });
    Ok(([(CONTENT_TYPE, media), (CONTENT_DISPOSITION, file)], Body::from_stream(body)).into_response())
}

/// How far an export has come.
enum Place {
    Page { first: bool, page: Page<Key> },
    Next(String),
    End,
}

/// The next piece of the file; `None` at its end.
async fn written(
    format: Format,
    place: Place,
    gateway: &Gateway,
    by: &Account,
    query: &KeyQuery,
) -> Result<(Option<String>, Place), Problem> {
    let (first, page) = match place {
        Place::Page { first, page } => (first, page),
        Place::Next(cursor) => {
            let query = KeyQuery { cursor: Some(cursor), ..query.clone() };
            (false, gateway.keys(by, query).await?)
        }
        Place::End => return Ok((None, Place::End)),
    };
    let mut text = String::new();
    match format {
        Format::Csv => {
            if first {
                csv::row(&mut text, COLUMNS);
            }
            page.data.iter().for_each(|key| csv::row(&mut text, cells(key)));
        }
        Format::Json => {
            text.push_str(if first { "{\"data\":[" } else { "" });
            for (number, key) in page.data.into_iter().enumerate() {
                if !(first && number == 0) {
                    text.push(',');
                }
                text += &serde_json::to_string(&KeyObject::from(key)).map_err(|error| {
                    tracing::error!(%error, "a key could not be written as JSON");
                    Problem::new(ProblemKind::Internal, "A key could not be written; the log says why.")
                })?;
            }
            text.push_str(if page.next.is_none() { "]}" } else { "" });
        }
    }
    Ok((Some(text), page.next.map_or(Place::End, Place::Next)))
}

const COLUMNS: [&str; 26] = [
    "id",
    "name",
    "hint",
    "status",
    "account_id",
    "group_id",
    "rule_id",
    "expires_at",
    "models",
    "ip_allowlist",
    "endpoints",
    "timezone",
    "rpm",
    "tpm",
    "rpd",
    "token_quota_max",
    "token_quota_reset",
    "monthly_tokens",
    "monthly_spend",
    "credit_quota",
    "max_tokens_per_request",
    "max_cost_per_request",
    "cache_ttl_seconds",
    "created_at",
    "last_used_at",
    "revoked_at",
];

/// A key's cells, in the order of the columns; what is not set is blank.
fn cells(key: &Key) -> [String; 26] {
    fn text<T: ToString>(value: Option<T>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let limits = &key.limits;
    [
        key.id.to_string(),
        key.name.clone(),
        key.hint.clone(),
        key.status.as_str().to_owned(),
        key.account_id.to_string(),
        text(key.group_id.as_ref()),
        text(key.rule_id.as_ref()),
        text(key.expires_at),
        key.models.join(";"),
        key.ip_allowlist.join(";"),
        key.endpoints.join(";"),
        key.timezone.clone(),
        text(limits.rpm),
        text(limits.tpm),
        text(limits.rpd),
        text(limits.token_quota.map(|quota| quota.max)),
        text(limits.token_quota.map(|quota| quota.reset.as_str())),
        text(limits.monthly_tokens),
        text(limits.monthly_spend),
        text(limits.credit_quota),
        text(limits.max_tokens_per_request),
        text(limits.max_cost_per_request),
        text(key.cache_ttl_seconds),
        key.created_at.to_string(),
        text(key.last_used_at),
        text(key.revoked_at),
    ]
}
