//! Prices: `/api/v1/models/{name}/prices`, the versions of a model's, and `/api/v1/models/import-prices`, taken over from
//! the field's public files. Facts of well-known models: `/api/v1/models/known`.

use super::address::{Filters, Listing, Named};
use super::body::{Object, read};
use super::problem::{ReadFailures, WriteFailures};
use super::schema;
use crate::auth::{AdminCaller, Caller};
use crate::domain::price::Price;
use crate::domain::price_list::{Format, Listed, Skipped};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::import::{self, Changed, Choice, Comparison, Difference, Origin};
use crate::gateway::known;
use crate::gateway::prices::Dated;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

/// So many well-known models are named at once.
const MOST_KNOWN: usize = 50;
/// A body with a file in it, in bytes.
pub const LARGEST: usize = import::LARGEST + (1 << 20);

/// A version of a model's price.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceVersion {
    /// What the log rows of calls that were charged by it say as `price_version`. Each model counts its own; where another
    /// answered, the row's `attempts` name it, and the version is of that one's price.
    version: u64,
    /// `in_force`, `upcoming` or `past`.
    standing: &'static str,
    #[schema(value_type = String, format = DateTime)]
    starts_at: Time,
    /// `null`: the model had no price, and its calls were refused.
    #[schema(value_type = Option<schema::Price>)]
    price: Option<Price>,
    /// `entered`, or the list that it was imported from.
    source: String,
    /// The account that made it; for admins.
    created_by: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

impl PriceVersion {
    fn of(Dated { version, standing }: Dated, names_people: bool) -> Self {
        Self {
            version: version.version,
            standing: standing.as_str(),
            starts_at: version.starts_at,
            price: version.price,
            source: version.source,
            created_by: version.created_by.filter(|_| names_people).map(|id| id.0),
            created_at: version.created_at,
        }
    }
}

/// What a new version is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceFields {
    /// `null` takes the model's price away: its calls are refused then.
    #[schema(value_type = Option<schema::Price>)]
    #[serde(default)]
    price: Value,
    /// Now where absent. A version that is yet to come is replaced by another with the same start.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    starts_at: Option<Time>,
}

/// The model whose prices a path asks for: a name may have slashes, and may even end so itself.
pub fn asked<'a>(gateway: &Gateway, name: &'a str) -> Option<&'a str> {
    name.strip_suffix("/prices").filter(|_| gateway.model(name).is_none())
}

/// List the versions of a model's price, newest first.
#[utoipa::path(get, path = "/api/v1/models/{name}/prices", tag = "models", operation_id = "list_prices",
    params(("name" = String, Path, description = "The model's name, slashes and all.", example = "tollgate/echo")),
    responses((status = 200, description = "All versions.", body = Listing<PriceVersion>), ReadFailures))]
pub async fn list(
    Caller(by): Caller,
    Named(name): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<PriceVersion>>, Problem> {
    let name = asked(&gateway, &name).ok_or_else(|| Problem::not_found("model"))?;
    let versions = gateway.prices(name).await?;
    let data = versions.into_iter().map(|dated| PriceVersion::of(dated, by.is_admin())).collect();
    Ok(Json(Listing { data, next_cursor: None }))
}

/// Add a version of a model's price: from now on, or from an instant to come, when it takes effect by itself.
#[utoipa::path(post, path = "/api/v1/models/{name}/prices", tag = "models", operation_id = "add_price",
    params(("name" = String, Path, description = "The model's name, slashes and all.", example = "tollgate/echo")),
    request_body = PriceFields,
    responses((status = 201, description = "The version.", body = PriceVersion), WriteFailures))]
pub async fn add(
    AdminCaller(by): AdminCaller,
    Named(name): Named,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<(StatusCode, Json<PriceVersion>), Problem> {
    let name = asked(&gateway, &name).ok_or_else(|| Problem::not_found("model"))?;
    if !fields.contains_key("price") {
        return Err(Problem::field("price", "Give a price, or null to take the model's away."));
    }
    let PriceFields { price, starts_at } = read(Value::Object(fields), "field")?;
    let price = match price {
        Value::Null => None,
        price => Some(Price::read(price).map_err(|message| Problem::field("price", format!("{message}.")))?),
    };
    let added = gateway.add_price(&by, name, price, starts_at).await?;
    Ok((StatusCode::CREATED, Json(PriceVersion::of(added, true))))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KnownFilters {
    /// Part of a name, in any case.
    #[serde(default)]
    q: String,
}

/// What is known of a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct KnownModel {
    name: String,
    /// Who serves it at this price, as the list calls them.
    provider: String,
    context_length: Option<u64>,
    max_output_tokens: Option<u64>,
    capabilities: Vec<String>,
    #[schema(value_type = schema::Price)]
    price: Price,
    /// What the list prices beside this and has no place here.
    left_out: Vec<String>,
}

impl From<Listed> for KnownModel {
    fn from(listed: Listed) -> Self {
        let Listed { name, provider, context_length, max_output_tokens, capabilities, price, left_out } = listed;
        Self { name, provider, context_length, max_output_tokens, capabilities, price, left_out }
    }
}

/// Facts of well-known models.
#[derive(Debug, Serialize, ToSchema)]
pub struct Known {
    /// Where they are from.
    source: String,
    /// The day they were taken.
    #[schema(example = "2026-11-20")]
    date: String,
    data: Vec<KnownModel>,
}

/// Look up facts of well-known models, which ship with Tollgate: at most fifty.
#[utoipa::path(get, path = "/models/known", tag = "models", operation_id = "known_models", params(KnownFilters),
    responses((status = 200, description = "Models by name.", body = Known), ReadFailures))]
pub async fn known(
    AdminCaller(_by): AdminCaller,
    Filters(KnownFilters { q }): Filters<KnownFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Known>, Problem> {
    let (source, date) = known::provenance();
    let data = gateway.known_models(&q, MOST_KNOWN).into_iter().map(KnownModel::from).collect();
    Ok(Json(Known { source, date, data }))
}

/// A price list, and what to take over of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportFields {
    /// `litellm`, `models.dev` or `snapshot`.
    #[schema(value_type = String)]
    format: Format,
    /// Where to fetch the file.
    url: Option<String>,
    /// The file itself, as an object or as its text; else give `url`. `snapshot` needs neither: it ships with Tollgate.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    file: (),
    /// Only this provider's prices, as the list calls it.
    provider: Option<String>,
    /// What the list calls a model, and what it is called here.
    #[serde(default, rename = "as")]
    #[schema(required = false, example = json!({"gemini/gemini-2.5-pro":"gemini-2.5-pro"}))]
    called: BTreeMap<String, String>,
    /// Whether only to tell the difference.
    #[serde(default = "yes")]
    #[schema(required = false, default = true)]
    dry_run: bool,
    /// The models to take over, as they are called here.
    #[serde(default)]
    #[schema(required = false)]
    names: BTreeSet<String>,
    /// Whether to make models that are not here yet. Nobody can call them before they are given a route.
    #[serde(default)]
    #[schema(required = false, default = false)]
    create: bool,
    /// When the prices begin; now where absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Time>,
}

fn yes() -> bool {
    true
}

/// What a list says that the catalogue does not; after an import, what of it was taken over.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportAnswer {
    dry_run: bool,
    /// Models that are not here; after an import, those that were made.
    added: Vec<KnownModel>,
    changed: Vec<ChangedPrice>,
    /// How many have the price already.
    unchanged: usize,
    skipped: Vec<SkippedEntry>,
}

/// A model whose price would be another.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedPrice {
    name: String,
    #[schema(value_type = Option<schema::Price>)]
    old: Option<Price>,
    #[schema(value_type = schema::Price)]
    new: Price,
    /// What the list prices beside this and has no place here.
    left_out: Vec<String>,
}

impl From<Changed> for ChangedPrice {
    fn from(Changed { old, new }: Changed) -> Self {
        Self { name: new.name, old, new: new.price, left_out: new.left_out }
    }
}

/// An entry that is no price here, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkippedEntry {
    name: String,
    reason: String,
}

impl From<Skipped> for SkippedEntry {
    fn from(Skipped { name, reason }: Skipped) -> Self {
        Self { name, reason }
    }
}

/// Import prices from LiteLLM's or models.dev's price file, or from the snapshot that ships with Tollgate. Tells the
/// difference first (`dry_run`), then takes over what is named. Numbers are read exactly; what cannot be is skipped, with
/// the reason.
#[utoipa::path(post, path = "/models/import-prices", tag = "models", operation_id = "import_prices",
    request_body = ImportFields,
    responses((status = 200, description = "The difference.", body = ImportAnswer), WriteFailures))]
pub async fn import(
    AdminCaller(by): AdminCaller,
    State(gateway): State<Gateway>,
    body: Bytes,
) -> Result<Json<ImportAnswer>, Problem> {
    let (fields, file) = apart(&body)?;
    let ImportFields { format, url, file: (), provider, called, dry_run, names, create, starts_at } = fields;
    let origin = match (format, url, file) {
        (Format::Snapshot, None, None) => Origin::Snapshot,
        (_, Some(url), None) => Origin::Url(url),
        (_, None, Some(file)) => Origin::File(file),
        (_, Some(_), Some(_)) => return Err(Problem::field("url", "Give a `url` or a `file`, not both.")),
        (_, None, None) => return Err(Problem::field("url", "Give a `url`, or the `file` itself.")),
    };
    let asked = Comparison { format, origin, provider, called };
    let choice = Choice { names, create, starts_at };
    let difference = match dry_run {
        true => gateway.compare_prices(&by, &asked).await?,
        false => gateway.import_prices(&by, &asked, &choice).await?,
    };
    let Difference { added, changed, unchanged, skipped } = difference;
    Ok(Json(ImportAnswer {
        dry_run,
        added: added.into_iter().map(KnownModel::from).collect(),
        changed: changed.into_iter().map(ChangedPrice::from).collect(),
        unchanged: unchanged.len(),
        skipped: skipped.into_iter().map(SkippedEntry::from).collect(),
    }))
}

/// The fields, and the file's own text, whose numbers must not be read on the way.
fn apart(body: &[u8]) -> Result<(ImportFields, Option<String>), Problem> {
    let invalid = |message: String| Problem::new(ProblemKind::Invalid, message);
    let mut raw: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(body).map_err(|error| invalid(format!("The body is no JSON object: {error}.")))?;
    let file = raw.remove("file").filter(|file| file.get() != "null");
    let file = match file {
        // A string holds the file's text.
        Some(text) if text.get().starts_with('"') => Some(
            serde_json::from_str(text.get()).map_err(|error| invalid(format!("`file` cannot be read: {error}.")))?,
        ),
        file => file.map(|file| file.get().to_owned()),
    };
    let fields = raw.into_iter().filter(|(_, value)| value.get() != "null").map(|(name, value)| {
        let value = serde_json::from_str(value.get()).map_err(|error| Problem::field(&name, format!("{error}.")))?;
        Ok((name, value))
    });
    let fields: Map<String, Value> = fields.collect::<Result<_, Problem>>()?;
    Ok((read(Value::Object(fields), "field")?, file))
}
