//! Facts of well-known models as this house keeps them: where they are from and of which day, and prices as the management
//! API writes them. Made from a price file by [`Snapshot::distilled`], never by hand.

use super::{Format, Listed, PriceList};
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Where the facts are from.
    pub source: String,
    /// The day they were taken, such as `2026-11-20`.
    pub date: String,
    pub models: Vec<Listed>,
}

impl Snapshot {
    /// The models of these names out of a price file, in the order of the file's names: the same file and names make the
    /// same bytes.
    ///
    /// # Errors
    /// Where the file is none, or does not price one of the names.
    pub fn distilled(format: Format, text: &str, names: &[&str], source: &str, date: &str) -> Result<Self, String> {
        let PriceList { mut models, skipped } = PriceList::read(format, text, None)?;
        for name in names {
            if let Some(skipped) = skipped.iter().find(|skipped| skipped.name == *name) {
                return Err(format!("{name}: {}", skipped.reason));
            }
            if !models.iter().any(|listed| listed.name == *name) {
                return Err(format!("{name} is not in the file"));
            }
        }
        models.retain(|listed| names.contains(&listed.name.as_str()));
        for listed in &mut models {
            // As its own provider calls it: the list's names begin with the provider's where others serve the same.
            let own = listed.name.rsplit('/').next().unwrap_or_default().to_owned();
            listed.name = own;
        }
        models.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(pair) = models.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(format!("two models are called {}", pair[0].name));
        }
        Ok(Self { source: source.to_owned(), date: date.to_owned(), models })
    }

    /// As it is kept: a model a line, so that a change of one shows as one.
    pub fn written(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let models = self.models.iter().map(|listed| serde_json::to_string(listed).unwrap_or_default());
        let models = models.map(|line| format!("  {line}")).collect::<Vec<_>>().join(",\n");
        let (source, date) = (quoted(&self.source), quoted(&self.date));
        format!("{{\"source\":{source},\"date\":{date},\"models\":[\n{models}\n]}}\n")
    }
}

pub(super) fn read(text: &str, provider: Option<&str>) -> Result<PriceList, String> {
    let snapshot: Snapshot =
        serde_json::from_str(text).map_err(|error| format!("This is no snapshot of models: {error}."))?;
    let mut models = snapshot.models;
    models.retain(|listed| provider.is_none_or(|provider| listed.provider == provider));
    Ok(PriceList { models, skipped: Vec::new() })
}
