//! The list of tokens in words, and what it can be narrowed by.

use super::choices::Choices;
use super::sought::Sought;
use super::{Wording, signed};
use crate::console::tokens::fetch::{KeyChoices, KeyList};
use crate::console::ui::money::grouped;
use crate::domain::account::Account;
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::list::KeyPage;

/// Rows on a page.
pub const ROWS: u32 = 25;

/// A page of the list that an address asks for.
///
/// # Errors
/// For a filter that is none; when the database or the books cannot be reached.
pub async fn list(gateway: &Gateway, by: &Account, address: &str) -> Result<KeyList, Problem> {
    let sought = Sought::read(address);
    let wording = Wording::new(by, gateway.clock().now());
    let (page, tally) = gateway.list_and_tally(by, sought.page()?).await?;
    let KeyPage { data, total, before, previous, next } = page;
    let shown = data.len() as u64;
    let rows = gateway.oversee(data).await?;
    let rest = total.saturating_sub(before + shown);
    let count = |count: u64| grouped(signed(count));
    Ok(KeyList {
        rows: rows.iter().map(|overseen| wording.row(by, overseen)).collect(),
        previous: previous.map(|place| (place, format!("Previous {}", count(before.min(u64::from(ROWS)))))),
        next: next.map(|place| (place, format!("Next {}", count(rest.min(u64::from(ROWS)))))),
        span: match shown {
            0 => String::new(),
            shown => format!("{}–{} of {}", count(before + 1), count(before + shown), count(total)),
        },
        total,
        lede: wording.lede(&tally),
        revoked: tally.keys.revoked,
        is_narrowed: sought.is_narrowed(),
        sort: sought.sort,
        as_of: wording.now(),
        curl: if shown == 0 { curl() } else { String::new() },
    })
}

/// How a program makes a key.
fn curl() -> String {
    let origin = crate::page::origin();
    format!(
        "curl {origin}/api/v1/keys \\\n  -H \"Authorization: Bearer tg-mgmt-…\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\"name\": \"production-web\", \"limits\": {{\"monthly_spend\": \"200.00\"}}}}'"
    )
}

/// What the list can be narrowed by.
///
/// # Errors
/// When the database fails.
pub async fn choices(gateway: &Gateway, by: &Account) -> Result<KeyChoices, Problem> {
    let choices = Choices::of(gateway, by).await?;
    Ok(KeyChoices {
        rules: choices.all_rules(),
        groups: choices.groups,
        owners: choices.owners,
        models: gateway.models().iter().map(|model| model.name.clone()).collect(),
    })
}
