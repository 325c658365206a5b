//! What was used: sums from the rollups, rows from the logs.

use super::Gateway;
use super::issue::{Page, cursor, page, page_limit, read_cursor};
use crate::domain::account::Account;
use crate::domain::call::{Call, CallState, Outcome};
use crate::domain::credits::Credits;
use crate::domain::id::{AccountId, CallId, GroupId, KeyId};
use crate::domain::period::{Period, Zone};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::domain::usage::Usage;
use crate::store::calls::CallFilter;
use crate::store::usage::{Apart, UsageFilter, UsageRow};
use jiff::ToSpan;
use std::collections::BTreeMap;

/// How usage is grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Hour,
    Day,
    Month,
    Model,
    Key,
    Group,
    Endpoint,
}

impl By {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "hour" => By::Hour,
            "day" => By::Day,
            "month" => By::Month,
            "model" => By::Model,
            "key" => By::Key,
            "group" => By::Group,
            "endpoint" => By::Endpoint,
            _ => return None,
        })
    }
}

/// What to sum, over `[from, to)`. Periods are cut in `zone`.
#[derive(Clone, Debug)]
pub struct UsageQuery {
    pub from: Time,
    pub to: Time,
    pub by: Vec<By>,
    pub zone: Zone,
    pub key_id: Option<KeyId>,
    pub group_id: Option<GroupId>,
    pub model: Option<String>,
    pub endpoint: Option<String>,
}

/// What a group has used. The parts of its name that were not asked for are empty.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// When its hour, day or month began.
    pub at: Option<Time>,
    pub key_id: Option<KeyId>,
    /// The outer is whether it was asked for, the inner whether the calls counted for any group.
    pub group_id: Option<Option<GroupId>>,
    pub model: Option<String>,
    pub endpoint: Option<String>,
    pub calls: u64,
    pub refused: u64,
    pub failed: u64,
    pub usage: Usage,
    pub cost: Credits,
    /// Over the calls that were not refused.
    pub total_ms: u64,
}

/// Which calls to list. Newest first.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    pub key_id: Option<KeyId>,
    pub group_id: Option<GroupId>,
    pub model: Option<String>,
    pub endpoint: Option<String>,
    /// An exact status, or its hundreds.
    pub status: Option<(u16, u16)>,
    pub state: Option<CallState>,
    /// A call's own id, or the one its caller gave it.
    pub request_id: Option<String>,
    pub from: Option<Time>,
    pub to: Option<Time>,
    /// Towards older calls, as the last page gave it.
    pub cursor: Option<String>,
    /// Towards newer calls: the place of the first row shown, as [`Gateway::log_place`] gives it.
    pub newer_than: Option<String>,
    /// 1 to 1,000; 50 where it is 0.
    pub limit: u32,
}

/// When a sum's period began, its key, its group, its model, its endpoint; those that were asked for.
type SumName = (Option<Time>, Option<KeyId>, Option<Option<GroupId>>, Option<String>, Option<String>);

impl Gateway {
    /// Sums what this account may see: its own calls, or everyone's for an admin. Ordered by the groups' names.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(&self, by: &Account, query: &UsageQuery) -> Result<Vec<Used>, Problem> {
        let asked = |part: By| query.by.contains(&part);
        let filter = UsageFilter {
            apart: Apart {
                time: [By::Hour, By::Day, By::Month].into_iter().any(asked),
                key: asked(By::Key),
                group: asked(By::Group),
                model: asked(By::Model),
                endpoint: asked(By::Endpoint),
            },
            group_id: query.group_id.clone(),
            account_id: own(by),
            key_id: query.key_id.clone(),
            model: query.model.clone(),
            endpoint: query.endpoint.clone(),
            from: query.from,
            to: query.to,
        };
        self.0.journal.caught_up().await;
        let mut groups: BTreeMap<SumName, Used> = BTreeMap::new();
        for row in self.0.store.usage(&filter).await? {
            let group = Used {
                at: query.by.iter().find_map(|by| start(*by, row.at, &query.zone)),
                key_id: query.by.contains(&By::Key).then(|| row.key_id.clone()),
                group_id: query.by.contains(&By::Group).then(|| row.group_id.clone()),
                model: query.by.contains(&By::Model).then(|| row.model.clone()),
                endpoint: query.by.contains(&By::Endpoint).then(|| row.endpoint.clone()),
                ..Used::default()
            };
            let Used { at, key_id, group_id, model, endpoint, .. } = group.clone();
            groups.entry((at, key_id, group_id, model, endpoint)).or_insert(group).add(&row);
        }
        Ok(groups.into_values().collect())
    }

    /// A page of the calls this account may see.
    ///
    /// # Errors
    /// Where the cursor or the limit is not one.
    pub async fn logs(&self, by: &Account, query: LogQuery) -> Result<Page<Call>, Problem> {
        let limit = page_limit(query.limit)?;
        let place = |text: Option<&str>| -> Result<Option<(Time, CallId)>, Problem> {
            Ok(text.map(read_cursor).transpose()?.map(|(at, id)| (at, CallId(id))))
        };
        let filter = CallFilter {
            group_id: query.group_id,
            account_id: own(by),
            key_id: query.key_id,
            model: query.model,
            endpoint: query.endpoint,
            status: query.status,
            state: query.state,
            request_id: query.request_id,
            from: query.from,
            to: query.to,
            after: place(query.cursor.as_deref())?,
            before: place(query.newer_than.as_deref())?,
            limit: limit + 1,
        };
        self.0.journal.caught_up().await;
        let mut calls = self.0.store.calls(&filter).await?;
        if filter.before.is_some() && calls.len() > limit as usize {
            // Towards newer calls the row too many is the newest; what is shown stays next to where one was.
            calls.remove(0);
            let next = calls.last().map(Self::log_place);
            return Ok(Page { data: calls, next });
        }
        Ok(page(calls, limit, Self::log_place))
    }

    /// The place of a call in the logs.
    pub fn log_place(call: &Call) -> String {
        cursor(call.arrival.at, call.arrival.id.as_str())
    }

    /// A call by its request id.
    ///
    /// # Errors
    /// Where this account may see no such call.
    pub async fn call(&self, by: &Account, id: &CallId) -> Result<Call, Problem> {
        self.0.journal.caught_up().await;
        let call = self.0.store.call(id).await?.filter(|call| by.is_admin() || call.arrival.account_id == by.id);
        call.ok_or_else(|| Problem::not_found("call"))
    }

    /// How many calls are newer than a place, up to 1,000.
    ///
    /// # Errors
    /// Where the place is not one.
    pub async fn count_newer(&self, by: &Account, query: LogQuery) -> Result<usize, Problem> {
        Ok(self.logs(by, LogQuery { limit: 1_000, ..query }).await?.data.len())
    }
}

impl Used {
    /// The sum of some groups.
    pub fn total<'u>(groups: impl IntoIterator<Item = &'u Used>) -> Used {
        groups.into_iter().fold(Used::default(), |mut sum, group| {
            sum.calls += group.calls;
            sum.refused += group.refused;
            sum.failed += group.failed;
            sum.usage.input += group.usage.input;
            sum.usage.cached_input += group.usage.cached_input;
            sum.usage.output += group.usage.output;
            sum.usage.reasoning += group.usage.reasoning;
            sum.cost += group.cost;
            sum.total_ms += group.total_ms;
            sum
        })
    }

    /// How long a call took on average, in milliseconds; `None` where none was let through.
    pub fn mean_ms(&self) -> Option<u64> {
        self.total_ms.checked_div(self.calls - self.refused)
    }

    fn add(&mut self, row: &UsageRow) {
        self.calls += row.calls;
        match row.outcome {
            Outcome::Succeeded => {}
            Outcome::Refused => self.refused += row.calls,
            Outcome::Failed => self.failed += row.calls,
        }
        self.usage.input += row.usage.input;
        self.usage.cached_input += row.usage.cached_input;
        self.usage.output += row.usage.output;
        self.usage.reasoning += row.usage.reasoning;
        self.cost += row.cost;
        self.total_ms += row.total_ms;
    }
}

fn own(by: &Account) -> Option<AccountId> {
    (!by.is_admin()).then(|| by.id.clone())
}

/// When the hour, day or month of a quarter hour began; `None` for groups that are not of time.
fn start(by: By, at: Time, zone: &Zone) -> Option<Time> {
    match by {
        By::Hour => {
            let local = zone.local(at);
            let past = i64::from(local.minute()).minutes();
            Some(local.checked_sub(past).map_or(at, |hour| hour.timestamp().into()))
        }
        By::Day => Some(Period::Day.start(at, zone)),
        By::Month => Some(Period::Month.start(at, zone)),
        By::Model | By::Key | By::Group | By::Endpoint => None,
    }
}
