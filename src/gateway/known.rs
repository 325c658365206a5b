//! Well-known models: facts that ship with the binary, so that an admin who adds one need not look them up.

use super::Gateway;
use super::import::new_model;
use crate::domain::model::Model;
use crate::domain::price_list::{Format, Listed, PriceList};
use std::sync::LazyLock;

/// The file, as [`crate::domain::price_list::Snapshot`] writes it. `cargo run --example snapshot` makes it anew.
pub const SNAPSHOT: &str = include_str!("known/models.json");

static MODELS: LazyLock<Vec<Listed>> = LazyLock::new(|| {
    let list = PriceList::read(Format::Snapshot, SNAPSHOT, None);
    // It is part of the binary, and a test reads it.
    list.expect("the snapshot is one").models
});

/// Where the snapshot's facts are from, and of which day.
pub fn provenance() -> (String, String) {
    #[derive(Default, serde::Deserialize)]
    struct Head {
        source: String,
        date: String,
    }
    let Head { source, date } = serde_json::from_str(SNAPSHOT).unwrap_or_default();
    (source, date)
}

impl Gateway {
    /// Well-known models in whose name this stands, in any case: at most so many, by name.
    pub fn known_models(&self, search: &str, most: usize) -> Vec<Listed> {
        let search = search.trim().to_lowercase();
        MODELS.iter().filter(|listed| listed.name.to_lowercase().contains(&search)).take(most).cloned().collect()
    }

    /// A well-known model by its name, as it would be here: without a route, and so called by nobody yet.
    pub fn known_model(&self, name: &str) -> Option<Model> {
        MODELS.iter().find(|listed| listed.name == name).map(new_model)
    }
}
