//! How OpenAPI describes the objects that cross the wire as the domain's own types, which know nothing of OpenAPI.
//! Nothing here is ever made; a test holds each description to the fields that are really sent and taken.

#![expect(dead_code, reason = "these are read as descriptions alone")]

pub mod bindings;

use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A key.
#[derive(ToSchema)]
pub struct Key {
    id: String,
    account_id: String,
    name: String,
    /// What remains of its secret to recognise it by.
    #[schema(example = "sk-tg-Ab3d…9xYz")]
    hint: String,
    /// `active`, `disabled` or `revoked`.
    status: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Names of the models it may call; empty = all.
    models: Vec<String>,
    /// CIDR blocks it may call from; empty = anywhere.
    ip_allowlist: Vec<String>,
    /// Paths it may call; empty = all.
    endpoints: Vec<String>,
    /// Where its calendar periods begin at midnight: an IANA name or a fixed offset such as `UTC+8`.
    timezone: String,
    limits: KeyLimits,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// Whose quota it shares.
    group_id: Option<String>,
    /// Its own rule; `null` = its account's default, if there is one.
    rule_id: Option<String>,
    /// How long an answer may serve identical calls, in seconds; `null` = every call goes to a provider.
    cache_ttl_seconds: Option<u64>,
    /// Always `false` in this version.
    log_bodies: bool,
}

/// What a key is made of. `null` says the same as nothing: unlimited, or the default.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFields {
    #[schema(example = "production-web")]
    name: String,
    /// Whose key it is; the caller's own where absent. Others' for admins alone.
    account_id: Option<String>,
    /// Whose quota it is to share.
    group_id: Option<String>,
    /// Its own rule; its account's default governs it where absent.
    rule_id: Option<String>,
    /// `active` or `disabled`.
    #[schema(default = "active")]
    status: Option<String>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Names of the models it may call; empty = all. They need not exist yet.
    models: Option<Vec<String>>,
    /// CIDR blocks it may call from; empty = anywhere.
    #[schema(example = json!(["10.0.0.0/8"]))]
    ip_allowlist: Option<Vec<String>>,
    /// Paths it may call; empty = all.
    #[schema(example = json!(["/v1/chat/completions"]))]
    endpoints: Option<Vec<String>>,
    /// Where its calendar periods begin at midnight: an IANA name or a fixed offset such as `UTC+8`.
    #[schema(default = "UTC")]
    timezone: Option<String>,
    limits: Option<KeyLimits>,
    /// How long an answer may serve identical calls, in seconds, 1 to 2,592,000; none are kept where absent.
    cache_ttl_seconds: Option<u64>,
}

/// A JSON merge patch (RFC 7396) of a key: absent = unchanged, `null` = cleared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPatch {
    name: Option<String>,
    /// Moves the key to another account; for admins.
    account_id: Option<String>,
    /// Moves the key to another group.
    group_id: Option<String>,
    /// Binds the key to another rule; `null` = it inherits its account's default.
    rule_id: Option<String>,
    /// `active` or `disabled`.
    status: Option<String>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    models: Option<Vec<String>>,
    ip_allowlist: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
    timezone: Option<String>,
    limits: Option<KeyLimits>,
    /// How long an answer may serve identical calls, in seconds, 1 to 2,592,000; none are kept where absent.
    cache_ttl_seconds: Option<u64>,
}

/// A key's ceilings; `null` is unlimited. Money is a decimal string of credits.
#[derive(Deserialize, ToSchema)]
pub struct KeyLimits {
    /// Requests in any 60 seconds.
    rpm: Option<u64>,
    /// Tokens, input and output, in any 60 seconds.
    tpm: Option<u64>,
    /// Requests in any 24 hours.
    rpd: Option<u64>,
    token_quota: Option<TokenQuota>,
    /// Tokens, input and output, in a calendar month.
    monthly_tokens: Option<u64>,
    /// Credits in a calendar month.
    #[schema(example = "200.00")]
    monthly_spend: Option<String>,
    /// Credits in the key's lifetime.
    credit_quota: Option<String>,
    /// Output tokens one call may ask for.
    max_tokens_per_request: Option<u64>,
    /// What one call may cost.
    #[schema(example = "0.50")]
    max_cost_per_request: Option<String>,
}

/// A number of tokens that comes back with each period.
#[derive(Deserialize, ToSchema)]
pub struct TokenQuota {
    max: u64,
    /// `daily`, `weekly`, `monthly` or `never`.
    reset: String,
}

/// A model. Its name is its id, and may contain `/`.
#[derive(ToSchema)]
pub struct Model {
    #[schema(example = "gpt-4o")]
    name: String,
    #[schema(required = false)]
    display_name: String,
    /// In tokens, input and output together.
    context_length: Option<u64>,
    max_output_tokens: Option<u64>,
    /// Of `chat`, `vision`, `tools`, `streaming`, `reasoning`, `audio`, `images`, `embeddings`.
    #[schema(required = false)]
    capabilities: Vec<String>,
    /// `null`: every call is refused until there is one.
    price: Option<Price>,
    #[schema(required = false)]
    routes: Vec<Route>,
    /// Models that stand in where none of its routes serves a call, in order; at most 5. Only those that the key may call
    /// do. Calls are charged by the price of the model that answers.
    #[schema(required = false)]
    fallbacks: Vec<String>,
    #[schema(required = false, default = true)]
    enabled: bool,
}

/// A JSON merge patch (RFC 7396) of a model; `routes` and `capabilities` are replaced as a whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPatch {
    /// A model keeps its name.
    name: Option<String>,
    display_name: Option<String>,
    context_length: Option<u64>,
    max_output_tokens: Option<u64>,
    capabilities: Option<Vec<String>>,
    price: Option<Price>,
    routes: Option<Vec<Route>>,
    fallbacks: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// Credits per million tokens, the classic rate with its multiplier, or the word `free`. Read back as the first or
/// the last.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Price {
    PerMillion(Box<PerMillion>),
    Classic(Classic),
    /// `free`
    Word(String),
}

/// Credits for a million tokens of each kind, and for what is no token. `input` and `output` are priced together; both may
/// be absent where a model is priced by nothing but other units.
#[derive(Deserialize, ToSchema)]
pub struct PerMillion {
    #[schema(example = "2.50")]
    input: Option<String>,
    /// Input that the upstream read from its cache; as `input` where absent.
    #[schema(example = "1.25")]
    cached_input: Option<String>,
    /// Input that the upstream wrote into its cache for some minutes; as `input` where absent.
    cache_write: Option<String>,
    /// Input that the upstream wrote into its cache for an hour; as `cache_write` where absent.
    cache_write_1h: Option<String>,
    /// As `input` where absent.
    audio_input: Option<String>,
    /// As `input` where absent.
    image_input: Option<String>,
    #[schema(example = "10.00")]
    output: Option<String>,
    /// As `output` where absent.
    reasoning: Option<String>,
    /// As `output` where absent.
    audio_output: Option<String>,
    /// As `output` where absent.
    image_output: Option<String>,
    /// For an image generated, whose variant has no price of its own.
    per_image: Option<String>,
    /// For an image of a variant: its size, its quality, or both as `hd/1024x1024`.
    per_image_by: Option<BTreeMap<String, String>>,
    /// For a million characters of text that is spoken.
    per_million_characters: Option<String>,
    /// For a second of sound or video.
    per_second: Option<String>,
    /// For a second of a variant, such as `1080p`.
    per_second_by: Option<BTreeMap<String, String>>,
    /// For each call that is answered.
    per_request: Option<String>,
    /// For a search of the web, or a reranker's search unit.
    per_search: Option<String>,
    /// Other prices for calls with a longer input.
    tiers: Option<Vec<PriceTier>>,
}

/// Prices of tokens, by their kinds, that hold for the whole of a call whose input is longer than `above` tokens. What is
/// absent costs what it does otherwise.
#[derive(Deserialize, ToSchema)]
pub struct PriceTier {
    #[schema(example = 200000)]
    above: u64,
    input: Option<String>,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
    audio_input: Option<String>,
    image_input: Option<String>,
    output: Option<String>,
    reasoning: Option<String>,
    audio_output: Option<String>,
    image_output: Option<String>,
}

/// The same prices written another way: output costs `rate` times `completion_multiplier`.
#[derive(Deserialize, ToSchema)]
pub struct Classic {
    #[schema(example = "2.50")]
    rate: String,
    #[schema(example = "4")]
    completion_multiplier: String,
}

/// One way a model's calls may go.
#[derive(Deserialize, ToSchema)]
pub struct Route {
    provider_id: String,
    /// What the provider calls the model; the model's own name where empty.
    #[schema(required = false)]
    upstream_model: String,
    /// Share among the routes of one priority: 1 to 1,000.
    #[schema(required = false, default = 1)]
    weight: u32,
    /// Lower goes first: 0 to 1,000.
    #[schema(required = false, default = 0)]
    priority: u32,
}

/// A provider.
#[derive(ToSchema)]
pub struct Provider {
    id: String,
    name: String,
    /// `openai` (anything compatible), `azure`, `anthropic`, `gemini` or `builtin`.
    kind: String,
    #[schema(example = "https://api.openai.com/v1")]
    base_url: String,
    /// Masked.
    #[schema(example = json!(["sk-…4f2a"]))]
    credentials: Vec<String>,
    enabled: bool,
    /// Whether usage may be asked for at the end of a stream where the caller did not.
    usage_option: bool,
    /// Whether it speaks OpenAI's Responses API; `null`: OpenAI itself and Azure do.
    responses: Option<bool>,
    timeouts: Timeouts,
    /// So many calls at once; as many as come where it is `null`.
    max_concurrency: Option<u32>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// How long calls wait for a provider, in milliseconds; as for every provider where it is `null`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, TLS included; 10,000 for every provider.
    #[schema(minimum = 1, maximum = 60_000)]
    connect_ms: Option<u64>,
    /// For the first byte of an answer, which is complete by then if it is not streamed; 600,000 for every provider.
    #[schema(minimum = 1, maximum = 1_800_000)]
    first_byte_ms: Option<u64>,
    /// For the next piece of an answer that has begun; 300,000 for every provider.
    #[schema(minimum = 1, maximum = 1_800_000)]
    idle_ms: Option<u64>,
    /// From an attempt's start to its answer's last byte.
    #[schema(minimum = 1, maximum = 1_800_000)]
    total_ms: Option<u64>,
}

/// What a provider is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderFields {
    name: String,
    /// `openai` (anything compatible), `azure`, `anthropic`, `gemini` or `builtin`.
    kind: String,
    #[schema(required = false, example = "https://api.openai.com/v1")]
    base_url: String,
    /// Write-only.
    #[schema(write_only)]
    credentials: Option<Vec<String>>,
    #[schema(default = true)]
    enabled: Option<bool>,
    /// Whether usage may be asked for at the end of a stream where the caller did not.
    #[schema(default = true)]
    usage_option: Option<bool>,
    /// Whether it speaks OpenAI's Responses API; `null`: OpenAI itself and Azure do.
    responses: Option<bool>,
    timeouts: Option<Timeouts>,
    /// So many calls at once; as many as come where it is absent.
    #[schema(minimum = 1, maximum = 100_000)]
    max_concurrency: Option<u32>,
}

/// A JSON merge patch (RFC 7396) of a provider. Credentials that are absent, or sent back masked, stay; `null` clears
/// them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderPatch {
    name: Option<String>,
    kind: Option<String>,
    base_url: Option<String>,
    credentials: Option<Vec<String>>,
    enabled: Option<bool>,
    usage_option: Option<bool>,
    responses: Option<bool>,
    timeouts: Option<Timeouts>,
    max_concurrency: Option<u32>,
}
