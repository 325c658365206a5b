//! Lists of keys: narrowed by what they are and how they stand, in an order of one's choice, paged both ways.

use super::Gateway;
use super::issue::{KeyQuery, Page, cursor, page_limit, read_cursor};
use super::survey::{Stand, Surveyed};
use crate::domain::account::Account;
use crate::domain::id::{AccountId, KeyId};
use crate::domain::key::{Key, KeyState};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::store::key_lists::{KeyFilter, KeyOrder, KeyPlace, KeySort, KeyTally, PlaceValue};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// A key that nobody has used for so long is unused.
const UNUSED: Duration = Duration::from_hours(30 * 24);
/// A key that expires within this time expires soon.
const SOON: Duration = Duration::from_hours(7 * 24);
/// Keys that one statement can name. Both databases take more.
const MOST_NAMED: usize = 30_000;

/// What is remarkable about keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Neither used nor made for 30 days.
    Unused,
    /// Four fifths of a budget that its calls must fit are gone, or all of it. Only keys in use.
    NearLimit,
    /// Its next call is refused, by a budget that is spent or by the hours of its rule. Only keys in use.
    Blocked,
    /// It expires within seven days.
    Expiring,
}

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    By(KeyOrder),
    /// By how much of its tightest budget is gone; a key that nothing bounds has nothing to lose.
    Budget {
        descending: bool,
    },
}

impl Default for Order {
    fn default() -> Self {
        Order::By(KeyOrder::default())
    }
}

/// A page of a list, and where it lies.
#[derive(Clone, Debug)]
pub struct KeyPage {
    pub data: Vec<Key>,
    /// How many there are on all pages, and how many before these.
    pub total: u64,
    pub before: u64,
    /// For [`KeyQuery::before`]: where the page before this one ends. `None` on the first.
    pub previous: Option<String>,
    /// For [`KeyQuery::cursor`]: where the next page begins. `None` on the last.
    pub next: Option<String>,
}

/// What there is to see, on all pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub keys: KeyTally,
    pub groups: u64,
    /// Of those in use: so many open, so many near a limit, and so many blocked.
    pub open: u64,
    pub near: u64,
    pub blocked: u64,
}

/// How the keys stand that a filter finds.
struct Survey {
    filter: KeyFilter,
    keys: Vec<Surveyed>,
}

impl Gateway {
    /// A page of the keys that this account may see.
    ///
    /// # Errors
    /// Where the cursor or the limit is not one.
    pub async fn keys(&self, by: &Account, query: KeyQuery) -> Result<Page<Key>, Problem> {
        if matches!(query.order, Order::Budget { .. }) {
            let page = self.list_keys(by, query).await?;
            return Ok(Page { data: page.data, next: page.next });
        }
        let limit = page_limit(query.limit)?;
        let mut filter = self.filter(by, &query, None).await?;
        filter.limit = limit + 1;
        let sort = filter.order.by;
        let mut keys = self.0.store.keys(&filter).await?;
        let more = keys.len() > limit as usize;
        keys.truncate(limit as usize);
        let next = keys.last().filter(|_| more).map(|last| written(&KeyPlace::of(last, sort)));
        self.0.as_used(&mut keys);
        Ok(Page { data: keys, next })
    }

    /// A page of the keys that this account may see, with how many there are before and after it.
    ///
    /// # Errors
    /// Where a place or the limit is not one.
    pub async fn list_keys(&self, by: &Account, query: KeyQuery) -> Result<KeyPage, Problem> {
        self.list(by, query, None).await
    }

    /// The same, and how many keys this account may see, of which kind, and how many of them are near a limit or blocked.
    /// How keys stand is read once for both.
    ///
    /// # Errors
    /// As [`Gateway::list_keys`]; when the books cannot be reached.
    pub async fn list_and_tally(&self, by: &Account, query: KeyQuery) -> Result<(KeyPage, Tally), Problem> {
        let filter = self.plain_filter(by, &KeyQuery { unrevoked: true, ..KeyQuery::default() });
        let keys = self.survey(&filter).await?;
        let tally = self.tally(by, &keys).await?;
        let page = self.list(by, query, Some(&Survey { filter, keys })).await?;
        Ok((page, tally))
    }

    async fn list(&self, by: &Account, query: KeyQuery, known: Option<&Survey>) -> Result<KeyPage, Problem> {
        let limit = page_limit(query.limit)?;
        if let Order::Budget { descending } = query.order {
            return self.list_by_budget(by, &query, descending, limit, known).await;
        }
        let mut filter = self.filter(by, &query, known).await?;
        filter.limit = limit;
        let sort = filter.order.by;
        let mut keys = self.0.store.keys(&filter).await?;
        let is_short = filter.before.is_some() && keys.len() < limit as usize;
        if is_short || (keys.is_empty() && filter.after.is_some()) {
            // Fewer than a page come before that place, or nothing after it: the first page is whole all the same.
            (filter.before, filter.after) = (None, None);
            keys = self.0.store.keys(&filter).await?;
        }
        let first = keys.first().map(|key| KeyPlace::of(key, sort));
        let last = keys.last().map(|key| KeyPlace::of(key, sort));
        let (total, before) = self.0.store.count_listed(&filter, first.as_ref()).await?;
        let (is_first, is_last) = (before == 0, before + keys.len() as u64 >= total);
        let previous = first.filter(|_| !is_first).as_ref().map(written);
        let next = last.filter(|_| !is_last).as_ref().map(written);
        // Places are in the order of what is written down.
        self.0.as_used(&mut keys);
        Ok(KeyPage { data: keys, total, before, previous, next })
    }

    /// The ids of all keys that a query finds, in its order.
    ///
    /// # Errors
    /// As [`Gateway::list_keys`].
    pub async fn key_ids(&self, by: &Account, query: &KeyQuery) -> Result<Vec<KeyId>, Problem> {
        let filter = self.filter(by, query, None).await?;
        Ok(self.0.store.key_ids(&filter).await?)
    }

    /// Counts the keys of a survey; those that are off may be among them or not.
    async fn tally(&self, by: &Account, surveyed: &[Surveyed]) -> Result<Tally, Problem> {
        let own = (!by.is_admin()).then_some(&by.id);
        let keys = self.0.store.key_tally(own, self.0.clock.now()).await?;
        let groups = self.0.store.count_groups(own).await?;
        let count = |stand| surveyed.iter().filter(|key| key.stand == stand).count() as u64;
        let (open, near, blocked) = (count(Stand::Open), count(Stand::Near), count(Stand::Blocked));
        Ok(Tally { keys, groups, open, near, blocked })
    }

    /// How many keys this account may see, revoked ones left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_keys(&self, by: &Account) -> Result<u64, Problem> {
        let own = (!by.is_admin()).then_some(&by.id);
        Ok(self.0.store.count_keys(own, false).await?)
    }

    /// The page of those whose budgets are the tightest. What a list is ordered by is read now, for each page: a key
    /// whose budget moves past a page's edge meanwhile may be met twice or not at all.
    async fn list_by_budget(
        &self,
        by: &Account,
        query: &KeyQuery,
        descending: bool,
        limit: u32,
        known: Option<&Survey>,
    ) -> Result<KeyPage, Problem> {
        let read = |text: &str| -> Result<(i64, KeyId), Problem> {
            let (share, id) = read_cursor(text)?;
            Ok((share.micros(), KeyId(id)))
        };
        let after = query.cursor.as_deref().map(read).transpose()?;
        let before = query.before.as_deref().map(read).transpose()?;
        let mut keys = self.surveyed(&self.plain_filter(by, query), known).await?;
        keys.retain(|key| query.about.is_none_or(|about| about.fits(key)));
        let place = |key: &Surveyed| (key.share, key.id.clone());
        keys.sort_by(|one, other| {
            let order = place(one).cmp(&place(other));
            if descending { order.reverse() } else { order }
        });
        let total = keys.len();
        let limit = limit as usize;
        // As many as come before a place, in this order.
        let ahead = |at: &(i64, KeyId), itself: bool| {
            keys.partition_point(|key| {
                let order = place(key).cmp(at);
                let order = if descending { order.reverse() } else { order };
                order.is_lt() || (itself && order.is_eq())
            })
        };
        let start = match (&after, &before) {
            (Some(at), _) => Some(ahead(at, true)).filter(|start| *start < total).unwrap_or(0),
            (None, Some(at)) => ahead(at, false).saturating_sub(limit),
            (None, None) => 0,
        };
        let end = total.min(start + limit);
        let written = |key: &Surveyed| cursor(Time::from_micros(key.share), key.id.as_str());
        let previous = (start > 0).then(|| written(&keys[start]));
        let next = (end < total).then(|| written(&keys[end - 1]));
        let ids: Vec<KeyId> = keys[start..end].iter().map(|key| key.id.clone()).collect();
        let mut found = self.0.store.keys_by_id(&ids).await?;
        self.0.as_used(&mut found);
        let mut found: HashMap<KeyId, Key> = found.into_iter().map(|key| (key.id.clone(), key)).collect();
        let data = ids.iter().filter_map(|id| found.remove(id)).collect();
        Ok(KeyPage { data, total: total as u64, before: start as u64, previous, next })
    }

    /// What the store is asked for: where it is about how keys stand, they are surveyed first and then named.
    async fn filter(&self, by: &Account, query: &KeyQuery, known: Option<&Survey>) -> Result<KeyFilter, Problem> {
        let plain = self.plain_filter(by, query);
        let mut filter = plain.clone();
        let sort = filter.order.by;
        filter.after = query.cursor.as_deref().map(|text| read(text, sort)).transpose()?;
        filter.before = query.before.as_deref().map(|text| read(text, sort)).transpose()?;
        if let Some(about @ (About::NearLimit | About::Blocked)) = query.about {
            let found = self.surveyed(&plain, known).await?.into_iter().filter(|key| about.fits(key));
            let ids: Vec<KeyId> = found.map(|key| key.id).collect();
            if ids.len() > MOST_NAMED {
                return Err(Problem::field(
                    "use",
                    "So many keys are at their limits that they must be narrowed first.",
                ));
            }
            filter.ids = Some(ids);
        }
        Ok(filter)
    }

    /// How the keys stand that a filter finds; taken from what is known where that has them.
    async fn surveyed(&self, filter: &KeyFilter, known: Option<&Survey>) -> Result<Vec<Surveyed>, Problem> {
        match known {
            Some(known) if known.filter == (KeyFilter { order: known.filter.order, ..filter.clone() }) => {
                Ok(known.keys.clone())
            }
            // What is known is of all keys that are not revoked, so it has these too.
            Some(known) if filter.unrevoked || filter.state.is_some_and(|(state, _)| state != KeyState::Revoked) => {
                let ids: HashSet<KeyId> = self.0.store.key_ids(filter).await?.into_iter().collect();
                Ok(known.keys.iter().filter(|key| ids.contains(&key.id)).cloned().collect())
            }
            _ => self.survey(filter).await,
        }
    }

    /// All of a query but its place, and how keys stand.
    fn plain_filter(&self, by: &Account, query: &KeyQuery) -> KeyFilter {
        let now = self.0.clock.now();
        let about = |asked| query.about == Some(asked);
        KeyFilter {
            account_id: if by.is_admin() { query.account_id.clone() } else { Some(by.id.clone()) },
            group_id: if query.ungrouped { Some(None) } else { query.group_id.clone().map(Some) },
            rule_id: query.rule_id.clone(),
            governed: query.governed.clone(),
            status: query.status,
            state: query.state.map(|state| (state, now)),
            unrevoked: query.unrevoked,
            search: query.search.clone().filter(|text| !text.trim().is_empty()),
            model: query.model.clone(),
            unused_since: about(About::Unused).then(|| now.minus(UNUSED)),
            expiring: about(About::Expiring).then(|| (now, now.plus(SOON))),
            ids: query.ids.clone(),
            order: match query.order {
                Order::By(order) => order,
                Order::Budget { .. } => KeyOrder::default(),
            },
            ..KeyFilter::default()
        }
    }

    /// How many keys an account, or everyone, has revoked and may restore.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_revoked_keys(&self, by: &Account) -> Result<u64, Problem> {
        let own: Option<&AccountId> = (!by.is_admin()).then_some(&by.id);
        Ok(self.0.store.count_keys(own, true).await?)
    }
}

impl About {
    /// Whether a key stands as it says. What the store has seen to already holds for all.
    fn fits(self, key: &Surveyed) -> bool {
        match self {
            About::NearLimit => matches!(key.stand, Stand::Near | Stand::Blocked),
            About::Blocked => key.stand == Stand::Blocked,
            About::Unused | About::Expiring => true,
        }
    }
}

/// A place as cursors have it: `1789.018f…`, `my name.018f…`.
fn written(place: &KeyPlace) -> String {
    match &place.value {
        PlaceValue::Number(number) => cursor(Time::from_micros(*number), place.id.as_str()),
        PlaceValue::Text(text) => format!("{text}.{}", place.id),
    }
}

fn read(text: &str, sort: KeySort) -> Result<KeyPlace, Problem> {
    if sort == KeySort::Name {
        // Ids have no points in them; names may.
        let (name, id) = text.rsplit_once('.').unwrap_or((text, ""));
        return Ok(KeyPlace { value: PlaceValue::Text(name.to_owned()), id: id.into() });
    }
    let (at, id) = read_cursor(text)?;
    Ok(KeyPlace { value: PlaceValue::Number(at.micros()), id: KeyId(id) })
}
