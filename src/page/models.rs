//! The catalogue in words: what each model is, what it costs, how it does here, and what one's own calls would cost on it.

mod compare;
pub mod list;
pub mod one;

use crate::console::models::told::PriceTold;
use crate::console::ui::money::{amount, grouped, percent, short};
use crate::console::ui::status::Sign;
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::id::ProviderId;
use crate::domain::model::Model;
use crate::domain::price::{Kind, Price};
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::appraise::{Callable, OWN_DAYS, Performance, Reach, Repriced};
use crate::gateway::usage::Used;
use crate::page::dashboard::decimals;
use crate::page::when::capital;
use std::collections::HashMap;

/// What models are told by, read once for all of them.
struct Appraisal {
    names: HashMap<ProviderId, String>,
    performance: HashMap<String, Performance>,
    reach: Reach,
    /// What the reader's calls used.
    used: Used,
    /// Of the money that is compared.
    decimals: u32,
    is_admin: bool,
}

impl Appraisal {
    async fn of(gateway: &Gateway, reader: &Account, days: u32) -> Result<Self, Problem> {
        let used = Used::total(&gateway.own_use(reader).await?);
        Ok(Self {
            names: gateway.provider_names(),
            performance: gateway.performance(days).await?,
            reach: gateway.reach(reader).await?,
            decimals: decimals(used.cost),
            used,
            is_admin: reader.is_admin(),
        })
    }

    /// The names of those that serve it, each once.
    fn providers(&self, model: &Model) -> Vec<String> {
        let mut providers: Vec<String> = Vec::new();
        for name in model.routes.iter().filter_map(|route| self.names.get(&route.provider_id)) {
            if !providers.contains(name) {
                providers.push(name.clone());
            }
        }
        providers
    }

    fn served_by(&self, model: &Model) -> String {
        let providers = self.providers(model);
        if providers.is_empty() { "nobody".to_owned() } else { providers.join(", ") }
    }

    fn performance(&self, model: &Model) -> Performance {
        self.performance.get(&model.name).copied().unwrap_or_default()
    }

    /// What the reader's calls would have cost on it. `None` where it has no price, or there were none.
    fn would_cost(&self, model: &Model) -> Option<Credits> {
        Some(Repriced::of(&self.used, model.price.as_ref()?)?.cost)
    }

    /// “Your last 30 days”: whose, since an admin is shown everyone's.
    fn whose(&self) -> String {
        format!("{} last {OWN_DAYS} days", if self.is_admin { "Everyone’s" } else { "Your" })
    }

    /// “3 of your keys”.
    fn keys(&self, model: &Model) -> String {
        match (self.reach.keys(), self.reach.keys_for(&model.name)) {
            (0, _) => String::new(),
            (1, 1) => "your key may call it".to_owned(),
            (all, some) if all == some => format!("all {all} of your keys"),
            (_, 0) => "none of your keys".to_owned(),
            (_, 1) => "1 of your keys".to_owned(),
            (_, some) => format!("{some} of your keys"),
        }
    }
}

/// How a model stands: its sign, the word, and why.
fn state(callable: Callable) -> (Sign, &'static str, &'static str) {
    match callable {
        Callable::Yes => (Sign::Flows, "Open", ""),
        Callable::Off => (Sign::Off, "Off", "calls are refused"),
        Callable::Unpriced => (Sign::Blocks, "Not callable", "it has no price"),
        Callable::Unserved => (Sign::Blocks, "Not callable", "it has no route"),
    }
}

/// “128 k”; a dash where nobody said.
fn tokens(count: Option<u64>) -> String {
    count.map_or_else(|| "—".to_owned(), |count| short(signed(count)))
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// “412 ms”, “1.24 s”.
fn wait(ms: Option<u64>) -> String {
    match ms {
        None => "—".to_owned(),
        Some(ms @ 0..10_000) => format!("{} ms", grouped(signed(ms))),
        Some(ms) => format!("{}.{} s", grouped(signed(ms / 1_000)), ms % 1_000 / 100),
    }
}

/// The share of its calls that failed: “0.4 %”.
fn errors(performance: &Performance) -> String {
    match performance.calls {
        0 => "—".to_owned(),
        calls => format!("{} %", percent(signed(performance.failed), signed(calls))),
    }
}

/// How much more or less: “−61.7 %”.
fn change(now: Credits, before: Credits) -> String {
    match now.nanos().saturating_sub(before.nanos()) {
        _ if before <= Credits::ZERO => String::new(),
        0 => "the same".to_owned(),
        less @ ..0 => format!("−{} %", percent(less.saturating_neg(), before.nanos())),
        more => format!("+{} %", percent(more, before.nanos())),
    }
}

/// A price with all its decimals, and no fewer than two.
fn exact(price: Credits) -> String {
    let text = price.to_string();
    let decimals = text.len() - text.find('.').map_or(text.len(), |point| point + 1);
    amount(price, u32::try_from(decimals).unwrap_or(9))
}

fn price(model: &Model) -> PriceTold {
    match &model.price {
        None => PriceTold::Missing,
        Some(Price::Free) => PriceTold::Free,
        Some(price @ Price::Rates(rates)) => match rates.tokens.is_empty() {
            false => PriceTold::Each {
                input: exact(rates.tokens.of(Kind::Input)),
                cached: rates.tokens.stated(Kind::CachedInput).map(exact).unwrap_or_default(),
                output: exact(rates.tokens.of(Kind::Output)),
            },
            true => {
                let first = prices(price).into_iter().next();
                PriceTold::Other(
                    first.map(|(_, unit, price)| format!("{} {}", exact(price), each(unit))).unwrap_or_default(),
                )
            }
        },
    }
}

/// “a million tokens”, “an image”.
fn each(unit: &str) -> String {
    let article = if unit.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {unit}")
}

/// Every price that is stated: of what, the unit that it is for, and how much.
fn prices(price: &Price) -> Vec<(String, &'static str, Credits)> {
    let Price::Rates(rates) = price else { return Vec::new() };
    let mut all = Vec::new();
    for kind in Kind::TOKENS {
        all.extend(rates.tokens.stated(kind).map(|price| (capital(kind.label()), kind.unit(), price)));
    }
    for tier in &rates.tiers {
        for kind in Kind::TOKENS {
            let name = format!("{}, in calls of more than {} in", capital(kind.label()), tokens(Some(tier.above)));
            all.extend(tier.tokens.stated(kind).map(|price| (name, kind.unit(), price)));
        }
    }
    let mut add = |kind: Kind, name: &str, price: Option<Credits>| {
        all.extend(price.map(|price| (name.to_owned(), kind.unit(), price)));
    };
    add(Kind::Image, "Images", rates.per_image);
    for (variant, price) in &rates.per_image_by {
        add(Kind::Image, &format!("Images, {variant}"), Some(*price));
    }
    add(Kind::Characters, "Characters spoken", rates.per_million_characters);
    add(Kind::Audio, "Sound or video", rates.per_second);
    for (variant, price) in &rates.per_second_by {
        add(Kind::Video, &format!("Sound or video, {variant}"), Some(*price));
    }
    add(Kind::Request, "Requests", rates.per_request);
    add(Kind::Search, "Searches", rates.per_search);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_as_one_would_say_them() {
        let credits = Credits::from_nanos;
        assert_eq!(change(credits(158), credits(412)), "−61.7 %");
        assert_eq!(change(credits(3), credits(2)), "+50.0 %");
        assert_eq!(
            (change(credits(2), credits(2)), change(credits(2), credits(0))),
            ("the same".into(), String::new())
        );
        assert_eq!([wait(None), wait(Some(412)), wait(Some(12_340))], ["—", "412 ms", "12.3 s"]);
        assert_eq!(exact(credits(2_500_000_000)), "2.50");
        assert_eq!(exact(credits(75_000_000)), "0.075");
    }
}
