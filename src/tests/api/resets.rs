//! Manual resets over HTTP: they open at once, move no boundary, and the books still add up.

use super::{fill, in_both_offices};
use crate::domain::id::KeyId;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_reset_opens_a_key_at_once_and_moves_no_boundary() {
    in_both_offices(async |office| {
        // 21 millionths a call: two in a month, and in the rule's week.
        let rule = json!({"name":"r","quota":{"credits":"0.000042","period":"weekly"}});
        let rule = office.user.made("/rules", rule).await;
        let body = json!({"name":"web","rule_id":rule,"limits":{"monthly_spend":"0.000042","rpm":60}});
        let (key, secret) = office.user.key_and_secret(body).await;
        for status in [200, 200, 402] {
            assert_eq!(office.app.chat(&secret, fill(10)).await.status, status);
        }
        office.app.idle().await;
        let path = format!("/keys/{key}/reset");
        assert_eq!(office.user.post(&path, json!({})).await.code(), "forbidden", "admins only");
        let refused = office.admin.post(&path, json!({"limit":"tpm"})).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["limit".to_owned()]));
        assert_eq!(office.admin.post("/keys/nobody/reset", json!({})).await.status, 404);

        let after = office.admin.post(&path, json!({"limit":"monthly_spend"})).await;
        assert_eq!(after.status, 200, "{}", after.body);
        let expected = json!({"scope":"key","limit":"monthly_spend","measure":"credits","period":"month",
            "max":"0.000042","used":"0.00","held":"0.00","headroom":"0.000042","taken_off":"0.000042",
            "resets_at":"2026-12-01T00:00:00Z","rule":null});
        assert_eq!(after.json(), json!({"limits":[expected]}));
        let still = office.app.chat(&secret, fill(10)).await;
        assert_eq!(
            (still.code(), &still.json()["error"]["tollgate"]["rule"]),
            ("quota_exceeded".to_owned(), &json!("r"))
        );

        // Without a body: all of the key's limits, its rule's among them.
        let all = office.admin.ask(axum::http::Method::POST, &path, axum::body::Body::empty()).await.json();
        let taken =
            all["limits"].as_array().unwrap().iter().map(|row| (row["limit"].clone(), row["taken_off"].clone()));
        let expected =
            [(json!("rpm"), json!(2)), (json!("monthly_spend"), json!("0.00")), (json!("rule"), json!("0.000042"))];
        assert_eq!(taken.collect::<Vec<_>>(), expected);
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;

        // The meter is what the rows say, also for the next process.
        let issued = office.app.gateway.key(&office.app.admin, &KeyId(key)).await.unwrap();
        let read = async |app: &crate::tests::app::TestApp| {
            let standings = app.gateway.standings(&issued).await.unwrap();
            standings.iter().map(|limit| (limit.limit.name, limit.reading.settled)).collect::<Vec<_>>()
        };
        assert_eq!(read(&office.app).await, [("rpm", 1), ("monthly_spend", 21_000)]);
        let app = office.app.reopened().await;
        assert_eq!(read(&app).await, [("rpm", 1), ("monthly_spend", 21_000)]);
        assert_eq!(app.chat(&secret, fill(10)).await.status, 200);
        assert_eq!(app.chat(&secret, fill(10)).await.code(), "quota_exceeded");
        let audit = app.store.audit(&app.clock).await.unwrap();
        assert!(audit.differences.is_empty(), "{:?}", audit.differences);
    })
    .await;
}

#[tokio::test]
async fn resets_at_once_take_the_same_use_off_once() {
    in_both_offices(async |office| {
        let (key, secret) = office.admin.key_and_secret(json!({"name":"web","limits":{"monthly_tokens":20}})).await;
        assert_eq!(office.app.chat(&secret, fill(19)).await.status, 200);
        office.app.idle().await;
        let path = format!("/keys/{key}/reset");
        let resets = (0..5).map(|_| office.admin.post(&path, json!({})));
        let taken = futures::future::join_all(resets).await;
        let taken: i64 = taken.iter().map(|answer| answer.json()["limits"][0]["taken_off"].as_i64().unwrap()).sum();
        assert_eq!(taken, 20);
        assert_eq!(office.app.chat(&secret, fill(20)).await.code(), "quota_exceeded", "21 tokens are too many still");
    })
    .await;
}

#[tokio::test]
async fn a_group_and_an_account_are_reset_as_keys_are() {
    in_both_offices(async |office| {
        let group = json!({"name":"g","quota":{"tokens":11,"period":"daily"}});
        let group = office.user.made("/groups", group).await;
        let account = format!("/accounts/{}", office.user.account.id);
        office.admin.patch(&account, json!({"limits":{"rpd":1}})).await;
        let (_, secret) = office.user.key_and_secret(json!({"name":"web","group_id":group})).await;
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;
        assert_eq!(office.user.post(&format!("/groups/{group}/reset"), json!({})).await.code(), "forbidden");
        let refused = office.app.chat(&secret, fill(10)).await;
        assert_eq!(
            (refused.code(), &refused.json()["error"]["tollgate"]["scope"]),
            ("quota_exceeded".to_owned(), &json!("group"))
        );
        let after = office.admin.post(&format!("/groups/{group}/reset"), json!({})).await.json();
        assert_eq!(
            (&after["limits"][0]["limit"], &after["limits"][0]["taken_off"]),
            (&json!("group_tokens"), &json!(11))
        );
        let refused = office.app.chat(&secret, fill(10)).await;
        assert_eq!(
            (refused.code(), &refused.json()["error"]["tollgate"]["scope"]),
            ("rate_limit_exceeded".to_owned(), &json!("account"))
        );
        let after = office.admin.post(&format!("{account}/reset"), json!({"limit":"rpd"})).await.json();
        assert_eq!(after["limits"][0]["taken_off"], 1);
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;
        // At midnight the quota is full again all the same: the boundary stayed where it was.
        assert_eq!(office.app.chat(&secret, fill(10)).await.code(), "quota_exceeded");
        office.admin.patch(&account, json!({"limits":null})).await;
        office.app.clock.wind(Duration::from_hours(10));
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
    })
    .await;
}
