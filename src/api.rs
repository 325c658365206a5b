//! The management API: what programs do that manage keys, groups, rules, accounts, models and providers, and read logs
//! and usage. One file a resource; each handler asks who is there, calls one verb of the gateway, and answers in the
//! contract's shape.

mod accounts;
mod address;
mod batch;
mod body;
mod csv;
mod docs;
mod explain;
pub mod export;
mod groups;
mod idempotency;
mod impact;
mod keys;
mod logs;
mod merge_patch;
mod models;
mod prices;
mod problem;
mod providers;
mod refusals;
mod resets;
mod rules;
mod schema;
mod usage;

use crate::gateway::Gateway;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{any, get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};
use std::sync::LazyLock;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::ToSchema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const ABOUT: &str = "Manages a Tollgate: the same verbs as its console. Money is a decimal string of credits, times are \
RFC 3339 in UTC, ids are opaque strings. `PATCH` takes a JSON merge patch (RFC 7396). Lists are paged by `limit` and \
`cursor`. Unknown fields and filters are refused.";

/// Every route below `/api/v1`, the page that describes them, and JSON for every path and method that there is none for.
pub fn router(gateway: Gateway) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    let (routes, _) = resources().split_for_parts();
    routes
        .layer(middleware::from_fn_with_state(gateway.clone(), idempotency::once))
        // Public: it says nothing that the source does not.
        .route("/api/v1/openapi.json", get(async || ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())))
        .route("/docs", get(docs::page))
        .route("/api/{*path}", any(problem::no_such_route))
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(body::LARGEST))
        // Answers hold secrets and figures that change; none is to be kept on the way.
        .layer(header(CACHE_CONTROL, "no-store"))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .with_state(gateway)
}

/// The document that describes the routes, derived from their handlers.
pub fn openapi() -> OpenApi {
    let (_, mut document) = resources().split_for_parts();
    document.merge(<BelowModels as utoipa::OpenApi>::openapi());
    // The router's wildcard for a name with slashes is not OpenAPI's: there it is a plain parameter.
    let paths = std::mem::replace(&mut document.paths, Paths::new());
    document.paths.paths = paths.paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    let posts = document.paths.paths.values_mut().filter_map(|item| item.post.as_mut());
    posts.for_each(idempotency::describe);
    document
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // Its maps have text keys and it holds no floats, which is all that JSON can refuse.
    openapi().to_json().expect("an OpenAPI document is JSON")
});

fn resources() -> OpenApiRouter<Gateway> {
    let resources = OpenApiRouter::default()
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(export::keys))
        .routes(routes!(keys::read, keys::edit, keys::revoke))
        .routes(routes!(keys::restore))
        .routes(routes!(keys::rotate))
        .routes(routes!(resets::key))
        .routes(routes!(batch::change))
        .routes(routes!(batch::get))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::read, groups::edit, groups::delete))
        .routes(routes!(groups::assign))
        .routes(routes!(resets::group))
        .routes(routes!(rules::list, rules::create))
        .routes(routes!(rules::read, rules::edit, rules::delete))
        .routes(routes!(rules::preview))
        .routes(routes!(impact::impact))
        .routes(routes!(rules::set_default))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::read, accounts::edit))
        .routes(routes!(accounts::adjust))
        .routes(routes!(accounts::subscribe, accounts::unsubscribe))
        .routes(routes!(resets::account))
        .routes(routes!(explain::explain))
        .routes(routes!(models::list, models::create))
        .routes(routes!(prices::known))
        .merge(lists())
        // A model's prices stand below its name, which may have slashes: the handler tells them apart.
        .route("/models/{*name}", post(prices::add))
        .routes(routes!(models::read, models::edit, models::delete))
        .routes(routes!(providers::list, providers::create))
        .routes(routes!(providers::read, providers::edit, providers::delete))
        .routes(routes!(providers::test))
        .routes(routes!(providers::health))
        .routes(routes!(logs::list))
        .routes(routes!(logs::read))
        .routes(routes!(usage::read));
    OpenApiRouter::with_openapi(frame()).nest("/api/v1", resources)
}

/// What takes a whole file.
fn lists() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new().routes(routes!(prices::import)).layer(DefaultBodyLimit::max(prices::LARGEST))
}

/// Paths below a model's name, which the router cannot tell from one.
#[derive(utoipa::OpenApi)]
#[openapi(paths(prices::list, prices::add))]
struct BelowModels;

/// What the document says besides its routes.
fn frame() -> OpenApi {
    const SCHEME: &str = "management_token";
    let license = LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build();
    let info = InfoBuilder::new()
        .title("Tollgate management API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("tg-mgmt-…")
        .description(Some("A management token. `tollgate management-token create` makes one."))
        .build();
    let mut errors = Vec::new();
    problem::ErrorBody::schemas(&mut errors);
    let components = ComponentsBuilder::new()
        .security_scheme(SCHEME, SecurityScheme::Http(bearer))
        .schemas_from_iter(errors)
        .schema_from::<problem::ErrorBody>()
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new(SCHEME, [""; 0])]))
        .build()
}
