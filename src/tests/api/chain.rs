//! The chain of a key's limits: in order, as real calls meet it, with the one that binds.

use super::{Office, fill, in_both_offices};
use crate::domain::id::KeyId;
use crate::gateway::chain::Chain;
use crate::gateway::forecast::Outlook;
use serde_json::json;
use std::time::Duration;

async fn chain(office: &Office, key: &str) -> Chain {
    office.app.gateway.chain(&office.app.admin, &KeyId::from(key)).await.expect("a chain")
}

/// Its limits with what is settled of each.
fn settled(chain: &Chain) -> Vec<(&'static str, i64)> {
    chain.links.iter().map(|link| (link.standing.limit.name, link.standing.reading.settled)).collect()
}

fn binding(chain: &Chain) -> Option<&'static str> {
    chain.binding.map(|at| chain.links[at].standing.limit.name)
}

#[tokio::test]
async fn a_chain_tells_every_limit_in_the_order_consulted_as_calls_move_it() {
    in_both_offices(async |office| {
        let account = format!("/accounts/{}", office.user.account.id);
        office.admin.patch(&account, json!({"limits":{"rpd":100},"metered":true})).await;
        office.admin.post(&format!("{account}/adjust"), json!({"amount":"1"})).await;
        let group = json!({"name":"g","quota":{"credits":"5","period":"monthly"}});
        let group = office.user.made("/groups", group).await;
        let rule = office.user.made("/rules", json!({"name":"r","quota":{"credits":"3","period":"daily"}})).await;
        let body = json!({"name":"web","group_id":group,"rule_id":rule,"limits":{"rpm":60,"monthly_spend":"2"}});
        let (key, secret) = office.user.key_and_secret(body).await;
        let told = chain(&office, &key).await;
        let order = ["rpm", "monthly_spend", "rule", "group_credits", "rpd", "balance"];
        assert_eq!(settled(&told), order.map(|name| (name, 0)));
        assert!(told.links.iter().all(|link| link.opens_at == Some(told.now)), "all have room");

        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;
        let told = chain(&office, &key).await;
        let counted = [1, 21_000, 21_000, 21_000, 1, 21_000];
        let expected: Vec<_> = order.into_iter().zip(counted).collect();
        assert_eq!(settled(&told), expected);
        assert_eq!(told.spent.nanos(), 21_000);
        assert!(office.app.gateway.chain(&office.user.account, &KeyId::from(key.as_str())).await.is_ok());
        let nobody = office.app.gateway.chain(&office.user.account, &KeyId::from("nobody")).await;
        assert!(nobody.is_err());
        assert_eq!(office.app.gateway.calls_in_flight(), 0, "nothing is held");
    })
    .await;
}

#[tokio::test]
async fn the_budget_that_runs_dry_first_binds_and_then_the_one_that_is_shut() {
    in_both_offices(async |office| {
        let rule = json!({"name":"r","quota":{"credits":"0.000084","period":"daily"}});
        let rule = office.admin.made("/rules", rule).await;
        let body = json!({"name":"web","rule_id":rule,"limits":{"monthly_spend":"0.000200"}});
        let (key, secret) = office.admin.key_and_secret(body).await;
        for _ in 0..2 {
            assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        }
        office.app.idle().await;
        let told = chain(&office, &key).await;
        assert!(told.links.iter().all(|link| link.outlook == Outlook::Early), "too early to say");
        assert_eq!(binding(&told), Some("rule"), "half of it is gone, of the month a fifth");

        // 42 millionths in two hours: 84 by 18:00, before midnight.
        office.app.clock.wind(Duration::from_hours(2));
        let told = chain(&office, &key).await;
        let at = told.now.plus(Duration::from_hours(2));
        assert_eq!((binding(&told), told.links[1].outlook), (Some("rule"), Outlook::Dry { at }));

        for status in [200, 200, 402] {
            assert_eq!(office.app.chat(&secret, fill(10)).await.status, status);
        }
        office.app.idle().await;
        let told = chain(&office, &key).await;
        let shut = &told.links[1];
        assert!(shut.is_shut() && binding(&told) == Some("rule"));
        assert_eq!(shut.opens_at, shut.standing.resets_at, "it opens at midnight");
    })
    .await;
}

#[tokio::test]
async fn the_course_of_a_budget_is_what_calls_used_and_what_resets_took_off() {
    in_both_offices(async |office| {
        let body = json!({"name":"web","limits":{"monthly_spend":"1"}});
        let (key, secret) = office.admin.key_and_secret(body).await;
        let from = office.app.clock.now();
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;
        office.app.clock.wind(Duration::from_hours(1));
        assert_eq!(office.admin.post(&format!("/keys/{key}/reset"), json!({})).await.status, 200);
        let reset = office.app.clock.now();
        office.app.clock.wind(Duration::from_hours(1));
        assert_eq!(office.app.chat(&secret, fill(5)).await.status, 200);
        office.app.idle().await;
        let told = chain(&office, &key).await;
        assert_eq!(settled(&told), [("monthly_spend", 11_000)]);
        let limit = &told.links[0].standing.limit;
        let to = office.app.clock.now().plus(Duration::from_micros(1));
        let course = office.app.gateway.course(limit, from, to).await.expect("a course");
        assert_eq!(course.used, [(from, 21_000), (from.plus(Duration::from_hours(2)), 11_000)]);
        assert_eq!(course.resets, [(reset, 21_000)]);
        let resets =
            office.app.gateway.resets_of_key(&office.app.admin, &key.as_str().into(), 5).await.expect("resets");
        assert_eq!((resets.len(), resets[0].by.as_str(), resets[0].reset.taken_off), (1, "Ada", 21_000));
    })
    .await;
}
