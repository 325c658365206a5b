//! The catalogue as a list: what is asked of it, narrowed, ordered and paged, and what its rows say.

use super::{Appraisal, change, compare, errors, price, state, tokens, wait};
use crate::console::models::Asked;
use crate::console::models::told::{ModelList, ModelRow};
use crate::console::ui::money::amount;
use crate::domain::account::Account;
use crate::domain::model::Model;
use crate::domain::price::{Kind, Price};
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::appraise::Callable;
use std::cmp::Ordering;
use std::sync::Arc;

/// Models on a page.
const ROWS: usize = 50;

/// Where a model stands in an order: those that have no such value come last, whichever way it goes; names decide.
type Rank = (bool, i128, String);

/// A page of the models that are asked for.
///
/// # Errors
/// For a filter or an order that is none; when the database fails.
pub async fn page(gateway: &Gateway, reader: &Account, asked: &Asked) -> Result<ModelList, Problem> {
    let appraisal = Appraisal::of(gateway, reader, days(&asked.days)?).await?;
    let order = Order::read(&asked.sort)?;
    let mut found = gateway.models();
    let narrow = Narrow::of(asked)?;
    found.retain(|model| narrow.keeps(gateway, &appraisal, model));
    let mut ranked: Vec<(Rank, Arc<Model>)> =
        found.into_iter().map(|model| (order.rank(&appraisal, &model), model)).collect();
    ranked.sort_by(|(one, _), (other, _)| order.compare(one, other));
    let after = (!asked.after.is_empty()).then(|| order.read_place(&asked.after));
    let before = after.map_or(0, |after| ranked.partition_point(|(rank, _)| order.compare(rank, &after).is_le()));
    let shown = &ranked[before..ranked.len().min(before + ROWS)];
    let place = |at: usize| order.place(&ranked[at].0);
    let newer = (before > 0).then(|| before.checked_sub(ROWS + 1).map(place).unwrap_or_default());
    let last = before + shown.len();
    Ok(ModelList {
        rows: shown.iter().map(|(_, model)| row(gateway, &appraisal, model)).collect(),
        span: match shown.len() {
            0 => String::new(),
            count if count == ranked.len() => format!("{count} of {count}"),
            _ => format!("{}–{last} of {}", before + 1, ranked.len()),
        },
        newer,
        older: (last < ranked.len() && last > 0).then(|| place(last - 1)),
        sort: asked.sort.clone(),
        whose: appraisal.whose(),
        spent: (appraisal.used.calls > appraisal.used.refused).then(|| amount(appraisal.used.cost, appraisal.decimals)),
        is_narrowed: asked.is_narrowed(),
        is_admin: appraisal.is_admin,
        compared: compare::compare(gateway, &appraisal, &asked.compare),
    })
}

/// Over how many days latency and errors are told.
fn days(text: &str) -> Result<u32, Problem> {
    match text {
        "" | "30" => Ok(30),
        "7" => Ok(7),
        _ => Err(Problem::field("days", format!("“{text}” is no such stretch. Write 7 or 30."))),
    }
}

/// What is asked for.
struct Narrow<'a> {
    search: String,
    asked: &'a Asked,
}

impl<'a> Narrow<'a> {
    fn of(asked: &'a Asked) -> Result<Self, Problem> {
        let known = ["", "yes", "mine", "no"];
        if !known.contains(&asked.callable.as_str()) {
            let message = format!("“{}” is no such filter. Write yes, mine or no.", asked.callable);
            return Err(Problem::field("callable", message));
        }
        Ok(Self { search: asked.q.to_lowercase(), asked })
    }

    fn keeps(&self, gateway: &Gateway, appraisal: &Appraisal, model: &Model) -> bool {
        let Asked { can, provider, callable, .. } = self.asked;
        let has = |text: &str| text.to_lowercase().contains(&self.search);
        let is_callable = || gateway.callable(model) == Callable::Yes;
        (has(&model.name) || has(&model.display_name))
            && (can.is_empty() || model.capabilities.contains(can))
            && (provider.is_empty() || model.routes.iter().any(|route| route.provider_id.as_str() == provider))
            && match callable.as_str() {
                "yes" => is_callable(),
                "mine" => is_callable() && appraisal.reach.keys_for(&model.name) > 0,
                "no" => !is_callable(),
                _ => true,
            }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Name,
    /// Of input, then of output.
    Price,
    Context,
    FirstByte,
    Errors,
    /// What the reader's calls would cost.
    Would,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    by: Value,
    is_descending: bool,
}

impl Order {
    fn read(text: &str) -> Result<Self, Problem> {
        let (is_descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let by = match name {
            "" | "name" => Value::Name,
            "price" => Value::Price,
            "context" => Value::Context,
            "latency" => Value::FirstByte,
            "errors" => Value::Errors,
            "cost" => Value::Would,
            _ => {
                let message = format!("“{name}” is no order. Write name, price, context, latency, errors or cost.");
                return Err(Problem::field("sort", message));
            }
        };
        Ok(Self { by, is_descending })
    }

    fn rank(self, appraisal: &Appraisal, model: &Model) -> Rank {
        let performance = appraisal.performance(model);
        let value = match self.by {
            Value::Name => Some(0),
            Value::Price => model.price.as_ref().and_then(|price| match price {
                Price::Free => Some(0),
                Price::Rates(rates) => {
                    let of = |kind| i128::from(rates.tokens.of(kind).nanos());
                    (!rates.tokens.is_empty()).then(|| (of(Kind::Input) << 63) + of(Kind::Output))
                }
            }),
            Value::Context => model.context_length.map(i128::from),
            Value::FirstByte => performance.first_byte_ms().map(i128::from),
            // In millionths.
            Value::Errors => (i128::from(performance.failed) * 1_000_000).checked_div(i128::from(performance.calls)),
            Value::Would => appraisal.would_cost(model).map(|cost| i128::from(cost.nanos())),
        };
        let value = value.map(|value| if self.is_descending { -value } else { value });
        (value.is_none(), value.unwrap_or_default(), model.name.clone())
    }

    /// Which of two comes first.
    fn compare(self, one: &Rank, other: &Rank) -> Ordering {
        match (self.by, self.is_descending) {
            (Value::Name, true) => other.2.cmp(&one.2),
            _ => one.cmp(other),
        }
    }

    /// A row's place, as the address holds it; of names it is the name itself.
    fn place(self, rank: &Rank) -> String {
        let (is_missing, value, name) = rank;
        match self.by {
            Value::Name => name.clone(),
            _ => format!("{}{value}~{name}", if *is_missing { "-~" } else { "" }),
        }
    }

    fn read_place(self, text: &str) -> Rank {
        if self.by == Value::Name {
            return (false, 0, text.to_owned());
        }
        let (is_missing, text) = text.strip_prefix("-~").map_or((false, text), |rest| (true, rest));
        let (value, name) = text.split_once('~').unwrap_or(("0", text));
        (is_missing, value.parse().unwrap_or_default(), name.to_owned())
    }
}

fn row(gateway: &Gateway, appraisal: &Appraisal, model: &Model) -> ModelRow {
    let performance = appraisal.performance(model);
    let callable = gateway.callable(model);
    let (sign, state, why) = state(callable);
    let would = appraisal.would_cost(model);
    ModelRow {
        name: model.name.clone(),
        title: model.display_name.clone(),
        served_by: appraisal.served_by(model),
        is_served: !model.routes.is_empty(),
        can: model.capabilities.join(", "),
        context: tokens(model.context_length),
        most_output: tokens(model.max_output_tokens),
        price: price(model),
        first_byte: wait(performance.first_byte_ms()),
        errors: errors(&performance),
        would: would.map(|would| amount(would, appraisal.decimals)).unwrap_or_default(),
        change: would.map(|would| change(would, appraisal.used.cost)).unwrap_or_default(),
        sign,
        state: state.to_owned(),
        why: if callable == Callable::Yes { appraisal.keys(model) } else { why.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_any_order_is_read_back_as_it_was_written() {
        for sort in ["", "name", "-name", "price", "-price", "-latency"] {
            let order = Order::read(sort).expect("an order");
            for (is_missing, value) in [(false, 0), (false, 5_i128 << 63), (true, 0)] {
                if order.by == Value::Name && (is_missing || value != 0) {
                    continue;
                }
                for name in ["gpt-4o", "lab/one~two"] {
                    let value = if order.is_descending { -value } else { value };
                    let rank = (is_missing, value, name.to_owned());
                    assert_eq!(order.read_place(&order.place(&rank)), rank, "{sort} {name}");
                }
            }
        }
        assert!(Order::read("colour").is_err());
    }

    #[test]
    fn names_go_down_as_they_go_up() {
        let down = Order::read("-name").expect("an order");
        let mut ranks = ["gpt-4", "gpt-4o", "a", "tollgate/echo"].map(|name| (false, 0, name.to_owned()));
        ranks.sort_by(|one, other| down.compare(one, other));
        let places = ranks.map(|rank| down.place(&rank));
        assert_eq!(places, ["tollgate/echo", "gpt-4o", "gpt-4", "a"]);
    }
}
