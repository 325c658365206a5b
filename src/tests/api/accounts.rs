//! What an account may spend, over HTTP: limits, a balance, a subscription.

use super::{fill, in_both_offices};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn an_account_is_read_by_its_owner_and_bounded_by_admins_alone() {
    in_both_offices(async |office| {
        let (own, theirs) =
            (format!("/accounts/{}", office.user.account.id), format!("/accounts/{}", office.admin.account.id));
        let account = office.user.get(&own).await.json();
        assert_eq!((&account["email"], &account["metered"]), (&json!("user@example.com"), &json!(false)));
        assert_eq!((&account["balance"], &account["subscription"]), (&json!("0.00"), &Value::Null));
        assert_eq!(office.user.get(&theirs).await.status, 404);
        assert_eq!(office.user.patch(&theirs, json!({"metered":true})).await.status, 404);
        assert_eq!(office.user.patch(&own, json!({"metered":true})).await.code(), "forbidden");
        assert_eq!(office.user.post(&format!("{own}/adjust"), json!({"amount":"5"})).await.code(), "forbidden");
        assert_eq!(office.user.put(&format!("{own}/subscription"), json!({"credits":"5"})).await.code(), "forbidden");
        for (patch, field) in [
            (json!({"email":"x@example.com"}), "email"),
            (json!({"limits":{"rpm":-1}}), "limits.rpm"),
            (json!({"limits":{"monthly_spend":"-1"}}), "limits.monthly_spend"),
            (json!({"metered":null}), "metered"),
            (json!({"default_rule_id":"nothing"}), "default_rule_id"),
            (json!({"colour":"red"}), "colour"),
        ] {
            assert_eq!(office.admin.patch(&own, patch.clone()).await.fields(), [field], "{patch}");
        }
        let after = office.admin.patch(&own, json!({"limits":{"rpm":2},"metered":true})).await.json();
        assert_eq!((&after["limits"]["rpm"], &after["metered"]), (&json!(2), &json!(true)));
        assert_eq!(office.admin.patch(&own, after.clone()).await.json(), after, "sent back as it was read");
    })
    .await;
}

#[tokio::test]
async fn admins_list_every_account_and_others_their_own() {
    in_both_offices(async |office| {
        let (admin, user) = (&office.admin.account.id, &office.user.account.id);
        let all = office.admin.get("/accounts").await;
        let mut ids = all.column("id");
        ids.sort();
        let mut expected = [admin.to_string(), user.to_string()];
        expected.sort();
        assert_eq!(ids, expected);
        for id in &all.column("id") {
            let one = office.admin.get(&format!("/accounts/{id}")).await.json();
            assert!(all.json()["data"].as_array().unwrap().contains(&one), "{one}");
        }
        let first = office.admin.get("/accounts?limit=1").await;
        let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
        let second = office.admin.get(&format!("/accounts?limit=1&cursor={cursor}")).await;
        assert_eq!([first.column("id"), second.column("id")].concat(), all.column("id"));
        assert_eq!(second.json()["next_cursor"], Value::Null);
        let own = office.user.get("/accounts").await;
        assert_eq!((own.column("id"), &own.json()["next_cursor"]), (vec![user.to_string()], &Value::Null));
        assert_eq!(office.user.get("/accounts?cursor=0.x").await.column("id"), [""; 0]);
        for (query, field) in [("limit=0", "limit"), ("cursor=x", "cursor"), ("role=admin", "role")] {
            assert_eq!(office.admin.get(&format!("/accounts?{query}")).await.fields(), [field]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_accounts_limits_bound_all_of_its_keys_together() {
    in_both_offices(async |office| {
        let path = format!("/accounts/{}", office.user.account.id);
        let limits = json!({"rpd":2,"max_tokens_per_request":100,"max_cost_per_request":"0.000100"});
        office.admin.patch(&path, json!({"limits":limits})).await;
        let (_, first) = office.user.key_and_secret(json!({"name":"a"})).await;
        let (_, second) =
            office.user.key_and_secret(json!({"name":"b","limits":{"max_tokens_per_request":1000}})).await;
        assert_eq!(office.app.chat(&second, fill(101)).await.code(), "max_tokens_exceeds_key_limit");
        let dear = office.app.chat(&second, fill(60)).await;
        assert_eq!(dear.code(), "request_cost_exceeds_key_cap");
        assert!(dear.body.contains("The account of key"), "{}", dear.body);
        for (secret, status) in [(&first, 200), (&second, 200), (&first, 429), (&second, 429)] {
            assert_eq!(office.app.chat(secret, fill(1)).await.status, status);
        }
        let refused = office.app.chat(&first, fill(1)).await.json();
        assert_eq!(refused["error"]["tollgate"]["scope"], "account");
        let (_, others) = office.admin.key_and_secret(json!({"name":"c"})).await;
        assert_eq!(office.app.chat(&others, fill(1)).await.status, 200, "other accounts go on");
    })
    .await;
}

#[tokio::test]
async fn a_subscription_pays_first_then_the_balance_then_nobody() {
    in_both_offices(async |office| {
        let path = format!("/accounts/{}", office.user.account.id);
        let (_, secret) = office.user.key_and_secret(json!({"name":"web"})).await;
        let balance = async || office.admin.get(&path).await.json()["balance"].clone();
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200, "nobody pays where nothing is metered");

        office.admin.patch(&path, json!({"metered":true})).await;
        let refused = office.app.chat(&secret, fill(10)).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (402, "balance_exhausted".to_owned()));

        // A call is 21 millionths. The cycle began at midnight in Berlin on the 15th.
        let plan = json!({"credits":"0.000021","anchor":"2026-11-15T12:34:56Z","timezone":"Europe/Berlin"});
        let account = office.admin.put(&format!("{path}/subscription"), plan).await.json();
        let expected = json!({"credits":"0.000021","anchor":"2026-11-14T23:00:00Z","timezone":"Europe/Berlin",
            "falls_back":false});
        assert_eq!(account["subscription"], expected);
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;
        let refused = office.app.chat(&secret, fill(10)).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (402, "subscription_exhausted".to_owned()));
        assert_eq!(refused.json()["error"]["tollgate"]["resets_at"], "2026-12-14T23:00:00Z");

        let plan = json!({"credits":"0.000021","anchor":"2026-11-15T12:34:56Z","timezone":"Europe/Berlin",
            "falls_back":true});
        office.admin.put(&format!("{path}/subscription"), plan).await;
        let entry = office.admin.post(&format!("{path}/adjust"), json!({"amount":"0.000042","note":"welcome"})).await;
        assert_eq!(entry.status, 200, "{}", entry.body);
        let entry = entry.json();
        assert_eq!((&entry["kind"], &entry["balance"]), (&json!("adjustment"), &json!("0.000042")));
        let paid = office.app.chat(&secret, fill(10)).await;
        assert_eq!(paid.status, 200);
        office.app.idle().await;
        assert_eq!(balance().await, "0.000021");
        office.admin.post(&format!("{path}/adjust"), json!({"amount":"-0.000021"})).await;
        assert_eq!(balance().await, "0.00");
        assert_eq!(office.app.chat(&secret, fill(10)).await.code(), "balance_exhausted");

        // An admin gives the cycle back: the subscription pays again.
        let after = office.admin.post(&format!("{path}/reset"), json!({})).await.json();
        assert_eq!(
            (&after["limits"][0]["scope"], &after["limits"][0]["taken_off"]),
            (&json!("subscription"), &json!("0.000021"))
        );
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        assert_eq!(office.app.chat(&secret, fill(10)).await.code(), "balance_exhausted");
        office.app.idle().await;
        // The next cycle is full.
        office.app.clock.wind(Duration::from_hours(24 * 25));
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;

        assert_eq!(office.admin.delete(&format!("{path}/subscription")).await.status, 204);
        assert_eq!(office.app.chat(&secret, fill(10)).await.code(), "balance_exhausted");
        assert_eq!(
            office.admin.put(&format!("{path}/subscription"), Value::Null).await.json()["subscription"],
            Value::Null
        );
        assert_eq!(balance().await, "0.00");
    })
    .await;
}

#[tokio::test]
async fn money_that_will_not_do_is_named() {
    in_both_offices(async |office| {
        let path = format!("/accounts/{}", office.user.account.id);
        for (amount, note) in [("0", ""), ("1000000001", ""), ("1", &"x".repeat(2_001))] {
            let refused = office.admin.post(&format!("{path}/adjust"), json!({"amount":amount,"note":note})).await;
            assert_eq!(refused.status, 400, "{amount}");
        }
        let twice = json!({"amount":"600000000"});
        assert_eq!(office.admin.post(&format!("{path}/adjust"), twice.clone()).await.status, 200);
        assert_eq!(office.admin.post(&format!("{path}/adjust"), twice).await.fields(), ["amount"]);
        for (plan, field) in [
            (json!({}), "credits"),
            (json!({"credits":"-1"}), "credits"),
            (json!({"credits":"1","timezone":"Mars"}), "timezone"),
            (json!({"credits":"1","anchor":"soon"}), "anchor"),
        ] {
            let refused = office.admin.put(&format!("{path}/subscription"), plan.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec![field.to_owned()]), "{plan}");
        }
        let empty = office.admin.ask(axum::http::Method::PUT, &format!("{path}/subscription"), "").await;
        assert_eq!(empty.status, 400, "only a written null ends a subscription");
        assert_eq!(office.admin.post("/accounts/nobody/adjust", json!({"amount":"1"})).await.status, 404);
    })
    .await;
}
