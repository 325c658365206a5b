//! The server's half of the page of prices: versions and differences in words, and what its forms do.

use super::when::When;
use crate::console::prices::PricesPage;
use crate::console::prices::acts::{Compared, DiffRow};
use crate::console::prices::versions::VersionRow;
use crate::domain::account::Account;
use crate::domain::price::Price;
use crate::domain::price_list::{Format, Listed};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::import::{Choice, Comparison, Difference, Origin};
use crate::gateway::known;
use crate::gateway::prices::{Dated, Standing};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// So many rows of a difference are shown at once; a search narrows it.
const MOST_ROWS: usize = 200;

/// # Errors
/// Where there is no such model; when the database fails.
pub async fn page(gateway: &Gateway, reader: &Account, model: String) -> Result<PricesPage, Problem> {
    let when = When::of(reader, gateway.clock().now());
    let versions = if model.is_empty() { Vec::new() } else { gateway.prices(&model).await? };
    let mut rows = Vec::new();
    for dated in versions {
        rows.push(row(gateway, &when, dated).await?);
    }
    let lines = gateway.model(&model).and_then(|known| known.price.clone()).map(|price| lines(&price));
    let (source, date) = known::provenance();
    Ok(PricesPage {
        models: gateway.models().iter().map(|model| model.name.clone()).collect(),
        model,
        rows,
        lines: lines.unwrap_or_default(),
        snapshot: format!("{source}, {date}"),
        timezone: when.zone_name(),
    })
}

async fn row(gateway: &Gateway, when: &When, Dated { version, standing }: Dated) -> Result<VersionRow, Problem> {
    let by = match &version.created_by {
        Some(id) => gateway.store().account(id).await?.map(|account| account.name),
        None => None,
    };
    Ok(VersionRow {
        version: version.version,
        standing: standing.as_str().to_owned(),
        starts: match standing {
            Standing::Upcoming => when.soon(version.starts_at),
            _ if version.starts_at == Time::EPOCH => "the beginning".to_owned(),
            _ => when.past(version.starts_at),
        },
        price: said(version.price.as_ref()),
        source: match by {
            Some(name) => format!("{}, by {name}", version.source),
            None => version.source,
        },
    })
}

/// As the form takes it.
fn lines(price: &Price) -> String {
    match price {
        Price::Free => "free".to_owned(),
        Price::Rates(rates) => rates.lines_but(&[]),
    }
}

/// A price in words, a line each.
fn said(price: Option<&Price>) -> Vec<String> {
    match price {
        None => vec!["no price: calls are refused".to_owned()],
        Some(price) => lines(price).lines().map(str::to_owned).collect(),
    }
}

fn comparison(format: &str, url: &str, provider: &str) -> Result<Comparison, Problem> {
    let format = Format::parse(format).ok_or_else(|| Problem::field("format", "Choose one of the lists."))?;
    let url = url.trim();
    let origin = match (format, url.is_empty()) {
        (Format::Snapshot, _) => Origin::Snapshot,
        (_, false) => Origin::Url(url.to_owned()),
        (_, true) => return Err(Problem::field("url", "Write where the list is.")),
    };
    let provider = Some(provider.trim().to_owned()).filter(|provider| !provider.is_empty());
    Ok(Comparison { format, origin, provider, called: BTreeMap::new() })
}

/// Stands for all prices of a difference.
fn digest(difference: &Difference) -> String {
    let mut hasher = DefaultHasher::new();
    let changed = difference.changed.iter().map(|changed| &changed.new);
    for listed in difference.added.iter().chain(changed) {
        (&listed.name, serde_json::to_string(&listed.price).unwrap_or_default()).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// # Errors
/// Where the list cannot be had or read.
pub async fn compared(
    gateway: &Gateway,
    by: &Account,
    format: String,
    url: String,
    provider: String,
    search: &str,
) -> Result<Compared, Problem> {
    let asked = comparison(&format, &url, &provider)?;
    let difference = gateway.compare_prices(by, &asked).await?;
    let digest = digest(&difference);
    let Difference { added, changed, unchanged, skipped } = difference;
    let search = search.trim().to_lowercase();
    let is_found = |name: &str| name.to_lowercase().contains(&search);
    let new = |listed: Listed, old: Option<Option<Price>>| DiffRow {
        name: listed.name,
        is_new: old.is_none(),
        old: old.map(|price| said(price.as_ref())).unwrap_or_default(),
        new: said(Some(&listed.price)),
        left_out: listed.left_out.join(", "),
    };
    let (count_changed, count_added) = (changed.len(), added.len());
    let changed = changed.into_iter().map(|changed| new(changed.new, Some(changed.old)));
    let rows = changed.chain(added.into_iter().map(|listed| new(listed, None)));
    let found: Vec<DiffRow> = rows.filter(|row| is_found(&row.name)).collect();
    let hidden = found.len().saturating_sub(MOST_ROWS);
    let mut says = format!(
        "Prices that would change: {count_changed}. The same: {}. Models not here: {count_added}. Entries that are no prices here: {}.",
        unchanged.len(),
        skipped.len()
    );
    if hidden > 0 {
        says.push_str(&format!(" {hidden} rows are not shown: search for part of a name."));
    }
    let skipped = skipped.into_iter().filter(|skipped| is_found(&skipped.name));
    Ok(Compared {
        says,
        format,
        url,
        provider,
        digest,
        rows: found.into_iter().take(MOST_ROWS).collect(),
        skipped: skipped.take(MOST_ROWS).map(|skipped| (skipped.name, skipped.reason)).collect(),
    })
}

/// # Errors
/// Where the list says other prices than were shown; as [`Gateway::import_prices`] does.
pub async fn imported(
    gateway: &Gateway,
    by: &Account,
    format: String,
    url: String,
    provider: String,
    shown: &str,
    names: Vec<String>,
    create: bool,
) -> Result<String, Problem> {
    let asked = comparison(&format, &url, &provider)?;
    let choice = Choice { names: names.into_iter().collect(), create, starts_at: None };
    let taken = gateway.import_prices_as_shown(by, &asked, &choice, |difference| digest(difference) == shown).await?;
    Ok(format!("Prices taken over: {}. Models made: {}.", taken.changed.len(), taken.added.len()))
}

/// # Errors
/// For what is no price, or no time to come.
pub async fn added(
    gateway: &Gateway,
    by: &Account,
    model: &str,
    price: &str,
    starts_at: &str,
) -> Result<String, Problem> {
    let price = Price::from_lines(price).map_err(|message| Problem::field("price", format!("{message}.")))?;
    let when = When::of(by, gateway.clock().now());
    let starts_at = match starts_at.trim() {
        "" => None,
        text => {
            let civil = text.parse().ok().and_then(|civil| when.zone.instant(civil));
            Some(civil.ok_or_else(|| Problem::field("starts_at", "Write a day and a time, or leave it blank."))?)
        }
    };
    let Dated { version, standing } = gateway.add_price(by, model, price, starts_at).await?;
    Ok(match standing {
        Standing::Upcoming => format!("Version {} takes effect {}.", version.version, when.soon(version.starts_at)),
        _ => format!("Version {} is in force.", version.version),
    })
}
