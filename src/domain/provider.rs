//! An upstream account: dialect, base URL, credentials.

use super::id::ProviderId;
use super::problem::{Check, Problem};
use super::service::Service;
use super::time::Time;
use serde::{Deserialize, Serialize};

/// Which API an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Anything compatible with OpenAI's.
    Openai,
    /// OpenAI's models at Microsoft: the same API at other addresses.
    Azure,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// This very process: `tollgate/echo` and `tollgate/fill`.
    Builtin,
}

/// What an upstream is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand<'a> {
    /// An answer of this model, by the upstream's name for it.
    Chat { model: &'a str, stream: bool },
    /// Something else of this model.
    Service { model: &'a str, service: Service },
    /// An answer in OpenAI's Responses API, which names its model in the body alone.
    Responses,
    /// How many tokens a chat comes to.
    CountTokens,
    /// Which models there are.
    Models,
}

/// The version of Azure's API that addresses models by their deployments. Source: learn.microsoft.com, "Azure OpenAI in
/// Azure AI Foundry Models REST API reference".
const AZURE_VERSION: &str = "2024-10-21";
/// The version in which it speaks and edits images. Source: learn.microsoft.com, "Azure OpenAI image and audio REST API
/// reference".
const AZURE_PREVIEW: &str = "2025-04-01-preview";

impl ProviderKind {
    pub const ALL: [ProviderKind; 5] = [
        ProviderKind::Openai,
        ProviderKind::Azure,
        ProviderKind::Anthropic,
        ProviderKind::Gemini,
        ProviderKind::Builtin,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Openai => "openai",
            ProviderKind::Azure => "azure",
            ProviderKind::Anthropic => "anthropic",
            ProviderKind::Gemini => "gemini",
            ProviderKind::Builtin => "builtin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// As people call it.
    pub fn title(self) -> &'static str {
        match self {
            ProviderKind::Openai => "OpenAI-compatible",
            ProviderKind::Azure => "Azure OpenAI",
            ProviderKind::Anthropic => "Anthropic",
            ProviderKind::Gemini => "Google Gemini",
            ProviderKind::Builtin => "built in",
        }
    }

    /// Whether it does this at all. Of a compatible server nobody knows before asking.
    pub fn serves(self, service: Service) -> bool {
        match self {
            ProviderKind::Openai | ProviderKind::Builtin => true,
            ProviderKind::Azure => !matches!(service, Service::Moderations | Service::Rerank),
            ProviderKind::Anthropic | ProviderKind::Gemini => false,
        }
    }

    /// Where to go. A base URL may end in the version of the API or not: clients of the same provider differ in it.
    pub fn url(self, base_url: &str, errand: Errand) -> String {
        match self {
            ProviderKind::Openai | ProviderKind::Builtin => format!("{base_url}{}", openai_path(errand)),
            ProviderKind::Azure => {
                let base = base_url.strip_suffix("/openai").unwrap_or(base_url);
                match errand {
                    _ if base.ends_with("/openai/v1") => format!("{base}{}", openai_path(errand)),
                    // It is in the newer API alone, which has no version. Source: learn.microsoft.com, "Azure OpenAI
                    // Responses API".
                    Errand::Responses => format!("{base}/openai/v1/responses"),
                    Errand::Chat { model, .. } => {
                        let model = segment(model);
                        format!("{base}/openai/deployments/{model}/chat/completions?api-version={AZURE_VERSION}")
                    }
                    Errand::Service { model, service } => {
                        let version = match service {
                            Service::Speech | Service::ImageEdits => AZURE_PREVIEW,
                            _ => AZURE_VERSION,
                        };
                        let (model, path) = (segment(model), service.path());
                        format!("{base}/openai/deployments/{model}{path}?api-version={version}")
                    }
                    _ => format!("{base}/openai{}?api-version={AZURE_VERSION}", openai_path(errand)),
                }
            }
            ProviderKind::Anthropic => {
                let base = base_url.strip_suffix("/v1").unwrap_or(base_url);
                match errand {
                    Errand::Chat { .. } | Errand::Responses => format!("{base}/v1/messages"),
                    Errand::Service { service, .. } => format!("{base}{}", service.endpoint()),
                    Errand::CountTokens => format!("{base}/v1/messages/count_tokens"),
                    Errand::Models => format!("{base}/v1/models"),
                }
            }
            ProviderKind::Gemini => {
                let is_versioned = ["/v1", "/v1beta", "/v1alpha"].iter().any(|version| base_url.ends_with(version));
                let base = if is_versioned { base_url.to_owned() } else { format!("{base_url}/v1beta") };
                match errand {
                    Errand::Chat { model, stream: true } => {
                        format!("{base}/models/{}:streamGenerateContent?alt=sse", segment(model))
                    }
                    Errand::Chat { model, stream: false } => {
                        format!("{base}/models/{}:generateContent", segment(model))
                    }
                    Errand::Service { service, .. } => format!("{base}{}", service.path()),
                    Errand::CountTokens | Errand::Models | Errand::Responses => format!("{base}/models"),
                }
            }
        }
    }

    /// The headers that show a credential, and the version that is spoken.
    pub fn headers(self, credential: Option<&str>) -> Vec<(&'static str, String)> {
        let shown = |name: &'static str| credential.map(|secret| (name, secret.to_owned()));
        match self {
            ProviderKind::Openai | ProviderKind::Builtin => {
                credential.map(|secret| ("authorization", format!("Bearer {secret}"))).into_iter().collect()
            }
            ProviderKind::Azure => shown("api-key").into_iter().collect(),
            ProviderKind::Gemini => shown("x-goog-api-key").into_iter().collect(),
            ProviderKind::Anthropic => {
                let version = ("anthropic-version", "2023-06-01".to_owned());
                shown("x-api-key").into_iter().chain([version]).collect()
            }
        }
    }
}

fn openai_path(errand: Errand) -> &'static str {
    match errand {
        Errand::Models => "/models",
        Errand::Service { service, .. } => service.path(),
        Errand::Responses => "/responses",
        Errand::Chat { .. } | Errand::CountTokens => "/chat/completions",
    }
}

/// A model's name as a part of a path. `models/` before it is the path's own.
fn segment(model: &str) -> String {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@".contains(&byte);
    model.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A provider as its readers see it: credentials are masked, `sk-…4f2a`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    pub kind: ProviderKind,
    pub base_url: String,
    pub credentials: Vec<String>,
    pub enabled: bool,
    /// Whether the gateway may ask for usage at the end of a stream where the caller did not.
    pub usage_option: bool,
    /// Whether it speaks OpenAI's Responses API; where nothing is said, OpenAI itself and Azure are taken to.
    pub responses: Option<bool>,
    #[serde(default)]
    pub timeouts: Timeouts,
    /// So many calls at once; as many as come where it is `None`.
    #[serde(default)]
    pub max_concurrency: Option<u32>,
    pub created_at: Time,
}

impl Provider {
    /// Whether a call of the Responses API goes to it as it came.
    pub fn speaks_responses(&self) -> bool {
        let is_openais = match self.kind {
            ProviderKind::Openai => self.base_url.contains("api.openai.com"),
            ProviderKind::Azure => true,
            ProviderKind::Anthropic | ProviderKind::Gemini | ProviderKind::Builtin => return false,
        };
        self.responses.unwrap_or(is_openais)
    }
}

/// How long calls wait for a provider, in milliseconds. What is `None` is as for every provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, TLS included.
    #[serde(default)]
    pub connect_ms: Option<u64>,
    /// For the first byte of an answer. One that is not streamed begins when it is complete.
    #[serde(default)]
    pub first_byte_ms: Option<u64>,
    /// For the next piece of an answer that has begun.
    #[serde(default)]
    pub idle_ms: Option<u64>,
    /// For all of an attempt, from its start to its answer's last byte.
    #[serde(default)]
    pub total_ms: Option<u64>,
}

impl Timeouts {
    /// Each by its field, with the most it may be.
    pub fn named(&self) -> [(&'static str, Option<u64>, u64); 4] {
        [
            ("timeouts.connect_ms", self.connect_ms, 60_000),
            ("timeouts.first_byte_ms", self.first_byte_ms, 1_800_000),
            ("timeouts.idle_ms", self.idle_ms, 1_800_000),
            ("timeouts.total_ms", self.total_ms, 1_800_000),
        ]
    }
}

/// More calls at once than this are no bound.
const MOST_AT_ONCE: u32 = 100_000;

/// What a provider is made of. `credentials: None` on a change keeps those that are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSpec {
    pub name: String,
    pub kind: ProviderKind,
    #[serde(default)]
    pub base_url: String,
    #[serde(default)]
    pub credentials: Option<Vec<String>>,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default = "yes")]
    pub usage_option: bool,
    #[serde(default)]
    pub responses: Option<bool>,
    #[serde(default)]
    pub timeouts: Timeouts,
    #[serde(default)]
    pub max_concurrency: Option<u32>,
}

fn yes() -> bool {
    true
}

impl ProviderSpec {
    /// # Errors
    /// Each field that will not do.
    pub fn check(&self) -> Result<(), Problem> {
        let mut check = Check::default();
        check.that(
            (1..=100).contains(&self.name.trim().chars().count()),
            "name",
            "Give it a name of 1 to 100 characters.",
        );
        if self.kind != ProviderKind::Builtin {
            let url = self.base_url.trim();
            let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            let whole = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'));
            check.that(
                whole && !url.contains(char::is_whitespace) && !url.contains(['?', '#', '@']),
                "base_url",
                "Write the base URL that clients of this provider use, such as https://api.openai.com/v1, without a query.",
            );
        }
        let credentials = self.credentials.iter().flatten();
        let printable = |secret: &String| secret.bytes().all(|byte| byte.is_ascii_graphic()) && secret.len() <= 4096;
        check.that(
            credentials.clone().all(printable) && credentials.count() <= 100,
            "credentials",
            "A credential is one line of visible ASCII characters; at most 100 of them.",
        );
        for (field, ms, most) in self.timeouts.named() {
            check.that(
                ms.is_none_or(|ms| (1..=most).contains(&ms)),
                field,
                format!("Write a number of milliseconds from 1 to {most}, or leave it blank."),
            );
        }
        check.that(
            self.max_concurrency.is_none_or(|most| (1..=MOST_AT_ONCE).contains(&most)),
            "max_concurrency",
            "Write a number of calls from 1 to 100,000, or leave it blank.",
        );
        check.done()
    }
}

impl From<&Provider> for ProviderSpec {
    /// The provider as it is; its credentials stay.
    fn from(provider: &Provider) -> Self {
        Self {
            name: provider.name.clone(),
            kind: provider.kind,
            base_url: provider.base_url.clone(),
            credentials: None,
            enabled: provider.enabled,
            usage_option: provider.usage_option,
            responses: provider.responses,
            timeouts: provider.timeouts,
            max_concurrency: provider.max_concurrency,
        }
    }
}

/// `sk-…4f2a`: enough to tell credentials apart, and no more.
pub fn masked(secret: &str) -> String {
    let tail = |count: usize| secret.chars().skip(secret.chars().count().saturating_sub(count)).collect::<String>();
    match secret.chars().count() {
        0..=11 => "…".to_owned(),
        _ => format!("{}…{}", secret.chars().take(3).collect::<String>(), tail(4)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_asked_where_its_own_clients_ask_it() {
        let chat = |stream| Errand::Chat { model: "m 1", stream };
        let of = |service| Errand::Service { model: "m", service };
        for (kind, base_url, errand, url) in [
            (ProviderKind::Openai, "http://h/v1", chat(true), "http://h/v1/chat/completions"),
            (ProviderKind::Anthropic, "https://h", chat(true), "https://h/v1/messages"),
            (ProviderKind::Anthropic, "https://h/v1", Errand::CountTokens, "https://h/v1/messages/count_tokens"),
            (ProviderKind::Gemini, "https://h", chat(false), "https://h/v1beta/models/m%201:generateContent"),
            (
                ProviderKind::Gemini,
                "https://h/v1",
                chat(true),
                "https://h/v1/models/m%201:streamGenerateContent?alt=sse",
            ),
            (ProviderKind::Azure, "https://h/openai/v1", chat(true), "https://h/openai/v1/chat/completions"),
            (
                ProviderKind::Azure,
                "https://h",
                chat(true),
                "https://h/openai/deployments/m%201/chat/completions?api-version=2024-10-21",
            ),
            (ProviderKind::Openai, "http://h/v1", Errand::Responses, "http://h/v1/responses"),
            (ProviderKind::Azure, "https://h", Errand::Responses, "https://h/openai/v1/responses"),
            (ProviderKind::Azure, "https://h/openai/v1", Errand::Responses, "https://h/openai/v1/responses"),
            (ProviderKind::Azure, "https://h/openai", Errand::Models, "https://h/openai/models?api-version=2024-10-21"),
            (ProviderKind::Openai, "http://h/v1", of(Service::Speech), "http://h/v1/audio/speech"),
            (ProviderKind::Azure, "https://h/openai/v1", of(Service::Images), "https://h/openai/v1/images/generations"),
            (
                ProviderKind::Azure,
                "https://h",
                of(Service::Embeddings),
                "https://h/openai/deployments/m/embeddings?api-version=2024-10-21",
            ),
            (
                ProviderKind::Azure,
                "https://h",
                of(Service::Speech),
                "https://h/openai/deployments/m/audio/speech?api-version=2025-04-01-preview",
            ),
        ] {
            assert_eq!(kind.url(base_url, errand), url);
        }
    }

    #[test]
    fn a_kind_is_read_back_by_its_word() {
        for kind in ProviderKind::ALL {
            assert_eq!(ProviderKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.as_str().into()));
        }
    }
}
