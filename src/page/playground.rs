//! The playground in words: what there is to choose from, and what a call came to.

use super::trace;
use super::when::When;
use crate::console::playground::told::{PlayChoices, Receipt};
use crate::console::ui::money::{amount, grouped};
use crate::console::ui::place::Place;
use crate::console::ui::status::Sign;
use crate::domain::account::Account;
use crate::domain::call::{Call, CallState};
use crate::domain::id::{CallId, KeyId};
use crate::domain::key::{Key, KeyState};
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::appraise::Callable;
use crate::gateway::issue::KeyQuery;
use std::collections::HashMap;
use std::time::Duration;

/// So many keys are offered, the newest; another is offered if the address names it.
const KEYS: u32 = 200;

/// The keys that can be called as, and the models that can be chatted with; what the address names is among them if it is there.
///
/// # Errors
/// When the database fails.
pub async fn choices(gateway: &Gateway, by: &Account, key: &str, model: &str) -> Result<PlayChoices, Problem> {
    let query = KeyQuery { state: Some(KeyState::Active), limit: KEYS, ..KeyQuery::default() };
    let mut keys = gateway.keys(by, query).await?.data;
    if !key.is_empty()
        && keys.iter().all(|known| known.id.as_str() != key)
        && let Ok(named) = gateway.key(by, &KeyId(key.to_owned())).await
    {
        keys.insert(0, named);
    }
    // One's own first.
    keys.sort_by_key(|key| key.account_id != by.id);
    let names: HashMap<_, _> = match by.is_admin() {
        true => gateway.accounts(by).await?.into_iter().map(|account| (account.id, account.name)).collect(),
        false => HashMap::new(),
    };
    let label = |key: &Key| match names.get(&key.account_id).filter(|_| key.account_id != by.id) {
        Some(owner) => format!("{} ({owner})", key.name),
        None => key.name.clone(),
    };
    let chats = |able: &[String]| able.is_empty() || able.iter().any(|able| able == "chat");
    let models = gateway.models().into_iter().filter(|known| {
        known.name == model || (chats(&known.capabilities) && gateway.callable(known) == Callable::Yes)
    });
    Ok(PlayChoices {
        keys: keys.iter().map(|key| (key.id.to_string(), label(key))).collect(),
        models: models.map(|model| model.name.clone()).collect(),
    })
}

/// How often, and how far apart, a call that is still in flight is looked at again: three seconds in all.
const MOST_TRIES: u32 = 30;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// What a call came to. `None` where it left no row.
///
/// # Errors
/// When the database fails.
pub async fn receipt(gateway: &Gateway, by: &Account, id: String) -> Result<Option<Receipt>, Problem> {
    if id.is_empty() {
        return Ok(None);
    }
    let id = CallId(id);
    let mut tries = 0;
    let call = loop {
        gateway.settled().await?;
        let Ok(call) = gateway.call(by, &id).await else { return Ok(None) };
        // Whoever hangs up asks before the gateway has noticed.
        if call.state != CallState::Pending || tries == MOST_TRIES {
            break call;
        }
        tries += 1;
        tokio::time::sleep(BETWEEN_TRIES).await;
    };
    let when = When::of(by, gateway.clock().now());
    let gates = trace::of_call(gateway, by, &call, &when).await;
    let (sign, says) = outcome(&call);
    let count = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let wait = |ms: Option<u64>| ms.map_or_else(|| "—".to_owned(), |ms| format!("{} ms", count(ms)));
    let is_over = call.state == CallState::Settled;
    let figures = [
        ("Cost", format!("{} credits", amount(call.cost, 9))),
        ("Input", format!("{} tokens", count(call.usage.input))),
        ("Output", format!("{} tokens", count(call.usage.output))),
        ("First byte", wait(call.first_byte_ms)),
        ("In all", wait(call.total_ms)),
        ("By", if call.provider.is_empty() { "nobody".to_owned() } else { call.provider.clone() }),
    ];
    let figures = figures.map(|(name, value)| (name.to_owned(), value));
    Ok(Some(Receipt {
        href: Place::new("/logs").with("call", call.arrival.id.as_str()).href(),
        key_name: call.arrival.key_name.clone(),
        sign,
        says,
        message: call.refusal.as_ref().map(|refusal| refusal.message.clone()).unwrap_or_default(),
        basis: if is_over { call.cost_basis.clone() } else { String::new() },
        figures: if is_over { figures.into() } else { Vec::new() },
        gates,
    }))
}

fn outcome(call: &Call) -> (Sign, String) {
    let code = call.refusal.as_ref().map(|refusal| format!(" {}", refusal.code.as_str())).unwrap_or_default();
    let status = if call.status == 0 { call.refusal.as_ref().map_or(0, |why| why.code.status()) } else { call.status };
    match call.state {
        CallState::Pending => (Sign::Plain, "In flight".to_owned()),
        CallState::Refused => (Sign::Blocks, format!("Refused: {status}{code}")),
        CallState::Settled if status < 400 => (Sign::Flows, format!("{status}, answered")),
        CallState::Settled if status == 499 => (Sign::Warns, "499, stopped".to_owned()),
        CallState::Settled => (Sign::Warns, format!("Failed: {status}{code}")),
    }
}
