//! Several keys that share a quota and are watched together.

use super::credits::Credits;
use super::id::{AccountId, GroupId};
use super::key::{MOST, MOST_CREDITS, Reset};
use super::limit::{Carried, Limit, Measure, Owner, Scope};
use super::period::Zone;
use super::problem::{Check, Problem};
use super::time::Time;
use serde::{Deserialize, Serialize};

/// A group. A call of one of its keys must fit the key's limits and the group's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    pub account_id: AccountId,
    pub name: String,
    pub description: String,
    pub quota: Option<GroupQuota>,
    /// Where its periods begin at midnight.
    pub timezone: String,
    /// Periods and zones from before an edit, in force until they are over.
    #[serde(skip)]
    pub carried: Vec<Carried>,
    pub created_at: Time,
}

/// What the keys of a group may use together in each period; `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupQuota {
    /// Input and output together.
    #[serde(default)]
    pub tokens: Option<u64>,
    #[serde(default)]
    pub credits: Option<Credits>,
    pub period: Reset,
}

/// What a group is made of, and what an edit replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec {
    pub name: String,
    /// Whose group it is; `None` = the one who asks.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub quota: Option<GroupQuota>,
    #[serde(default = "utc")]
    pub timezone: String,
}

fn utc() -> String {
    Zone::utc().name().to_owned()
}

impl GroupSpec {
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), account_id: None, description: String::new(), quota: None, timezone: utc() }
    }

    /// # Errors
    /// Every field that will not do, by its path in the management API.
    pub fn check(&self) -> Result<(), Problem> {
        let mut check = Check::default();
        check.name(&self.name);
        check.description(&self.description);
        if let Some(quota) = &self.quota {
            check.that(
                quota.tokens.is_none_or(|tokens| tokens <= MOST),
                "quota.tokens",
                "Write a whole number from 0 to 1,000,000,000,000,000, or leave it blank for no limit.",
            );
            check.that(
                quota.credits.is_none_or(|credits| (Credits::ZERO..=MOST_CREDITS).contains(&credits)),
                "quota.credits",
                "Write credits from 0 to 1,000,000,000, or leave it blank for no limit.",
            );
        }
        check.zone("timezone", &self.timezone);
        check.done()
    }
}

impl Group {
    /// The editable part, as it stands.
    pub fn spec(&self) -> GroupSpec {
        GroupSpec {
            name: self.name.clone(),
            account_id: Some(self.account_id.clone()),
            description: self.description.clone(),
            quota: self.quota,
            timezone: self.timezone.clone(),
        }
    }

    /// Whose meters the calls of its keys move, beside those of the key and of the account.
    pub fn owner(&self) -> Owner {
        Owner { scope: Scope::Group, id: self.id.0.clone() }
    }

    /// Its ceilings as they are in force: what an edit changed in mid-period waits for its boundary.
    pub fn in_force(&self, now: Time) -> Vec<Limit> {
        Carried::apply(&self.carried, self.ceilings(), now)
    }

    /// Its ceilings as they are written, in the order in which they are consulted.
    pub fn ceilings(&self) -> Vec<Limit> {
        let Some(quota) = self.quota else { return Vec::new() };
        let zone = Zone::parse(&self.timezone).unwrap_or_else(Zone::utc);
        let tokens = quota.tokens.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX));
        [
            ("group_tokens", Measure::Tokens, tokens),
            ("group_credits", Measure::Credits, quota.credits.map(Credits::nanos)),
        ]
        .into_iter()
        .filter_map(|(name, measure, max)| {
            let (owner, period) = (self.owner(), quota.period.period());
            Some(Limit { owner, name, measure, period, zone: period.zone(&zone), max: max?, rule: None })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::period::Period;
    use proptest::prelude::*;

    fn group(spec: GroupSpec) -> Group {
        Group {
            id: "g".into(),
            account_id: "a".into(),
            name: spec.name,
            description: spec.description,
            quota: spec.quota,
            timezone: spec.timezone,
            carried: Vec::new(),
            created_at: Time::EPOCH,
        }
    }

    #[test]
    fn a_group_is_read_as_the_contract_writes_it() {
        let text = r#"{"name":"team-search","description":"","quota":{"tokens":1000000,"credits":"200.00",
            "period":"monthly"},"timezone":"UTC"}"#;
        let spec: GroupSpec = serde_json::from_str(text).expect("valid");
        assert_eq!(spec.check(), Ok(()));
        let credits = Credits::parse("200");
        assert_eq!(spec.quota, Some(GroupQuota { tokens: Some(1_000_000), credits, period: Reset::Monthly }));
        let least: GroupSpec = serde_json::from_str(r#"{"name":"team-search"}"#).expect("the rest has defaults");
        assert_eq!(least, GroupSpec::named("team-search"));
        for bad in [r#"{"name":"x","colour":"red"}"#, r#"{"name":"x","quota":{"period":"daily","requests":1}}"#] {
            assert!(serde_json::from_str::<GroupSpec>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_bad_field_is_named_by_its_path() {
        let quota = GroupQuota { tokens: Some(u64::MAX), credits: Credits::parse("-1"), period: Reset::Never };
        let spec = GroupSpec {
            description: "x".repeat(2_001),
            quota: Some(quota),
            timezone: "Mars/Olympus".to_owned(),
            ..GroupSpec::named(" ")
        };
        let problem = spec.check().expect_err("bad");
        let fields: Vec<_> = problem.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["name", "description", "quota.tokens", "quota.credits", "timezone"]);
    }

    #[test]
    fn each_quota_is_a_ceiling_of_the_group_and_a_blank_one_is_none() {
        let credits = Credits::parse("0.5");
        for (tokens, credits, expected) in [
            (Some(7), credits, vec![("group_tokens", 7), ("group_credits", 500_000_000)]),
            (Some(0), None, vec![("group_tokens", 0)]),
            (None, credits, vec![("group_credits", 500_000_000)]),
            (None, None, vec![]),
        ] {
            let quota = Some(GroupQuota { tokens, credits, period: Reset::Weekly });
            let ceilings = group(GroupSpec { quota, ..GroupSpec::named("g") }).ceilings();
            assert_eq!(ceilings.iter().map(|limit| (limit.name, limit.max)).collect::<Vec<_>>(), expected);
            assert!(ceilings.iter().all(|limit| limit.owner.scope == Scope::Group && limit.period == Period::Week));
        }
        assert_eq!(group(GroupSpec::named("g")).ceilings(), []);
    }

    proptest! {
        #[test]
        fn a_group_that_passes_keeps_its_sums_to_the_unit_and_reads_back_the_same(
            tokens in prop::option::of(0..=MOST),
            nanos in prop::option::of(0..=MOST_CREDITS.nanos()),
        ) {
            let credits = nanos.map(Credits::from_nanos);
            let quota = Some(GroupQuota { tokens, credits, period: Reset::Daily });
            let spec = GroupSpec { quota, account_id: Some("a".into()), ..GroupSpec::named("g") };
            prop_assert_eq!(spec.check(), Ok(()));
            let text = serde_json::to_string(&spec).expect("JSON");
            prop_assert_eq!(&serde_json::from_str::<GroupSpec>(&text).expect("valid"), &spec);
            prop_assert_eq!(&group(spec.clone()).spec(), &spec);
            let sums: Vec<i64> = group(spec).ceilings().iter().map(|limit| limit.max).collect();
            prop_assert_eq!(sums, tokens.map(|max| max as i64).into_iter().chain(nanos).collect::<Vec<_>>());
        }
    }
}
