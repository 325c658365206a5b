//! Lists of keys on each database: narrowed, ordered, paged both ways; and how many keys stand, read together.

use super::app::{TestApp, on_both};
use crate::domain::account::{Account, Role};
use crate::domain::credits::Credits;
use crate::domain::group::{GroupQuota, GroupSpec};
use crate::domain::hours::Hours;
use crate::domain::id::KeyId;
use crate::domain::key::{KeySpec, KeyState, KeyStatus, Reset};
use crate::domain::problem::ProblemKind;
use crate::domain::rule::{RulePeriod, RuleQuota, RuleSpec};
use crate::gateway::issue::{Issued, KeyQuery};
use crate::gateway::list::{About, Order, Tally};
use crate::store::key_lists::{Governed, KeyOrder, KeySort};
use serde_json::json;
use std::time::Duration;

async fn names(app: &TestApp, query: KeyQuery) -> Vec<String> {
    let page = app.gateway.list_keys(&app.admin, query.clone()).await.expect("a page");
    assert!(page.data.len() as u64 <= page.total);
    // Read together with the tally it is the same.
    let (beside, _) = app.gateway.list_and_tally(&app.admin, query.clone()).await.expect("a page");
    assert_eq!((&beside.data, beside.total, beside.before), (&page.data, page.total, page.before), "{query:?}");
    assert_eq!((&beside.previous, &beside.next), (&page.previous, &page.next), "{query:?}");
    page.data.into_iter().map(|key| key.name).collect()
}

async fn tally(app: &TestApp, by: &Account) -> Tally {
    app.gateway.list_and_tally(by, KeyQuery::default()).await.expect("a tally").1
}

/// A call that uses one token of input and so many of output: 1 + 2 x words millionths of a credit.
async fn call(app: &TestApp, issued: &Issued, words: u64) -> u16 {
    let body =
        json!({ "model": "tollgate/fill", "max_tokens": words, "messages": [{ "role": "user", "content": "go" }] });
    let answer = app.chat(&issued.secret, body).await;
    app.idle().await;
    answer.status.as_u16()
}

fn millionths(count: i64) -> Option<Credits> {
    Some(Credits::from_nanos(count * 1_000))
}

#[tokio::test]
async fn a_list_is_narrowed_by_what_keys_are() {
    on_both(|app| async move {
        let now = app.clock.now();
        let group = app.gateway.create_group(&app.admin, GroupSpec::named("team")).await.expect("a group").group;
        let rule = app.gateway.create_rule(&app.admin, RuleSpec::named("Dev")).await.expect("a rule").rule;
        let other = app.gateway.create_rule(&app.admin, RuleSpec::named("Other")).await.expect("a rule").rule;
        app.key(|spec| spec.name = "plain".to_owned()).await;
        app.key(|spec| (spec.name, spec.group_id) = ("grouped".to_owned(), Some(group.id.clone()))).await;
        app.key(|spec| (spec.name, spec.rule_id) = ("bound".to_owned(), Some(rule.id.clone()))).await;
        app.key(|spec| (spec.name, spec.status) = ("off".to_owned(), KeyStatus::Disabled)).await;
        app.key(|spec| (spec.name, spec.models) = ("one model".to_owned(), vec!["a/b".to_owned(), "GPT".to_owned()]))
            .await;
        let soon = Some(now.plus(Duration::from_hours(48)));
        app.key(|spec| (spec.name, spec.expires_at) = ("short".to_owned(), soon)).await;
        let gone = app.key(|spec| spec.name = "gone".to_owned()).await;
        app.gateway.revoke_key(&app.admin, &gone.key.id).await.expect("revoked");

        let query = KeyQuery::default;
        let state = |state| KeyQuery { state: Some(state), ..query() };
        let model = |model: &str| KeyQuery { model: Some(model.to_owned()), unrevoked: true, ..query() };
        let sorted = async |query| {
            let mut found = names(&app, query).await;
            found.sort();
            found
        };
        assert_eq!(sorted(state(KeyState::Disabled)).await, ["off"]);
        assert_eq!(sorted(state(KeyState::Revoked)).await, ["gone"]);
        assert_eq!(sorted(state(KeyState::Active)).await, ["bound", "grouped", "one model", "plain", "short"]);
        assert_eq!(sorted(state(KeyState::Expired)).await, [""; 0]);
        assert_eq!(sorted(KeyQuery { group_id: Some(group.id.clone()), ..query() }).await, ["grouped"]);
        assert_eq!(sorted(KeyQuery { about: Some(About::Expiring), ..query() }).await, ["short"]);
        assert_eq!(sorted(KeyQuery { about: Some(About::Unused), ..query() }).await, [""; 0], "all are new");
        assert_eq!(sorted(model("gpt")).await, ["bound", "grouped", "off", "plain", "short"], "names have a case");
        assert_eq!(sorted(model("GPT")).await.len(), 6);
        assert_eq!(sorted(model("b")).await.len(), 5, "a part of a name is another name");
        let ungrouped = KeyQuery { ungrouped: true, unrevoked: true, ..query() };
        assert!(!sorted(ungrouped).await.contains(&"grouped".to_owned()));
        assert_eq!(sorted(KeyQuery { search: Some("ONE m".to_owned()), ..query() }).await, ["one model"]);

        // The rule in force is a key's own, or else the account's default.
        let by = |rule: &crate::domain::rule::Rule| KeyQuery {
            governed: Some(Governed::By(rule.id.clone())),
            unrevoked: true,
            ..query()
        };
        assert_eq!(sorted(by(&rule)).await, ["bound"]);
        assert_eq!(sorted(KeyQuery { governed: Some(Governed::ByNone), unrevoked: true, ..query() }).await.len(), 5);
        app.gateway.set_default_rule(&app.admin, None, Some(&other.id)).await.expect("set");
        assert_eq!(sorted(by(&rule)).await, ["bound"]);
        assert_eq!(sorted(by(&other)).await, ["grouped", "off", "one model", "plain", "short"]);
        assert_eq!(sorted(KeyQuery { governed: Some(Governed::ByNone), unrevoked: true, ..query() }).await, [""; 0]);

        // Time alone makes a key expire, and unused; nobody has to come by.
        app.clock.wind(Duration::from_hours(48));
        assert_eq!(sorted(state(KeyState::Expired)).await, ["short"]);
        assert!(!sorted(state(KeyState::Active)).await.contains(&"short".to_owned()));
        app.clock.wind(Duration::from_hours(24 * 29));
        assert_eq!(sorted(KeyQuery { about: Some(About::Unused), ..query() }).await.len(), 7);
        let tally = tally(&app, &app.admin).await;
        assert_eq!((tally.keys.active, tally.keys.disabled, tally.keys.expired, tally.keys.revoked), (4, 1, 1, 1));
        assert_eq!((tally.open, tally.near, tally.blocked, tally.groups), (4, 0, 0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_key_that_has_expired_is_refused_and_says_so_in_its_list_by_itself() {
    on_both(|app| async move {
        let at = Some(app.clock.now().plus(Duration::from_secs(60)));
        let issued = app.key(|spec| spec.expires_at = at).await;
        assert_eq!(call(&app, &issued, 1).await, 200);
        app.clock.wind(Duration::from_secs(60));
        assert_eq!(call(&app, &issued, 1).await, 401);
        let expired = KeyQuery { state: Some(KeyState::Expired), ..KeyQuery::default() };
        assert_eq!(names(&app, expired.clone()).await, ["web"]);
        let spec = KeySpec { expires_at: None, ..issued.key.spec() };
        app.gateway.edit_key(&app.admin, &issued.key.id, spec).await.expect("edited");
        assert_eq!(names(&app, expired).await, [""; 0]);
        assert_eq!(call(&app, &issued, 1).await, 200);
    })
    .await;
}

#[tokio::test]
async fn when_a_key_was_last_used_is_told_before_it_is_written_down() {
    on_both(|app| async move {
        let issued = app.key(|_| ()).await;
        let id = issued.key.id.clone();
        let used = async |app: &TestApp| {
            let (query, by) = (KeyQuery::default(), &app.admin);
            let budget = KeyQuery { order: Order::Budget { descending: true }, ..query.clone() };
            let keys = [
                app.gateway.key(by, &id).await.expect("a key"),
                app.gateway.keys(by, query.clone()).await.expect("a page").data.remove(0),
                app.gateway.list_keys(by, query).await.expect("a page").data.remove(0),
                app.gateway.list_keys(by, budget).await.expect("a page").data.remove(0),
                app.gateway
                    .keys_by_id(by, std::slice::from_ref(&id))
                    .await
                    .expect("keys")
                    .remove(0)
                    .key
                    .expect("a key"),
            ];
            keys.map(|key| key.last_used_at)
        };
        assert_eq!(used(&app).await, [None; 5]);
        for _ in 0..2 {
            app.clock.wind(Duration::from_secs(1));
            assert_eq!(call(&app, &issued, 1).await, 200);
            assert_eq!(used(&app).await, [Some(app.clock.now()); 5]);
            app.gateway.stamp_keys().await.expect("stamped");
            assert_eq!(used(&app).await, [Some(app.clock.now()); 5]);
        }
    })
    .await;
}

#[tokio::test]
async fn every_order_holds_each_key_once_and_pages_lead_both_ways() {
    on_both(|app| async move {
        for (number, name) in ["b.x", "a", "B.x", "é 1.2", "c", "C", "a"].into_iter().enumerate() {
            app.clock.wind(Duration::from_secs(number as u64 % 2));
            let expires = (number % 3 > 0).then(|| app.clock.now().plus(Duration::from_hours(number as u64 % 3)));
            let issued = app.key(|spec| (spec.name, spec.expires_at) = (name.to_owned(), expires)).await;
            if number % 2 == 0 {
                call(&app, &issued, 1).await;
            }
        }
        app.gateway.stamp_keys().await.expect("stamped");
        let orders = [KeySort::Created, KeySort::Name, KeySort::Used, KeySort::Expires]
            .into_iter()
            .flat_map(|by| [false, true].map(|descending| Order::By(KeyOrder { by, descending })))
            .chain([false, true].map(|descending| Order::Budget { descending }));
        for order in orders {
            let whole = KeyQuery { order, limit: 100, ..KeyQuery::default() };
            let ids = |page: &crate::gateway::list::KeyPage| -> Vec<KeyId> {
                page.data.iter().map(|key| key.id.clone()).collect()
            };
            let all = app.gateway.list_keys(&app.admin, whole).await.expect("a page");
            assert_eq!((all.data.len(), all.total, all.previous, all.next), (7, 7, None, None), "{order:?}");
            let all: Vec<KeyId> = all.data.iter().map(|key| key.id.clone()).collect();

            let query = KeyQuery { order, limit: 3, ..KeyQuery::default() };
            let first = app.gateway.list_keys(&app.admin, query.clone()).await.expect("a page");
            assert_eq!((ids(&first), first.before, &first.previous), (all[..3].to_vec(), 0, &None), "{order:?}");
            let on = KeyQuery { cursor: first.next.clone(), ..query.clone() };
            let second = app.gateway.list_keys(&app.admin, on.clone()).await.expect("a page");
            assert_eq!((ids(&second), second.before), (all[3..6].to_vec(), 3), "{order:?}");
            let last = KeyQuery { cursor: second.next.clone(), ..query.clone() };
            let last = app.gateway.list_keys(&app.admin, last).await.expect("a page");
            assert_eq!((ids(&last), last.before, &last.next), (all[6..].to_vec(), 6, &None), "{order:?}");
            let back = KeyQuery { before: last.previous, ..query.clone() };
            let back = app.gateway.list_keys(&app.admin, back).await.expect("a page");
            assert_eq!((ids(&back), back.before), (all[3..6].to_vec(), 3), "{order:?}");
            let back = KeyQuery { before: back.previous, ..query.clone() };
            let back = app.gateway.list_keys(&app.admin, back).await.expect("a page");
            assert_eq!((ids(&back), back.previous), (all[..3].to_vec(), None), "{order:?}");

            // The plain list, as the management API pages it, is the same.
            let plain = app.gateway.keys(&app.admin, on).await.expect("a page");
            assert_eq!(plain.data.iter().map(|key| key.id.clone()).collect::<Vec<_>>(), all[3..6], "{order:?}");
        }
        let by_name = |descending| Order::By(KeyOrder { by: KeySort::Name, descending });
        let mut up = names(&app, KeyQuery { order: by_name(false), ..KeyQuery::default() }).await;
        assert_eq!(
            up.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>()[..6],
            ["a", "a", "b.x", "b.x", "c", "c"]
        );
        up.reverse();
        assert_eq!(names(&app, KeyQuery { order: by_name(true), ..KeyQuery::default() }).await, up);
        let bad = KeyQuery { before: Some("nonsense".to_owned()), ..KeyQuery::default() };
        let refused = app.gateway.list_keys(&app.admin, bad).await.expect_err("no place");
        assert_eq!(refused.kind, ProblemKind::Invalid);
    })
    .await;
}

#[tokio::test]
async fn what_is_near_a_limit_is_found_whosever_limit_it_is() {
    on_both(|app| async move {
        let quota = |credits| GroupQuota { tokens: None, credits: millionths(credits), period: Reset::Monthly };
        let spec = GroupSpec { quota: Some(quota(10)), ..GroupSpec::named("team") };
        let group = app.gateway.create_group(&app.admin, spec).await.expect("a group").group;
        let quota = RuleQuota { credits: millionths(10).expect("money"), period: RulePeriod::Daily };
        let spec = RuleSpec { quota: Some(quota), ..RuleSpec::named("Daily") };
        let rule = app.gateway.create_rule(&app.admin, spec).await.expect("a rule").rule;
        let hours: Hours = serde_json::from_value(json!({
            "timezone": "UTC", "weekdays": ["mon"], "ranges": ["08:00-09:00"]
        }))
        .expect("hours");
        let spec = RuleSpec { hours: Some(hours), ..RuleSpec::named("Mondays") };
        let shut = app.gateway.create_rule(&app.admin, spec).await.expect("a rule").rule;

        let own = app.key(|spec| (spec.name, spec.limits.monthly_spend) = ("own".to_owned(), millionths(10))).await;
        let grouped = app.key(|spec| (spec.name, spec.group_id) = ("grouped".to_owned(), Some(group.id.clone()))).await;
        app.key(|spec| (spec.name, spec.group_id) = ("beside".to_owned(), Some(group.id.clone()))).await;
        let ruled = app.key(|spec| (spec.name, spec.rule_id) = ("ruled".to_owned(), Some(rule.id.clone()))).await;
        app.key(|spec| (spec.name, spec.rule_id) = ("shut".to_owned(), Some(shut.id.clone()))).await;
        let open = app.key(|spec| spec.name = "open".to_owned()).await;
        let tight = app
            .key(|spec| {
                (spec.name, spec.limits.credit_quota, spec.limits.rpd) = ("tight".to_owned(), millionths(9), Some(100));
            })
            .await;
        // 3, 9, 9, 5 and 9 millionths: nine tenths of ten are near, half is not, nine of nine block.
        assert_eq!(call(&app, &own, 1).await, 200);
        assert_eq!(call(&app, &grouped, 4).await, 200);
        assert_eq!(call(&app, &ruled, 4).await, 200);
        assert_eq!(call(&app, &open, 2).await, 200);
        assert_eq!(call(&app, &tight, 4).await, 200);

        let about = |about| KeyQuery { about: Some(about), ..KeyQuery::default() };
        let sorted = async |query| {
            let mut found = names(&app, query).await;
            found.sort();
            found
        };
        assert_eq!(sorted(about(About::NearLimit)).await, ["beside", "grouped", "ruled", "shut", "tight"]);
        assert_eq!(sorted(about(About::Blocked)).await, ["shut", "tight"]);
        let tally = tally(&app, &app.admin).await;
        assert_eq!((tally.open, tally.near, tally.blocked), (2, 3, 2));
        let order = Order::Budget { descending: true };
        let by_budget = names(&app, KeyQuery { order, ..KeyQuery::default() }).await;
        assert_eq!(by_budget[0], "tight");
        assert_eq!(by_budget[4], "own", "three tenths come after nine");
        let narrow = KeyQuery { order, search: Some("beside".to_owned()), ..about(About::NearLimit) };
        assert_eq!(sorted(narrow).await, ["beside"]);
        let active = KeyQuery { state: Some(KeyState::Active), order, ..about(About::NearLimit) };
        assert_eq!(sorted(active).await, ["beside", "grouped", "ruled", "shut", "tight"]);

        // All of them read together are as each one alone; and what is found is what is shown.
        let keys = app.gateway.keys(&app.admin, KeyQuery::default()).await.expect("keys").data;
        for overseen in app.gateway.oversee(keys.clone()).await.expect("overseen") {
            let key = overseen.holder.key.clone();
            let alone = app.gateway.oversee(vec![key.clone()]).await.expect("overseen").remove(0);
            let of = |overseen: &crate::gateway::oversight::Overseen| {
                overseen.tightest().map(|standing| (standing.limit.clone(), standing.reading))
            };
            assert_eq!(of(&overseen), of(&alone), "{}", key.name);
            let scope = overseen.tightest().map(|standing| standing.limit.name);
            let expected = match key.name.as_str() {
                "own" => Some("monthly_spend"),
                "grouped" | "beside" => Some("group_credits"),
                "ruled" => Some("rule"),
                "tight" => Some("credit_quota"),
                _ => None,
            };
            assert_eq!(scope, expected, "{}", key.name);
            assert_eq!(overseen.opens(app.clock.now()).is_some(), key.name == "shut");
            if key.name == "open" {
                assert_eq!(Some(overseen.charged), millionths(5));
            }
        }

        // A new day, month and year: what came back is open again, what never does is not.
        app.clock.wind(Duration::from_hours(24 * 400));
        assert_eq!(sorted(about(About::Blocked)).await, ["shut", "tight"]);
        app.gateway.reset_key(&app.admin, &tight.key.id, None).await.expect("reset");
        assert_eq!(sorted(about(About::NearLimit)).await, ["shut"]);
    })
    .await;
}

#[tokio::test]
async fn meters_that_are_read_together_after_a_start_are_what_they_were() {
    on_both(|app| async move {
        let zones = ["UTC", "Europe/Berlin", "Asia/Kolkata"];
        let mut keys = Vec::new();
        for number in 0..12_usize {
            let issued = app
                .key(|spec| {
                    spec.name = format!("key {number}");
                    spec.timezone = zones[number % 3].to_owned();
                    spec.limits.monthly_spend = (number % 2 == 0).then_some(Credits::from_nanos(1_000_000_000));
                    spec.limits.credit_quota = (number % 4 == 0).then_some(Credits::from_nanos(2_000_000_000));
                    spec.limits.monthly_tokens = (number % 3 == 0).then_some(1_000);
                    spec.limits.rpm = Some(100);
                    spec.limits.rpd = (number % 5 == 0).then_some(100);
                })
                .await;
            assert_eq!(call(&app, &issued, number as u64 + 1).await, 200);
            keys.push(issued.key);
        }
        app.gateway.reset_key(&app.admin, &keys[0].id, Some("monthly_spend")).await.expect("reset");
        assert_eq!(app.gateway.reset_key(&app.admin, &keys[4].id, None).await.expect("reset").len(), 3);
        let readings = async |app: &TestApp| {
            let limits: Vec<_> = keys.iter().flat_map(|key| key.in_force(app.clock.now())).collect();
            let standings = app.gateway.stand(&limits).await.expect("meters");
            standings.into_iter().map(|standing| (standing.limit.name, standing.reading)).collect::<Vec<_>>()
        };
        let before = readings(&app).await;
        assert!(before.iter().any(|(name, reading)| *name == "monthly_spend" && reading.settled == 0));
        let app = app.reopened().await;
        assert_eq!(readings(&app).await, before, "read together from rows");
        for key in &keys {
            let one: Vec<_> = app.gateway.standings(key).await.expect("meters");
            assert!(one.iter().all(|standing| before.contains(&(standing.limit.name, standing.reading))));
        }
    })
    .await;
}

#[tokio::test]
async fn a_revocation_is_undone_to_what_the_key_was_and_no_further_than_an_admin_allows() {
    on_both(|app| async move {
        let user = app.gateway.create_account("u@example.com", "", Role::User, "unused").await.expect("a user");
        let spec = KeySpec { account_id: Some(user.id.clone()), ..KeySpec::named("held") };
        let key = app.gateway.create_key(&app.admin, spec).await.expect("a key").key;
        let off = KeySpec { status: KeyStatus::Disabled, ..key.spec() };
        app.gateway.edit_key(&app.admin, &key.id, off).await.expect("switched off");
        app.gateway.revoke_key(&user, &key.id).await.expect("revoked");
        let refused = app.gateway.restore_key(&user, &key.id).await.expect_err("an admin has switched it off");
        assert_eq!(refused.kind, ProblemKind::AdminLocked);
        let restored = app.gateway.restore_key_as(&user, &key.id, KeyStatus::Disabled).await.expect("restored");
        assert_eq!((restored.status, restored.revoked_at), (KeyStatus::Disabled, None));
        let again = app.gateway.restore_key_as(&user, &key.id, KeyStatus::Active).await.expect_err("not revoked");
        assert_eq!(again.kind, ProblemKind::Conflict);
        app.gateway.revoke_key(&app.admin, &key.id).await.expect("revoked");
        let refused = app.gateway.restore_key_as(&user, &key.id, KeyStatus::Disabled).await;
        assert_eq!(refused.expect_err("an admin has revoked it").kind, ProblemKind::AdminLocked);
        let restored = app.gateway.restore_key_as(&app.admin, &key.id, KeyStatus::Disabled).await.expect("restored");
        assert_eq!(restored.status, KeyStatus::Disabled);
    })
    .await;
}

#[tokio::test]
async fn a_users_list_holds_only_their_own_keys_however_it_is_asked() {
    on_both(|app| async move {
        let user = app.gateway.create_account("u@example.com", "", Role::User, "unused").await.expect("a user");
        let theirs = app.key(|spec| spec.limits.credit_quota = millionths(0)).await;
        let own = app.gateway.create_key(&user, KeySpec::named("own")).await.expect("a key").key;
        for query in [
            KeyQuery::default(),
            KeyQuery { account_id: Some(app.admin.id.clone()), ..KeyQuery::default() },
            KeyQuery { ids: Some(vec![theirs.key.id.clone(), own.id.clone()]), ..KeyQuery::default() },
            KeyQuery { order: Order::Budget { descending: true }, ..KeyQuery::default() },
        ] {
            let page = app.gateway.list_keys(&user, query.clone()).await.expect("a page");
            assert_eq!(page.data.iter().map(|key| &key.id).collect::<Vec<_>>(), [&own.id], "{query:?}");
            assert_eq!(page.total, 1, "{query:?}");
            assert_eq!(
                app.gateway.key_ids(&user, &query).await.expect("ids"),
                std::slice::from_ref(&own.id),
                "{query:?}"
            );
        }
        let blocked = KeyQuery { about: Some(About::Blocked), ..KeyQuery::default() };
        assert_eq!(app.gateway.list_keys(&user, blocked.clone()).await.expect("a page").total, 0);
        assert_eq!(app.gateway.list_keys(&app.admin, blocked).await.expect("a page").total, 1);
        assert_eq!(tally(&app, &user).await.open, 1);
    })
    .await;
}
