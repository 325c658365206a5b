//! A reusable template of a credit quota and of hours, which governs the keys bound to it.

use super::credits::Credits;
use super::hours::Hours;
use super::id::{AccountId, RuleId};
use super::key::MOST_CREDITS;
use super::limit::{Carried, Limit, Measure, Owner, RuleRef, Scope};
use super::period::{Period, Zone};
use super::problem::{Check, Problem};
use super::time::Time;
use serde::{Deserialize, Serialize};

/// A quota rule. The credits are counted for each key that it governs, on the key's own meter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub id: RuleId,
    pub account_id: AccountId,
    pub name: String,
    pub description: String,
    /// A rule that is switched off restricts nobody, and keeps its bindings.
    pub enabled: bool,
    pub quota: Option<RuleQuota>,
    /// `None` = at any time.
    pub hours: Option<Hours>,
    /// Where the quota's periods begin at midnight; `None` = in the zone of the hours, else UTC.
    pub timezone: Option<String>,
    /// Periods and zones from before an edit, in force until they are over.
    #[serde(skip)]
    pub carried: Vec<Carried>,
    pub created_at: Time,
}

/// Credits that come back with each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleQuota {
    pub credits: Credits,
    pub period: RulePeriod,
}

/// How long a rule's credits last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulePeriod {
    Daily,
    Weekly,
    Monthly,
}

impl RulePeriod {
    pub const ALL: [RulePeriod; 3] = [RulePeriod::Daily, RulePeriod::Weekly, RulePeriod::Monthly];

    pub fn as_str(self) -> &'static str {
        match self {
            RulePeriod::Daily => "daily",
            RulePeriod::Weekly => "weekly",
            RulePeriod::Monthly => "monthly",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        RulePeriod::ALL.into_iter().find(|period| period.as_str() == text)
    }

    pub fn period(self) -> Period {
        match self {
            RulePeriod::Daily => Period::Day,
            RulePeriod::Weekly => Period::Week,
            RulePeriod::Monthly => Period::Month,
        }
    }
}

/// What refers to a rule. Revoked keys do not: nothing of theirs is governed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// Keys that are bound to it themselves.
    pub bound: u64,
    /// Keys without a rule of their own, whose account's default it is.
    pub inheriting: u64,
    /// Accounts whose default it is.
    pub defaults: u64,
}

impl References {
    /// The keys that it governs.
    pub fn keys(&self) -> u64 {
        self.bound + self.inheriting
    }

    /// Whether it may go: neither a key nor an account would miss it.
    pub fn is_none(&self) -> bool {
        *self == References::default()
    }

    /// Why it may not go.
    pub fn in_the_way(&self) -> String {
        let some = |number: u64, one: &str, many: &str| match number {
            0 => None,
            1 => Some(format!("1 {one}")),
            number => Some(format!("{number} {many}")),
        };
        let keys = some(self.bound, "key is bound to it", "keys are bound to it");
        let defaults = some(self.defaults, "account has it as its default", "accounts have it as their default");
        let said = [keys, defaults].into_iter().flatten().collect::<Vec<_>>().join(" and ");
        format!("This rule is in use: {said}. Unbind it first, or switch it off.")
    }
}

/// What a rule is made of, and what an edit replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    pub name: String,
    /// Whose rule it is; `None` = the one who asks.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    #[serde(default)]
    pub description: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default)]
    pub quota: Option<RuleQuota>,
    #[serde(default)]
    pub hours: Option<Hours>,
    #[serde(default)]
    pub timezone: Option<String>,
}

fn yes() -> bool {
    true
}

impl RuleSpec {
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            account_id: None,
            description: String::new(),
            enabled: true,
            quota: None,
            hours: None,
            timezone: None,
        }
    }

    /// A rule that restricts nothing passes: it may be a draft, or stand for “no restriction” as a default.
    ///
    /// # Errors
    /// Every field that will not do, by its path in the management API.
    pub fn check(&self) -> Result<(), Problem> {
        let mut check = Check::default();
        check.name(&self.name);
        check.description(&self.description);
        let real = |quota: &RuleQuota| (Credits::ZERO..=MOST_CREDITS).contains(&quota.credits);
        check.that(
            self.quota.as_ref().is_none_or(real),
            "quota.credits",
            "Write credits from 0 to 1,000,000,000, or clear the quota for no limit.",
        );
        if let Some(hours) = &self.hours {
            hours.check("hours", &mut check);
        }
        if let Some(timezone) = &self.timezone {
            check.zone("timezone", timezone);
        }
        check.done()
    }

    /// The rule in plain words: “At most 50 credits a day, from midnight in Asia/Shanghai; calls allowed weekdays
    /// 08:00–20:00.”
    pub fn text(&self) -> String {
        self.clause().into_iter().map(|(words, _)| words).collect()
    }

    /// The same in pieces; those that are marked say what was chosen. It reads no time zones.
    pub fn clause(&self) -> Vec<(String, bool)> {
        let zone = zone_name(self.timezone.as_deref(), self.hours.as_ref());
        let said = |words: &str| (words.to_owned(), false);
        let chosen = |words: String| (words, true);
        let mut says = Vec::new();
        if let Some(quota) = self.quota {
            let (period, from) = match quota.period {
                RulePeriod::Daily => ("day", ", from midnight in "),
                RulePeriod::Weekly => ("week", ", from midnight on Monday in "),
                RulePeriod::Monthly => ("month", ", from midnight on the 1st in "),
            };
            let credits = chosen(format!("{} a {period}", in_words(quota.credits)));
            says.extend([said("at most "), credits, said(from), chosen(zone.to_owned())]);
        }
        if let Some(hours) = &self.hours {
            says.push(said(if self.quota.is_some() { "; calls allowed " } else { "calls allowed " }));
            says.extend(hours.clause());
            // The quota has just named the zone, if it is the same.
            if self.quota.is_none() || hours.timezone.trim() != zone {
                says.extend([said(" ("), chosen(hours.timezone.trim().to_owned()), said(")")]);
            }
        }
        if says.is_empty() {
            says.push(said("restricts nothing: no limit on credits, and calls at any time"));
        }
        if self.enabled {
            // It begins with a word of ours.
            says[0].0[..1].make_ascii_uppercase();
        } else {
            says.insert(0, said("Switched off; when on: "));
        }
        says.push(said("."));
        says
    }
}

impl Rule {
    /// The editable part, as it stands.
    pub fn spec(&self) -> RuleSpec {
        RuleSpec {
            name: self.name.clone(),
            account_id: Some(self.account_id.clone()),
            description: self.description.clone(),
            enabled: self.enabled,
            quota: self.quota,
            hours: self.hours.clone(),
            timezone: self.timezone.clone(),
        }
    }

    /// The rule as an edit at `now` leaves it. A changed period of its quota waits until the running one is over.
    #[must_use]
    pub fn edited(&self, spec: RuleSpec, account_id: AccountId, now: Time) -> Self {
        // A rule's periods are the same for every key that it governs.
        let any = || Owner::new(Scope::Key, "");
        let mut rule = Self {
            id: self.id.clone(),
            account_id,
            name: spec.name.trim().to_owned(),
            description: spec.description,
            enabled: spec.enabled,
            quota: spec.quota,
            hours: spec.hours,
            timezone: spec.timezone,
            carried: Vec::new(),
            created_at: self.created_at,
        };
        let before = self.in_force(any(), now);
        rule.carried = Carried::by_edit(&self.carried, before.as_slice(), rule.ceiling(any()).as_slice(), now);
        rule
    }

    /// When its quota opens again: as it is in force, for every key that it governs. `None` without a quota, and while
    /// switched off.
    pub fn next_reset(&self, now: Time) -> Option<Time> {
        let limit = self.in_force(Owner::new(Scope::Key, ""), now)?;
        limit.period.end(now, &limit.zone)
    }

    /// Where its quota's periods begin at midnight.
    pub fn quota_zone(&self) -> Zone {
        let name = zone_name(self.timezone.as_deref(), self.hours.as_ref());
        Zone::parse(name).unwrap_or_else(Zone::utc)
    }

    /// How a refusal names it.
    pub fn reference(&self) -> RuleRef {
        RuleRef { id: self.id.clone(), name: self.name.clone() }
    }

    /// Its ceiling as it is in force: what an edit changed in mid-period waits for its boundary.
    pub fn in_force(&self, owner: Owner, now: Time) -> Option<Limit> {
        let written = self.ceiling(owner).into_iter().collect();
        Carried::apply(&self.carried, written, now).pop()
    }

    /// The ceiling that it sets for one key that it governs, `owner`. `None` without a quota, and while switched off.
    pub fn ceiling(&self, owner: Owner) -> Option<Limit> {
        let quota = self.quota.filter(|_| self.enabled)?;
        Some(Limit {
            owner,
            name: "rule",
            measure: Measure::Credits,
            period: quota.period.period(),
            zone: self.quota_zone(),
            max: quota.credits.nanos(),
            rule: Some(self.reference()),
        })
    }

    /// The hours that it sets for the keys it governs. `None` where it sets none, and while switched off.
    pub fn hours_in_force(&self) -> Option<&Hours> {
        self.hours.as_ref().filter(|_| self.enabled)
    }

    /// The rule in plain words.
    pub fn text(&self) -> String {
        self.spec().text()
    }
}

/// The name of the zone in which a rule's quota is counted.
fn zone_name<'a>(own: Option<&'a str>, hours: Option<&'a Hours>) -> &'a str {
    own.or(hours.map(|hours| hours.timezone.as_str())).unwrap_or("UTC").trim()
}

/// `50 credits`, `1 credit`, `12.50 credits`, `1,000,000 credits`.
fn in_words(credits: Credits) -> String {
    let exact = credits.to_string();
    let short = exact.strip_suffix(".00").unwrap_or(&exact);
    let whole = short.find('.').unwrap_or(short.len());
    let mut sum = String::new();
    for (at, digit) in short.char_indices() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) {
            sum.push(',');
        }
        sum.push(digit);
    }
    if sum == "1" { "1 credit".to_owned() } else { format!("{sum} credits") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(spec: RuleSpec) -> Rule {
        Rule {
            id: "r".into(),
            account_id: "a".into(),
            name: spec.name,
            description: spec.description,
            enabled: spec.enabled,
            quota: spec.quota,
            hours: spec.hours,
            timezone: spec.timezone,
            carried: Vec::new(),
            created_at: Time::EPOCH,
        }
    }

    fn read(text: &str) -> RuleSpec {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn owner() -> Owner {
        Owner { scope: Scope::Key, id: "k".to_owned() }
    }

    const DEV: &str = r#"{"name":"Dev","description":"","enabled":true,"quota":{"credits":"50.00","period":"daily"},
        "hours":{"timezone":"Asia/Shanghai","weekdays":["mon","tue"],"ranges":["08:00-20:00"]}}"#;

    #[test]
    fn a_rule_is_read_as_the_contract_writes_it() {
        let spec = read(DEV);
        assert_eq!(spec.check(), Ok(()));
        assert_eq!(spec.quota.map(|quota| quota.credits), Credits::parse("50"));
        assert_eq!(read(r#"{"name":"Dev","quota":null,"hours":null}"#), RuleSpec::named("Dev"));
        for bad in [
            r#"{"name":"x","colour":"red"}"#,
            r#"{"name":"x","quota":{"credits":"1","period":"never"}}"#,
            r#"{"name":"x","quota":{"credits":1,"period":"daily"}}"#,
        ] {
            assert!(serde_json::from_str::<RuleSpec>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_bad_field_is_named_by_its_path() {
        let spec = read(
            r#"{"name":"","timezone":"","quota":{"credits":"-1","period":"daily"},
                "hours":{"timezone":"Mars/Olympus","weekdays":[],"ranges":[]}}"#,
        );
        let problem = spec.check().expect_err("bad");
        let fields: Vec<_> = problem.fields.iter().map(|field| field.field.as_str()).collect();
        let bad = ["name", "quota.credits", "hours.timezone", "hours.weekdays", "hours.ranges", "timezone"];
        assert_eq!(fields, bad);
    }

    #[test]
    fn a_rule_says_in_plain_words_what_it_allows() {
        let weekdays = r#""weekdays":["mon","tue","wed","thu","fri"],"ranges":["08:00-20:00"]"#;
        let shanghai = format!(r#""hours":{{"timezone":"Asia/Shanghai",{weekdays}}}"#);
        for (members, text) in [
            (
                format!(r#""quota":{{"credits":"50.00","period":"daily"}},{shanghai}"#),
                "At most 50 credits a day, from midnight in Asia/Shanghai; calls allowed weekdays 08:00–20:00.",
            ),
            (
                format!(r#""quota":{{"credits":"12.5","period":"weekly"}},"timezone":"UTC+1",{shanghai}"#),
                "At most 12.50 credits a week, from midnight on Monday in UTC+1; \
                 calls allowed weekdays 08:00–20:00 (Asia/Shanghai).",
            ),
            (
                r#""quota":{"credits":"1","period":"monthly"}"#.to_owned(),
                "At most 1 credit a month, from midnight on the 1st in UTC.",
            ),
            (
                r#""quota":{"credits":"1234567.125","period":"daily"}"#.to_owned(),
                "At most 1,234,567.125 credits a day, from midnight in UTC.",
            ),
            (shanghai, "Calls allowed weekdays 08:00–20:00 (Asia/Shanghai)."),
            (
                r#""enabled":false,"quota":{"credits":"0","period":"daily"}"#.to_owned(),
                "Switched off; when on: at most 0 credits a day, from midnight in UTC.",
            ),
            (r#""description":"a draft""#.to_owned(), "Restricts nothing: no limit on credits, and calls at any time."),
        ] {
            let spec = read(&format!(r#"{{"name":"Dev",{members}}}"#));
            assert_eq!(spec.check(), Ok(()), "{members}");
            assert_eq!(rule(spec).text(), text);
        }
    }

    #[test]
    fn a_rule_counts_in_its_own_zone_else_in_that_of_its_hours_else_in_utc() {
        let spec = read(DEV);
        let own = RuleSpec { timezone: Some("Europe/Berlin".to_owned()), ..spec.clone() };
        assert_eq!(rule(own).quota_zone().name(), "Europe/Berlin");
        assert_eq!(rule(spec.clone()).quota_zone().name(), "Asia/Shanghai");
        assert_eq!(rule(RuleSpec { hours: None, ..spec }).quota_zone().name(), "UTC");
    }

    #[test]
    fn a_rule_sets_a_ceiling_for_each_key_and_none_while_it_is_switched_off() {
        let dev = rule(read(DEV));
        let limit = dev.ceiling(owner()).expect("it has a quota");
        assert_eq!((limit.owner, limit.name, limit.measure), (owner(), "rule", Measure::Credits));
        assert_eq!((limit.period, limit.max), (Period::Day, 50_000_000_000));
        assert_eq!(limit.rule, Some(RuleRef { id: "r".into(), name: "Dev".to_owned() }));
        assert!(dev.hours_in_force().is_some());
        let off = Rule { enabled: false, ..dev };
        assert_eq!((off.ceiling(owner()), off.hours_in_force()), (None, None));
        assert_eq!(rule(RuleSpec::named("Dev")).ceiling(owner()), None);
    }

    proptest! {
        #[test]
        fn a_rule_that_passes_keeps_its_credits_to_the_nano_and_reads_back_the_same(
            nanos in 0..=MOST_CREDITS.nanos(),
            period in prop::sample::select(RulePeriod::ALL.to_vec()),
            enabled in any::<bool>(),
        ) {
            let quota = Some(RuleQuota { credits: Credits::from_nanos(nanos), period });
            let spec = RuleSpec { quota, enabled, account_id: Some("a".into()), ..read(DEV) };
            prop_assert_eq!(spec.check(), Ok(()));
            let text = serde_json::to_string(&spec).expect("JSON");
            prop_assert_eq!(&read(&text), &spec);
            prop_assert_eq!(&rule(spec.clone()).spec(), &spec);
            prop_assert_eq!(rule(spec).ceiling(owner()).map(|limit| limit.max), enabled.then_some(nanos));
            prop_assert_eq!(RulePeriod::parse(period.as_str()), Some(period));
        }
    }
}
