//! One model's page in words: its prices, what one's own calls would cost on it, its routes, its use by days.

use super::{Appraisal, change, each, errors, exact, signed, state, tokens, wait};
use crate::charts::{Bucket, Chart};
use crate::console::models::told::{Days, FigureTold, ModelPage, Own, RouteTold};
use crate::console::ui::money::{amount, grouped, percent};
use crate::console::ui::place::Place;
use crate::console::ui::shares::Line;
use crate::console::ui::status::Sign;
use crate::console::ui::sum::{SumKind, SumRow};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::model::Model;
use crate::domain::period::Period;
use crate::domain::price::Price;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::appraise::{Callable, OWN_DAYS, Repriced};
use crate::gateway::usage::Used;
use crate::page::dashboard::cost::shown;
use crate::page::dashboard::decimals;
use crate::page::when::{When, capital};
use std::collections::HashMap;
use std::time::Duration;

/// Over how many days latency and errors are told here.
const DAYS: u32 = 30;

/// The page of a model; `of` names the model whose calls are priced anew, all of them where it is empty.
///
/// # Errors
/// Where there is no such model; when the database fails.
pub async fn page(gateway: &Gateway, reader: &Account, name: &str, of: &str) -> Result<ModelPage, Problem> {
    let model = gateway.model(name).ok_or_else(|| Problem::not_found("model"))?;
    let when = When::of(reader, gateway.clock().now());
    let appraisal = Appraisal::of(gateway, reader, DAYS).await?;
    let performance = appraisal.performance(&model);
    let callable = gateway.callable(&model);
    let (sign, state, why) = state(callable);
    let (prices, unpriced) = prices(&model);
    let figure = |label: &str, text: String, note: String| {
        let (value, unit) = text.split_once(' ').map_or((text.as_str(), ""), |(value, unit)| (value, unit));
        FigureTold { label: label.to_owned(), value: value.to_owned(), unit: unit.to_owned(), note }
    };
    let here = format!("last {DAYS} days, everyone’s calls");
    Ok(ModelPage {
        name: model.name.clone(),
        title: model.display_name.clone(),
        sign,
        state: state.to_owned(),
        why: if callable == Callable::Yes { appraisal.keys(&model) } else { why.to_owned() },
        can: model.capabilities.clone(),
        figures: vec![
            figure("Context", tokens(model.context_length), "tokens, input and output together".to_owned()),
            figure("Most output", tokens(model.max_output_tokens), "tokens an answer".to_owned()),
            figure(
                "First byte here",
                wait(performance.first_byte_ms()),
                performance
                    .total_ms()
                    .map_or_else(|| here.clone(), |ms| format!("{} to the end; {here}", wait(Some(ms)))),
            ),
            figure("Errors here", errors(&performance), here.clone()),
        ],
        prices,
        unpriced,
        own: own(gateway, reader, &appraisal, &model, of).await?,
        routes: routes(gateway, &appraisal, &model),
        fallbacks: fallbacks(gateway, &model),
        days: days(gateway, reader, &appraisal, &model, &when).await?,
        snippets: snippets(&crate::page::origin(), &model.name),
        logs: Place::new("/logs").with("model", model.name.as_str()).with("time", "30d").href(),
        is_admin: appraisal.is_admin,
        is_callable: callable == Callable::Yes,
        as_of: when.text(when.now, "%H:%M:%S"),
    })
}

/// Who answers where no route of its own does.
fn fallbacks(gateway: &Gateway, model: &Model) -> Vec<String> {
    let is_open = model.enabled && model.price.is_some();
    let all = gateway.fallbacks(model).into_iter().filter(|other| is_open && gateway.is_served(other));
    all.map(|other| other.name.clone()).collect()
}

/// A line for each price, or why there are none.
fn prices(model: &Model) -> (Vec<Line>, String) {
    match &model.price {
        None => (Vec::new(), "It has no price yet, so its calls are refused until an admin sets one.".to_owned()),
        Some(Price::Free) => (Vec::new(), "Free: its calls are let through and cost nothing.".to_owned()),
        Some(price) => {
            let line =
                |(name, unit, price)| Line { name, sub: each(unit), figures: vec![exact(price)], ..Line::default() };
            (super::prices(price).into_iter().map(line).collect(), String::new())
        }
    }
}

/// What the reader's last days would have cost on this model.
async fn own(
    gateway: &Gateway,
    reader: &Account,
    appraisal: &Appraisal,
    model: &Model,
    of: &str,
) -> Result<Own, Problem> {
    let mut by_model = gateway.own_use(reader).await?;
    by_model.retain(|used| used.calls > used.refused);
    by_model.sort_by(|one, other| other.cost.cmp(&one.cost).then_with(|| one.model.cmp(&other.model)));
    let mut options = vec![(String::new(), "All models".to_owned())];
    options.extend(by_model.iter().filter_map(|used| used.model.clone()).map(|name| (name.clone(), name)));
    let is_known = options.iter().any(|(value, _)| value == of);
    let used = Used::total(by_model.iter().filter(|used| of.is_empty() || used.model.as_deref() == Some(of)));
    let own = Own {
        whose: appraisal.whose(),
        options,
        chosen: of.to_owned(),
        nothing: String::new(),
        then: String::new(),
        now: String::new(),
        change: String::new(),
        sum: Vec::new(),
        assumes: String::new(),
    };
    let nothing = |text: String| Ok(Own { nothing: text, ..own.clone() });
    let Some(price) = model.price.as_ref() else {
        return nothing("Once it has a price, this says what those calls would have cost on it.".to_owned());
    };
    if !is_known {
        return nothing(format!("There were no calls of {of} in {}.", lower(&appraisal.whose())));
    }
    if used.calls == used.refused {
        return nothing(format!("There were no calls in {}.", lower(&appraisal.whose())));
    }
    let Some(priced) = Repriced::of(&used, price) else {
        return nothing("Its price is not of tokens, which is what calls are summed up by.".to_owned());
    };
    let now = priced.cost;
    let decimals = decimals(used.cost.max(now));
    let tiers = if priced.is_below_tiers { " Long inputs count at the ordinary price." } else { "" };
    Ok(Own {
        then: amount(used.cost, decimals),
        now: amount(now, decimals),
        change: change(now, used.cost),
        sum: sum(&priced, used.cost, decimals),
        assumes: format!(
            "{} calls, priced anew as one sum. It assumes that this model would have counted and written as many tokens, \
             and found as many of them cached; what was written into a cache counts as input, and what is no token is left \
             out.{tiers}",
            grouped(signed(used.calls - used.refused))
        ),
        ..own
    })
}

/// “your last 30 days”, in the middle of a sentence.
fn lower(whose: &str) -> String {
    let mut letters = whose.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The arithmetic, rounded so that whoever adds it up gets the rounded total.
fn sum(priced: &Repriced, then: Credits, decimals: u32) -> Vec<SumRow> {
    let Repriced { lines, cost: now, .. } = priced;
    let mut rows = Vec::new();
    let costs: Vec<Credits> = lines.iter().map(|line| line.cost()).collect();
    for (at, (line, cost)) in lines.iter().zip(shown(&costs, decimals)).enumerate() {
        let (op, per) = (if at == 0 { "" } else { "+" }, if line.kind.per() == 1 { "" } else { " / M" });
        let how = format!("{} × {}{per}", grouped(signed(line.quantity)), exact(line.each));
        rows.push(SumRow::new(op, &capital(line.kind.label()), amount(cost, decimals)).how(how));
    }
    rows.push(SumRow::new("", "On this model", amount(*now, decimals)).kind(SumKind::Total));
    rows.push(SumRow::new("−", "As called", amount(then, decimals)));
    let less = now.nanos().saturating_sub(then.nanos());
    let kind = if less > 0 { SumKind::Over } else { SumKind::Sum };
    let (what, less) = if less > 0 { ("More by", less) } else { ("Less by", less.saturating_neg()) };
    rows.push(SumRow::new("", what, amount(Credits::from_nanos(less), decimals)).kind(kind));
    rows
}

/// In the order in which they are tried.
fn routes(gateway: &Gateway, appraisal: &Appraisal, model: &Model) -> Vec<RouteTold> {
    let open: Vec<String> = gateway.ways(model, 0.0).iter().map(|way| way.upstream.provider.id.to_string()).collect();
    let is_open = |id: &str| open.iter().any(|open| open == id);
    let mut weights: HashMap<u32, u64> = HashMap::new();
    for route in model.routes.iter().filter(|route| is_open(route.provider_id.as_str())) {
        *weights.entry(route.priority).or_default() += u64::from(route.weight);
    }
    let mut routes: Vec<_> = model.routes.iter().collect();
    routes.sort_by_key(|route| (route.priority, std::cmp::Reverse(route.weight)));
    let told = routes.into_iter().map(|route| {
        let is_open = is_open(route.provider_id.as_str());
        let all = weights.get(&route.priority).copied().unwrap_or_default();
        RouteTold {
            provider: appraisal.names.get(&route.provider_id).cloned().unwrap_or_default(),
            upstream_model: match route.upstream_model.as_str() {
                "" => model.name.clone(),
                name => name.to_owned(),
            },
            priority: route.priority.to_string(),
            weight: grouped(i64::from(route.weight)),
            share: match is_open {
                true => format!("{} %", percent(i64::from(route.weight), signed(all))),
                false => "—".to_owned(),
            },
            sign: if is_open { Sign::Flows } else { Sign::Off },
            state: if is_open { "Open" } else { "Provider off" }.to_owned(),
        }
    });
    told.collect()
}

/// Its use by days; `None` where it was not called.
async fn days(
    gateway: &Gateway,
    reader: &Account,
    appraisal: &Appraisal,
    model: &Model,
    when: &When,
) -> Result<Option<Days>, Problem> {
    let days = last_days(when);
    let first = days.first().copied().unwrap_or(when.now);
    let used = gateway.own_days(reader, &model.name, first, when.zone.clone()).await?;
    let total = Used::total(&used);
    if total.calls == 0 {
        return Ok(None);
    }
    let decimals = decimals(total.cost);
    let by_day: HashMap<Time, &Used> = used.iter().filter_map(|used| Some((used.at?, used))).collect();
    let none = Used::default();
    let mut buckets = Vec::new();
    let mut lines = Vec::new();
    for day in days {
        let used = by_day.get(&day).copied().unwrap_or(&none);
        let is_today = day == Period::Day.start(when.now, &when.zone);
        let name = when.text(day, "%-d %B");
        let cost = amount(used.cost, decimals);
        let logs = Place::new("/logs").with("model", model.name.as_str()).with("from", day.to_string());
        let href = logs.with("to", Period::Day.end(day, &when.zone).unwrap_or(when.now).to_string()).href();
        let served = used.calls - used.refused;
        let calls = if served == 1 { "1 call".to_owned() } else { format!("{} calls", grouped(signed(served))) };
        buckets.push(Bucket {
            label: if is_today { "today".to_owned() } else { when.text(day, "%-d %b") },
            says: format!("{name}: {cost} credits, {calls}"),
            href: href.clone(),
            current: is_today,
            values: vec![used.cost.nanos() as f64 / 1e9],
            expected: None,
        });
        lines.push(Line {
            name: when.text(day, "%-d %b"),
            href: Some(href),
            figures: figures(used, decimals),
            ..Line::default()
        });
    }
    let highest = used.iter().max_by_key(|used| used.cost).and_then(|used| Some((used.at?, used.cost)));
    let highest = highest.filter(|(_, cost)| *cost > Credits::ZERO).map_or_else(
        || "Nothing was spent".to_owned(),
        |(day, cost)| format!("Highest {} credits on {}", amount(cost, decimals), when.text(day, "%-d %B")),
    );
    let chart = Chart {
        id: "days".to_owned(),
        title: format!("Cost by day: the last {OWN_DAYS} days"),
        description: format!("{highest}; total {} credits.", amount(total.cost, decimals)),
        unit: "credits".to_owned(),
        buckets,
        series: vec![model.name.clone()],
        is_short: false,
    };
    let whose = if appraisal.is_admin { "everyone’s calls" } else { "your calls" };
    Ok(Some(Days {
        note: format!("credits a day, {whose}. {}", when.zone_name()),
        svg: chart.svg(),
        lines,
        total: figures(&total, decimals),
    }))
}

/// Calls that were let through, refused, tokens, credits.
fn figures(used: &Used, decimals: u32) -> Vec<String> {
    let count = |number: u64| grouped(signed(number));
    let served = used.calls - used.refused;
    vec![count(served), count(used.refused), count(used.usage.total()), amount(used.cost, decimals)]
}

/// The beginnings of the last days, today's the last.
fn last_days(when: &When) -> Vec<Time> {
    let mut days = vec![Period::Day.start(when.now, &when.zone)];
    while days.len() < OWN_DAYS as usize {
        let Some(first) = days.last() else { break };
        days.push(Period::Day.start(first.minus(Duration::from_secs(1)), &when.zone));
    }
    days.reverse();
    days
}

/// A call of it in several languages, as it works where it is pasted with a key in TOLLGATE_KEY.
fn snippets(origin: &str, model: &str) -> Vec<(String, String)> {
    let curl = format!(
        "curl {origin}/v1/chat/completions \\\n  -H \"Authorization: Bearer $TOLLGATE_KEY\" \\\n  \
         -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    );
    let python = format!(
        "import os\n\nfrom openai import OpenAI\n\nclient = OpenAI(\n    base_url=\"{origin}/v1\",\n    \
         api_key=os.environ[\"TOLLGATE_KEY\"],\n)\nanswer = client.chat.completions.create(\n    model=\"{model}\",\n    \
         messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}],\n)\nprint(answer.choices[0].message.content)"
    );
    [("curl", curl), ("Python", python)].map(|(language, text)| (language.to_owned(), text)).into()
}
