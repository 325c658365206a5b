//! What an admin has set on a user's key: its owner may tighten it, never loosen it.
//!
//! The floor is the key's editable part as the admin left it. Only what restricts counts: a ceiling, an expiry, a list
//! that is not empty, a group, a rule, a status other than active. So a floor says nothing of what it leaves open.

use super::key::{KeyLimits, KeySpec, KeyStatus, Reset, cidr};
use super::problem::{FieldProblem, Problem, ProblemKind};
use ipnet::IpNet;

/// The floor under a key that an admin has saved as `spec`; `None` where that restricts nothing.
///
/// `was` is the key until now, and `before` its floor. What the admin left alone stays as it was held before, and the
/// owner's where it was not: nobody is kept from their own limits because an admin renamed their key.
pub fn left(spec: &KeySpec, was: Option<&KeySpec>, before: Option<&KeySpec>) -> Option<KeySpec> {
    let mut floor = spec.clone();
    if let Some(was) = was {
        let open = KeySpec::named("");
        let before = before.unwrap_or(&open);
        macro_rules! keep {
            ($($($field:ident).+),+ $(,)?) => {
                $(if was.$($field).+ == spec.$($field).+ {
                    floor.$($field).+.clone_from(&before.$($field).+);
                })+
            };
        }
        // The zone is what the floor's periods begin in, whoever wrote it.
        keep!(status, group_id, rule_id, expires_at, models, ip_allowlist, endpoints);
        keep!(limits.rpm, limits.tpm, limits.rpd, limits.token_quota, limits.monthly_tokens, limits.monthly_spend);
        keep!(limits.credit_quota, limits.max_tokens_per_request, limits.max_cost_per_request);
    }
    reduced(floor)
}

/// The floor `before`, with one part of it set anew by an admin.
pub fn with(before: Option<&KeySpec>, set: impl FnOnce(&mut KeySpec)) -> Option<KeySpec> {
    let mut floor = before.cloned().unwrap_or_else(|| KeySpec::named(""));
    set(&mut floor);
    reduced(floor)
}

/// What of a floor is worth keeping: nothing, where any key would do.
fn reduced(floor: KeySpec) -> Option<KeySpec> {
    let floor = KeySpec { name: String::new(), account_id: None, ..floor };
    let open = KeySpec { timezone: floor.timezone.clone(), ..KeySpec::named("") };
    (floor != open).then_some(floor)
}

/// The fields in which `asked` is looser than the floor, by their paths in the management API.
pub fn loosened(floor: &KeySpec, asked: &KeySpec) -> Vec<&'static str> {
    let (most, limits) = (&floor.limits, &asked.limits);
    let fields = [
        ("group_id", floor.group_id.is_none() || floor.group_id == asked.group_id),
        ("rule_id", floor.rule_id.is_none() || floor.rule_id == asked.rule_id),
        ("status", severity(floor.status) <= severity(asked.status)),
        ("expires_at", within(floor.expires_at, asked.expires_at)),
        ("models", subset(&floor.models, &asked.models)),
        ("ip_allowlist", covers(&floor.ip_allowlist, &asked.ip_allowlist)),
        ("endpoints", subset(&floor.endpoints, &asked.endpoints)),
        ("timezone", !has_calendar(most) || floor.timezone == asked.timezone),
        ("limits.rpm", within(most.rpm, limits.rpm)),
        ("limits.tpm", within(most.tpm, limits.tpm)),
        ("limits.rpd", within(most.rpd, limits.rpd)),
        ("limits.token_quota", quota_within(most, limits)),
        ("limits.monthly_tokens", within(most.monthly_tokens, limits.monthly_tokens)),
        ("limits.monthly_spend", within(most.monthly_spend, limits.monthly_spend)),
        ("limits.credit_quota", within(most.credit_quota, limits.credit_quota)),
        ("limits.max_tokens_per_request", within(most.max_tokens_per_request, limits.max_tokens_per_request)),
        ("limits.max_cost_per_request", within(most.max_cost_per_request, limits.max_cost_per_request)),
    ];
    fields.into_iter().filter(|(_, holds)| !holds).map(|(field, _)| field).collect()
}

/// # Errors
/// [`ProblemKind::AdminLocked`], naming every field in which `asked` is looser than the floor.
pub fn check(floor: Option<&KeySpec>, asked: &KeySpec) -> Result<(), Problem> {
    match floor.map(|floor| loosened(floor, asked)) {
        Some(fields) if !fields.is_empty() => Err(locked(&fields)),
        _ => Ok(()),
    }
}

/// Why an owner may not change these fields so.
pub fn locked(fields: &[&str]) -> Problem {
    let said = |field: &str| match field {
        "group_id" | "rule_id" | "timezone" => format!("An admin has set `{field}`: only an admin may change it."),
        "status" => "An admin has switched this key off: only an admin may switch it on.".to_owned(),
        field => format!("An admin has set `{field}`: you may tighten it, not loosen it."),
    };
    let fields: Vec<FieldProblem> =
        fields.iter().map(|field| FieldProblem { field: (*field).to_owned(), message: said(field) }).collect();
    let message = match fields.as_slice() {
        [] => "An admin has set this.".to_owned(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} And {} more that an admin has set.", first.message, rest.len()),
    };
    Problem { kind: ProblemKind::AdminLocked, message, fields }
}

fn severity(status: KeyStatus) -> u8 {
    match status {
        KeyStatus::Active => 0,
        KeyStatus::Disabled => 1,
        KeyStatus::Revoked => 2,
    }
}

/// Whether a ceiling is no higher than the floor's; none at all is the highest.
fn within<T: PartialOrd>(floor: Option<T>, asked: Option<T>) -> bool {
    floor.is_none_or(|most| asked.is_some_and(|asked| asked <= most))
}

fn quota_within(floor: &KeyLimits, asked: &KeyLimits) -> bool {
    let rarity = |reset: Reset| match reset {
        Reset::Daily => 0,
        Reset::Weekly => 1,
        Reset::Monthly => 2,
        Reset::Never => 3,
    };
    floor.token_quota.is_none_or(|most| {
        asked.token_quota.is_some_and(|asked| asked.max <= most.max && rarity(asked.reset) >= rarity(most.reset))
    })
}

/// Whether the zone matters: whoever may move midnight may have two days' budgets in one.
fn has_calendar(limits: &KeyLimits) -> bool {
    let quota = limits.token_quota.is_some_and(|quota| quota.reset != Reset::Never);
    quota || limits.monthly_tokens.is_some() || limits.monthly_spend.is_some()
}

/// Whether a list allows no more than the floor's; an empty one allows everything.
fn subset(floor: &[String], asked: &[String]) -> bool {
    floor.is_empty() || (!asked.is_empty() && asked.iter().all(|one| floor.contains(one)))
}

/// The same for address blocks. Neighbours are joined first, so that two halves cover the whole.
fn covers(floor: &[String], asked: &[String]) -> bool {
    if floor.is_empty() {
        return true;
    }
    let blocks: Vec<IpNet> = floor.iter().filter_map(|block| cidr(block)).map(|net| net.trunc()).collect();
    let blocks = IpNet::aggregate(&blocks);
    let covered = |block: &String| cidr(block).is_some_and(|net| blocks.iter().any(|whole| whole.contains(&net)));
    !asked.is_empty() && asked.iter().all(covered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credits::Credits;
    use crate::domain::key::TokenQuota;
    use crate::domain::time::Time;
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    const RESETS: [Reset; 4] = [Reset::Daily, Reset::Weekly, Reset::Monthly, Reset::Never];

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|&text| text.to_owned()).collect()
    }

    prop_compose! {
        fn limits()(
            counts in prop::array::uniform5(prop::option::of(1_u64..1_000)),
            quota in prop::option::of((1_u64..1_000, select(RESETS.to_vec()))),
            sums in prop::array::uniform3(prop::option::of(1_i64..1_000)),
        ) -> KeyLimits {
            let [rpm, tpm, rpd, monthly_tokens, max_tokens_per_request] = counts;
            let [monthly_spend, credit_quota, max_cost_per_request] = sums.map(|sum| sum.map(Credits::from_nanos));
            let token_quota = quota.map(|(max, reset)| TokenQuota { max, reset });
            KeyLimits { rpm, tpm, rpd, token_quota, monthly_tokens, monthly_spend, credit_quota, max_tokens_per_request, max_cost_per_request }
        }
    }

    prop_compose! {
        fn spec()(
            limits in limits(),
            group in prop::option::of(select(vec!["g", "h"])),
            rule in prop::option::of(select(vec!["r", "s"])),
            off in any::<bool>(),
            expiry in prop::option::of(1_i64..1_000),
            models in subsequence(vec!["a", "b", "c"], 0..=3),
            blocks in subsequence(vec!["10.0.0.0/8", "192.0.2.0/25", "192.0.2.128/25", "fd00::/8"], 0..=4),
            endpoints in subsequence(vec!["/v1/a", "/v1/b"], 0..=2),
            zone in select(vec!["UTC", "UTC+8"]),
        ) -> KeySpec {
            KeySpec {
                group_id: group.map(Into::into),
                rule_id: rule.map(Into::into),
                status: if off { KeyStatus::Disabled } else { KeyStatus::Active },
                expires_at: expiry.map(Time::from_micros),
                models: texts(&models),
                ip_allowlist: texts(&blocks),
                endpoints: texts(&endpoints),
                timezone: zone.to_owned(),
                limits,
                ..KeySpec::named("k")
            }
        }
    }

    /// The tighter of both in each field; the zone, the group and the rule stay as the first has them.
    fn tightened(spec: &KeySpec, by: &KeySpec) -> KeySpec {
        fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            a.into_iter().chain(b).min()
        }
        fn both(a: &[String], b: &[String]) -> Vec<String> {
            let shared: Vec<String> = a.iter().filter(|one| b.contains(one)).cloned().collect();
            if a.is_empty() {
                b.to_vec()
            } else if shared.is_empty() {
                a.to_vec()
            } else {
                shared
            }
        }
        let (a, b) = (&spec.limits, &by.limits);
        let token_quota = match (a.token_quota, b.token_quota) {
            (Some(a), Some(b)) => Some(TokenQuota {
                max: a.max.min(b.max),
                reset: if RESETS.iter().position(|r| *r == a.reset) > RESETS.iter().position(|r| *r == b.reset) {
                    a.reset
                } else {
                    b.reset
                },
            }),
            (a, b) => a.or(b),
        };
        KeySpec {
            status: if severity(spec.status) > severity(by.status) { spec.status } else { by.status },
            expires_at: least(spec.expires_at, by.expires_at),
            models: both(&spec.models, &by.models),
            ip_allowlist: both(&spec.ip_allowlist, &by.ip_allowlist),
            endpoints: both(&spec.endpoints, &by.endpoints),
            group_id: spec.group_id.clone().or_else(|| by.group_id.clone()),
            rule_id: spec.rule_id.clone().or_else(|| by.rule_id.clone()),
            limits: KeyLimits {
                rpm: least(a.rpm, b.rpm),
                tpm: least(a.tpm, b.tpm),
                rpd: least(a.rpd, b.rpd),
                token_quota,
                monthly_tokens: least(a.monthly_tokens, b.monthly_tokens),
                monthly_spend: least(a.monthly_spend, b.monthly_spend),
                credit_quota: least(a.credit_quota, b.credit_quota),
                max_tokens_per_request: least(a.max_tokens_per_request, b.max_tokens_per_request),
                max_cost_per_request: least(a.max_cost_per_request, b.max_cost_per_request),
            },
            ..spec.clone()
        }
    }

    /// Every way to loosen one field of a floor alone.
    fn loosenings(floor: &KeySpec) -> Vec<(&'static str, KeySpec)> {
        let mut all: Vec<(&'static str, KeySpec)> = Vec::new();
        let mut change = |field, change: &dyn Fn(&mut KeySpec)| {
            let mut spec = floor.clone();
            change(&mut spec);
            all.push((field, spec));
        };
        macro_rules! ceiling {
            ($path:literal, $($field:ident).+, $more:expr) => {
                if let Some(most) = floor.$($field).+ {
                    change($path, &|spec| spec.$($field).+ = None);
                    change($path, &|spec| spec.$($field).+ = Some($more(most)));
                }
            };
        }
        let one = |count: u64| count + 1;
        let nano = |sum: Credits| sum + Credits::from_nanos(1);
        ceiling!("limits.rpm", limits.rpm, one);
        ceiling!("limits.tpm", limits.tpm, one);
        ceiling!("limits.rpd", limits.rpd, one);
        ceiling!("limits.monthly_tokens", limits.monthly_tokens, one);
        ceiling!("limits.max_tokens_per_request", limits.max_tokens_per_request, one);
        ceiling!("limits.monthly_spend", limits.monthly_spend, nano);
        ceiling!("limits.credit_quota", limits.credit_quota, nano);
        ceiling!("limits.max_cost_per_request", limits.max_cost_per_request, nano);
        ceiling!("limits.token_quota", limits.token_quota, |most: TokenQuota| TokenQuota { max: most.max + 1, ..most });
        ceiling!("expires_at", expires_at, |most: Time| Time::from_micros(most.micros() + 1));
        if let Some(most) = floor.limits.token_quota.filter(|most| most.reset != Reset::Daily) {
            let sooner = TokenQuota { reset: Reset::Daily, ..most };
            change("limits.token_quota", &|spec| spec.limits.token_quota = Some(sooner));
        }
        if floor.status == KeyStatus::Disabled {
            change("status", &|spec| spec.status = KeyStatus::Active);
        }
        if floor.group_id.is_some() {
            change("group_id", &|spec| spec.group_id = None);
            change("group_id", &|spec| spec.group_id = Some("other".into()));
        }
        if floor.rule_id.is_some() {
            change("rule_id", &|spec| spec.rule_id = None);
            change("rule_id", &|spec| spec.rule_id = Some("other".into()));
        }
        if !floor.models.is_empty() {
            change("models", &|spec| spec.models.clear());
            change("models", &|spec| spec.models.push("more".to_owned()));
        }
        if !floor.endpoints.is_empty() {
            change("endpoints", &|spec| spec.endpoints.clear());
            change("endpoints", &|spec| spec.endpoints.push("/more".to_owned()));
        }
        if !floor.ip_allowlist.is_empty() {
            change("ip_allowlist", &|spec| spec.ip_allowlist.clear());
            change("ip_allowlist", &|spec| spec.ip_allowlist.push("8.0.0.0/7".to_owned()));
            change("ip_allowlist", &|spec| spec.ip_allowlist.push("not a block".to_owned()));
        }
        if has_calendar(&floor.limits) {
            change("timezone", &|spec| spec.timezone = "UTC-3".to_owned());
        }
        all
    }

    proptest! {
        #[test]
        fn whatever_is_tightened_once_or_twice_is_allowed(floor in spec(), first in spec(), second in spec()) {
            let once = tightened(&floor, &first);
            let twice = tightened(&once, &second);
            for asked in [&floor, &once, &twice] {
                prop_assert_eq!(loosened(&floor, asked), Vec::<&str>::new());
            }
            prop_assert_eq!(loosened(&once, &twice), Vec::<&str>::new());
        }

        #[test]
        fn every_single_loosening_is_found_and_nothing_else_is_named(floor in spec()) {
            for (field, asked) in loosenings(&floor) {
                prop_assert_eq!(loosened(&floor, &asked), vec![field], "{:?}", asked);
                prop_assert_eq!(check(Some(&floor), &asked).expect_err("locked").kind, ProblemKind::AdminLocked);
            }
        }

        #[test]
        fn what_a_floor_leaves_open_is_the_owners_own(asked in spec()) {
            prop_assert_eq!(loosened(&KeySpec::named("floor"), &asked), Vec::<&str>::new());
        }
    }

    #[test]
    fn two_halves_cover_the_whole_and_one_address_is_a_block() {
        let floor = texts(&["192.0.2.0/25", "192.0.2.128/25", "10.1.2.3/8"]);
        for (asked, holds) in [
            ("192.0.2.0/24", true),
            ("192.0.2.7", true),
            ("10.9.0.0/16", true),
            ("192.0.2.0/23", false),
            ("::ffff:10.0.0.1", false),
            ("0.0.0.0/0", false),
        ] {
            assert_eq!(covers(&floor, &texts(&[asked])), holds, "{asked}");
        }
    }

    #[test]
    fn a_floor_is_what_an_admin_left_and_nothing_where_that_restricts_nothing() {
        let spec = KeySpec { status: KeyStatus::Disabled, ..KeySpec::named("web") };
        let spec = KeySpec { group_id: Some("g".into()), rule_id: Some("r".into()), ..spec };
        assert_eq!(left(&KeySpec::named("web"), None, None), None);
        assert_eq!(left(&spec, Some(&spec), None), None, "its owner had bound it and switched it off");
        let floor = left(&spec, Some(&KeySpec::named("web")), None).expect("a floor");
        assert_eq!((floor.name.as_str(), floor.status), ("", KeyStatus::Disabled));
        assert_eq!(loosened(&floor, &KeySpec::named("web")), ["group_id", "rule_id", "status"]);
        assert_eq!(left(&spec, Some(&spec), Some(&floor)), Some(floor.clone()), "it stays the admin's");
        let limits = KeyLimits { rpm: Some(60), ..KeyLimits::default() };
        let own = KeySpec { limits, models: texts(&["a"]), ..KeySpec::named("web") };
        assert_eq!(left(&own, Some(&own), None), None, "an admin who renames it does not take its limits over");
        let mut set = own.clone();
        set.limits.tpm = Some(5);
        let tpm = left(&set, Some(&own), None).expect("a floor");
        assert_eq!(loosened(&tpm, &KeySpec::named("web")), ["limits.tpm"]);
        let mut tighter = set.clone();
        tighter.limits.tpm = Some(3);
        assert_eq!(left(&tighter, Some(&tighter), Some(&tpm)), Some(tpm), "as far as the admin's own");
        let open = |floor: &mut KeySpec| *floor = KeySpec::named("");
        assert_eq!(with(Some(&floor), open), None);
    }
}
