//! An upstream account: dialect, base URL, credentials.

use super::id::ProviderId;
use super::problem::{Check, Problem};
use super::time::Time;
use serde::{Deserialize, Serialize};

/// Which API an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Anything compatible with OpenAI's.
    Openai,
    /// This very process: `tollgate/echo` and `tollgate/fill`.
    Builtin,
}

impl ProviderKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Openai => "openai",
            ProviderKind::Builtin => "builtin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [ProviderKind::Openai, ProviderKind::Builtin].into_iter().find(|kind| kind.as_str() == text)
    }
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
    pub created_at: Time,
}

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
        check.done()
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
