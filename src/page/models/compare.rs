//! Up to three models beside each other, fact by fact; where a lower or higher figure is better, the best is marked.

use super::{Appraisal, errors, exact, state, tokens, wait};
use crate::console::models::told::{Comparison, Fact, MOST_COMPARED, compared};
use crate::console::ui::money::amount;
use crate::domain::credits::Credits;
use crate::domain::model::Model;
use crate::domain::price::{Kind, Price};
use crate::gateway::Gateway;
use crate::gateway::appraise::Callable;
use std::sync::Arc;

/// A comparison of the models that the address names; those that are not there are left out. `None` where none is left.
pub(super) fn compare(gateway: &Gateway, appraisal: &Appraisal, asked: &str) -> Option<Comparison> {
    let models: Vec<Arc<Model>> =
        compared(asked).iter().filter_map(|name| gateway.model(name)).take(MOST_COMPARED).collect();
    if models.is_empty() {
        return None;
    }
    let told = |label: &str, tell: &dyn Fn(&Model) -> String| Fact {
        label: label.to_owned(),
        values: models.iter().map(|model| (tell(model), false)).collect(),
    };
    let ranked = |label: &str, rank: &dyn Fn(&Model) -> Option<i128>, tell: &dyn Fn(&Model) -> String| {
        let ranks: Vec<Option<i128>> = models.iter().map(|model| rank(model)).collect();
        let best = ranks.iter().flatten().min().copied();
        // Where all are alike none is better.
        let differs = ranks.iter().any(|rank| *rank != best);
        let values =
            models.iter().zip(&ranks).map(|(model, rank)| (tell(model), differs && *rank == best && best.is_some()));
        Fact { label: label.to_owned(), values: values.collect() }
    };
    let money = |label: &str, kind: Kind| {
        let price = |model: &Model| model.price.as_ref().and_then(|price| of(price, kind));
        ranked(label, &|model| price(model).map(|price| i128::from(price.nanos())), &|model| {
            price(model).map_or_else(|| "—".to_owned(), exact)
        })
    };
    let most = |count: Option<u64>| count.map(|count| -i128::from(count));
    let would = appraisal.whose();
    let facts = vec![
        told("Served by", &|model| appraisal.served_by(model)),
        told("Can", &|model| model.capabilities.join(", ")),
        ranked("Context", &|model| most(model.context_length), &|model| tokens(model.context_length)),
        ranked("Most output", &|model| most(model.max_output_tokens), &|model| tokens(model.max_output_tokens)),
        money("Input / M", Kind::Input),
        money("Cached / M", Kind::CachedInput),
        money("Output / M", Kind::Output),
        ranked("First byte here", &|model| appraisal.performance(model).first_byte_ms().map(i128::from), &|model| {
            wait(appraisal.performance(model).first_byte_ms())
        }),
        ranked(
            "Errors here",
            &|model| {
                let performance = appraisal.performance(model);
                (i128::from(performance.failed) * 1_000_000).checked_div(i128::from(performance.calls))
            },
            &|model| errors(&appraisal.performance(model)),
        ),
        told("State", &|model| match gateway.callable(model) {
            Callable::Yes => "open".to_owned(),
            other => state(other).2.to_owned(),
        }),
    ];
    let total = ranked(&would, &|model| appraisal.would_cost(model).map(|cost| i128::from(cost.nanos())), &|model| {
        appraisal.would_cost(model).map_or_else(|| "—".to_owned(), |cost| amount(cost, appraisal.decimals))
    });
    Some(Comparison { names: models.iter().map(|model| model.name.clone()).collect(), facts, total })
}

/// What a kind of token costs; nothing where the price is of no tokens.
fn of(price: &Price, kind: Kind) -> Option<Credits> {
    match price {
        Price::Free => Some(Credits::ZERO),
        Price::Rates(rates) => (!rates.tokens.is_empty()).then(|| rates.tokens.of(kind)),
    }
}
