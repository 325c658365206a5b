//! A day, a week or a month so far, beside the same stretch of the one before.

use super::Gateway;
use super::forecast::Pace;
use super::usage::{By, LogQuery, UsageQuery, Used};
use crate::domain::account::Account;
use crate::domain::call::CallState;
use crate::domain::credits::Credits;
use crate::domain::period::{Period, Zone};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use jiff::{Span, ToSpan};
use std::time::Duration;

/// Models that are named; the others are one.
const NAMED: usize = 3;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A calendar period up to now, and as much of the one before.
#[derive(Clone, Debug)]
pub struct Stretch {
    pub period: Period,
    pub zone: Zone,
    pub now: Time,
    pub start: Time,
    /// When the period will be over.
    pub end: Time,
    pub before_start: Time,
    /// As far into the period before as now is into this one: the same day and hour.
    pub before_now: Time,
}

/// What was used in a stretch.
#[derive(Clone, Debug)]
pub struct Overview {
    pub total: Used,
    /// The same stretch of the period before, to the quarter hour.
    pub before: Used,
    /// The dearest first: three, and the others together; or four.
    pub models: Vec<Spent>,
    /// All of the period, the part to come as well.
    pub buckets: Vec<Spending>,
    /// What the rest of the period will cost at this pace. `None` while it is too early to say.
    pub rest: Option<Credits>,
    pub in_flight: usize,
    /// There has been no call at all, ever.
    pub is_new: bool,
}

/// What was spent on one model, or on several that are not named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    pub model: Option<String>,
    pub models: usize,
    pub cost: Credits,
}

/// An hour or a day of the stretch.
#[derive(Clone, Debug)]
pub struct Spending {
    pub from: Time,
    pub to: Time,
    /// By model, in the order of [`Overview::models`].
    pub costs: Vec<Credits>,
}

impl Stretch {
    /// For a day, a week or a month.
    pub fn new(period: Period, now: Time, zone: Zone) -> Self {
        let back: Span = match period {
            Period::Day => 1.day(),
            Period::Week => 1.week(),
            _ => 1.month(),
        };
        let start = period.start(now, &zone);
        let end = period.end(now, &zone).unwrap_or(now);
        let before_now = zone.local(now).checked_sub(back).map_or(start, |then| then.timestamp().into());
        let before_start = period.start(before_now, &zone);
        Self { period, zone, now, start, end, before_start, before_now }
    }

    /// Whether it is told by the hour; else by the day.
    pub fn is_hourly(&self) -> bool {
        self.period == Period::Day
    }

    /// Where each bucket begins, and the end of the last.
    fn edges(&self) -> Vec<Time> {
        let next = |at: Time| match self.is_hourly() {
            true => at.plus(HOUR),
            false => Period::Day.end(at, &self.zone).unwrap_or(self.end),
        };
        let mut edges = vec![self.start];
        let mut at = self.start;
        while at < self.end {
            at = next(at);
            edges.push(at);
        }
        edges
    }

    /// What its sums are cut into.
    pub(super) fn step(&self) -> By {
        if self.is_hourly() { By::Hour } else { By::Day }
    }

    pub(super) fn query(&self, from: Time, to: Time, by: Vec<By>) -> UsageQuery {
        UsageQuery { from, to, by, zone: self.zone.clone(), key_id: None, group_id: None, model: None, endpoint: None }
    }
}

impl Gateway {
    /// Sums a stretch over what this account may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn overview(&self, by: &Account, stretch: &Stretch) -> Result<Overview, Problem> {
        let used = self.usage(by, &stretch.query(stretch.start, stretch.now, vec![stretch.step(), By::Model])).await?;
        let before = self.usage(by, &stretch.query(stretch.before_start, stretch.before_now, vec![])).await?;
        let told = Overview::of(stretch, &used);
        Ok(Overview {
            in_flight: self.in_flight(by).await?,
            is_new: told.total.calls == 0 && self.is_new(by, stretch).await?,
            before: Used::total(&before),
            ..told
        })
    }

    async fn in_flight(&self, by: &Account) -> Result<usize, Problem> {
        if by.is_admin() {
            return Ok(self.calls_in_flight());
        }
        let pending = LogQuery { state: Some(CallState::Pending), limit: 1_000, ..LogQuery::default() };
        Ok(self.logs(by, pending).await?.data.len())
    }

    /// Whether neither the logs nor the rollups, which outlive them, have anything.
    async fn is_new(&self, by: &Account, stretch: &Stretch) -> Result<bool, Problem> {
        let any = self.logs(by, LogQuery { limit: 1, ..LogQuery::default() }).await?;
        let ever = stretch.query(Time::EPOCH, stretch.now, vec![]);
        Ok(any.data.is_empty() && self.usage(by, &ever).await?.is_empty())
    }
}

impl Overview {
    /// What sums by time and model tell; nothing of the period before, nor of calls in flight.
    pub(super) fn of(stretch: &Stretch, used: &[Used]) -> Self {
        let total = Used::total(used);
        let models = models(used);
        let least = if stretch.is_hourly() { HOUR } else { DAY };
        let pace = Pace { used: total.cost.nanos(), since: stretch.start, now: stretch.now };
        let is_telling = total.cost != Credits::ZERO && stretch.now.since(stretch.start) >= least;
        Self {
            buckets: buckets(stretch, used, &models),
            rest: pace.until(stretch.end).filter(|_| is_telling).map(Credits::from_nanos),
            in_flight: 0,
            is_new: false,
            before: Used::default(),
            total,
            models,
        }
    }
}

/// The models that were called. One whose calls were all refused cost nothing, and may not even exist.
fn models(used: &[Used]) -> Vec<Spent> {
    let mut all: Vec<Spent> = Vec::new();
    for group in used.iter().filter(|group| group.calls > group.refused) {
        match all.iter_mut().find(|spent| spent.model == group.model) {
            Some(spent) => spent.cost += group.cost,
            None => all.push(Spent { model: group.model.clone(), models: 1, cost: group.cost }),
        }
    }
    all.sort_by(|a, b| b.cost.cmp(&a.cost).then_with(|| a.model.cmp(&b.model)));
    if all.len() > NAMED + 1 {
        let others = all.split_off(NAMED);
        let cost = others.iter().map(|spent| spent.cost).sum();
        all.push(Spent { model: None, models: others.len(), cost });
    }
    all
}

fn buckets(stretch: &Stretch, used: &[Used], models: &[Spent]) -> Vec<Spending> {
    let edges = stretch.edges();
    let spending = |pair: &[Time]| Spending { from: pair[0], to: pair[1], costs: vec![Credits::ZERO; models.len()] };
    let mut buckets: Vec<Spending> = edges.windows(2).map(spending).collect();
    for group in used {
        let at = group.at.unwrap_or(stretch.start);
        let named = models.iter().position(|spent| spent.model == group.model);
        let model = named.or(models.len().checked_sub(1));
        let bucket = buckets.iter_mut().rfind(|bucket| bucket.from <= at);
        if let (Some(bucket), Some(model)) = (bucket, model) {
            bucket.costs[model] += group.cost;
        }
    }
    buckets
}

/// `whole` in parts as the costs are, by largest remainder: rounded figures that add up to the rounded total.
pub fn apportioned(costs: &[Credits], whole: i64) -> Vec<i64> {
    let total: i128 = costs.iter().map(|cost| i128::from(cost.nanos())).sum();
    if total <= 0 {
        return vec![0; costs.len()];
    }
    let exact = |cost: &Credits| i128::from(cost.nanos()) * i128::from(whole);
    let mut parts: Vec<i64> = costs.iter().map(|cost| i64::try_from(exact(cost) / total).unwrap_or(0)).collect();
    let missing = usize::try_from(whole - parts.iter().sum::<i64>()).unwrap_or(0);
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(exact(&costs[*at]) % total));
    for at in order.into_iter().take(missing) {
        parts[at] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(period: Period, now: &str) -> Stretch {
        let zone = Zone::parse("Europe/Berlin").expect("a zone");
        Stretch::new(period, Time::parse(now).expect("a time"), zone)
    }

    #[test]
    fn a_stretch_stands_beside_the_same_days_of_the_period_before() {
        for (period, now, start, before_start, before_now) in [
            (
                Period::Month,
                "2026-11-20T14:00:00Z",
                "2026-10-31T23:00:00Z",
                "2026-09-30T22:00:00Z",
                "2026-10-20T13:00:00Z",
            ),
            (
                Period::Month,
                "2026-03-31T10:00:00Z",
                "2026-02-28T23:00:00Z",
                "2026-01-31T23:00:00Z",
                "2026-02-28T11:00:00Z",
            ),
            (
                Period::Week,
                "2026-11-20T14:00:00Z",
                "2026-11-15T23:00:00Z",
                "2026-11-08T23:00:00Z",
                "2026-11-13T14:00:00Z",
            ),
            (
                Period::Day,
                "2026-11-20T14:00:00Z",
                "2026-11-19T23:00:00Z",
                "2026-11-18T23:00:00Z",
                "2026-11-19T14:00:00Z",
            ),
        ] {
            let told = stretch(period, now);
            let expected = [start, before_start, before_now].map(|text| Time::parse(text).expect("a time"));
            assert_eq!([told.start, told.before_start, told.before_now], expected, "{period:?} {now}");
        }
    }

    #[test]
    fn a_day_has_the_hours_that_its_clocks_have() {
        for (now, hours) in [("2026-11-20T14:00:00Z", 24), ("2026-03-29T14:00:00Z", 23), ("2026-10-25T14:00:00Z", 25)] {
            assert_eq!(stretch(Period::Day, now).edges().len(), hours + 1, "{now}");
        }
        assert_eq!(stretch(Period::Month, "2026-10-25T14:00:00Z").edges().len(), 32);
        assert_eq!(stretch(Period::Week, "2026-10-25T14:00:00Z").edges().len(), 8);
    }

    #[test]
    fn models_beyond_the_fourth_are_one() {
        let used = |model: &str, cost: i64| Used {
            model: Some(model.to_owned()),
            calls: 1,
            cost: Credits::from_nanos(cost),
            ..Used::default()
        };
        let four = [used("a", 1), used("b", 4), used("c", 2), used("d", 3), used("b", 1)];
        let names: Vec<_> = models(&four).into_iter().map(|spent| spent.model.expect("named")).collect();
        assert_eq!(names, ["b", "d", "c", "a"]);
        let six = [used("a", 6), used("b", 5), used("c", 4), used("d", 3), used("e", 2), used("f", 1)];
        let told = models(&six);
        assert_eq!(told[3], Spent { model: None, models: 3, cost: Credits::from_nanos(6) });
        let buckets = buckets(&stretch(Period::Day, "2026-11-20T14:00:00Z"), &six, &told);
        assert_eq!(buckets[0].costs.iter().map(|cost| cost.nanos()).collect::<Vec<_>>(), [6, 5, 4, 6]);
    }

    #[test]
    fn rounded_parts_add_up_to_the_rounded_whole() {
        let costs = [59_904, 49_554, 24_344, 15_324].map(Credits::from_nanos);
        let parts = apportioned(&costs, 14_912);
        assert_eq!(parts.iter().sum::<i64>(), 14_912);
        assert_eq!(apportioned(&costs, 1_000).iter().sum::<i64>(), 1_000);
        assert_eq!(apportioned(&[Credits::ZERO; 2], 1_000), [0, 0]);
        assert_eq!(apportioned(&[], 0), Vec::<i64>::new());
    }
}
