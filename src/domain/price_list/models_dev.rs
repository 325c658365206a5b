//! models.dev's `api.json`: an object of providers, each with its models; credits for a million tokens.

use super::{Fields, Listed, PriceList, abilities, settled};
use crate::domain::price::{Kind, PerMillion, Rates, Tier};

const COSTS: [(&str, Kind); 7] = [
    ("input", Kind::Input),
    ("output", Kind::Output),
    ("reasoning", Kind::Reasoning),
    ("cache_read", Kind::CachedInput),
    ("cache_write", Kind::CacheWrite),
    ("input_audio", Kind::AudioInput),
    ("output_audio", Kind::AudioOutput),
];

/// The one tier that the file has.
const LONG: (&str, u64) = ("context_over_200k", 200_000);

pub(super) fn read(text: &str, provider: Option<&str>) -> Result<PriceList, String> {
    let providers = Fields::read(text).ok_or("This is no models.dev file: it is not one object of providers.")?;
    let mut list = PriceList::default();
    let mut is_known = false;
    for id in providers.names() {
        let Some(models) = providers.fields(id).and_then(|entry| entry.fields("models")) else {
            list.note(id.to_owned(), Err("this provider has no models".to_owned()));
            continue;
        };
        is_known = true;
        if provider.is_some_and(|provider| provider != id) {
            continue;
        }
        for model in models.names() {
            let name = if provider.is_some() { model.to_owned() } else { format!("{id}/{model}") };
            let entry = models.fields(model).ok_or_else(|| "its entry is no object".to_owned());
            let read = entry.and_then(|entry| listed(&name, id, &entry));
            list.note(name, read);
        }
    }
    match is_known {
        true => Ok(list),
        false => Err("This is no models.dev file: no provider in it has models.".to_owned()),
    }
}

fn listed(name: &str, provider: &str, entry: &Fields) -> Result<Listed, String> {
    let cost = entry.fields("cost").ok_or("it has no price")?;
    let mut rates = Rates { tokens: tokens(&cost)?, ..Rates::default() };
    for kind in [Kind::Input, Kind::Output] {
        rates.tokens.stated(kind).ok_or_else(|| format!("its {} has no price", kind.label()))?;
    }
    if let Some(long) = cost.fields(LONG.0) {
        rates.tiers.push(Tier { above: LONG.1, tokens: tokens(&long)? });
    }
    let is_taken = |name: &&str| *name == LONG.0 || COSTS.iter().any(|(known, _)| known == name);
    let left_out = cost.names().filter(|name| !is_taken(name)).map(|name| format!("cost.{name}")).collect();
    let of = |side: &str| -> Vec<String> {
        entry.fields("modalities").and_then(|modalities| modalities.of(side)).unwrap_or_default()
    };
    let (takes, makes) = (of("input"), of("output"));
    let has = |list: &[String], what: &str| list.iter().any(|one| one == what);
    let is_chat = has(&makes, "text");
    let capabilities = abilities([
        (is_chat, "chat"),
        (has(&takes, "image"), "vision"),
        (entry.is("tool_call"), "tools"),
        (is_chat, "streaming"),
        (entry.is("reasoning"), "reasoning"),
        (has(&takes, "audio") || has(&makes, "audio"), "audio"),
        (has(&makes, "image"), "images"),
    ]);
    let limit = |name: &str| entry.fields("limit").and_then(|limit| limit.count(name)).filter(|count| *count > 0);
    Ok(Listed {
        name: name.to_owned(),
        provider: provider.to_owned(),
        context_length: limit("context"),
        max_output_tokens: limit("output"),
        capabilities,
        price: settled(rates)?,
        left_out,
    })
}

fn tokens(cost: &Fields) -> Result<PerMillion, String> {
    COSTS.into_iter().try_fold(PerMillion::default(), |tokens, (name, kind)| {
        let price = cost.credits(name, 0)?;
        Ok(price.map_or(tokens, |price| tokens.with(kind, price)))
    })
}
