//! Groups over HTTP: made, shared, moved between, counted.

use super::{fill, in_both_offices};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn the_contracts_own_group_is_taken_and_read_back() {
    in_both_offices(async |office| {
        let body = json!({"name":"team-search","description":"","quota":{"tokens":1_000_000,"credits":"200.00",
            "period":"monthly"},"timezone":"UTC"});
        let made = office.user.post("/groups", body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        let expected = json!({"id":made["id"],"account_id":office.user.account.id.as_str(),"name":"team-search",
            "description":"","quota":{"tokens":1_000_000,"credits":"200.00","period":"monthly"},"timezone":"UTC",
            "created_at":"2026-11-20T14:00:00Z","key_count":0});
        assert_eq!(made, expected);
        let path = format!("/groups/{}", made["id"].as_str().unwrap());
        assert_eq!(office.user.get(&path).await.json(), expected);
        let patch = json!({"quota":{"tokens":null,"period":"weekly"},"timezone":"UTC+8","key_count":7});
        let after = office.user.patch(&path, patch).await.json();
        assert_eq!(after["quota"], json!({"tokens":null,"credits":"200.00","period":"weekly"}));
        assert_eq!((&after["timezone"], &after["key_count"]), (&json!("UTC+8"), &json!(0)));
        assert_eq!(office.user.patch(&path, json!({"quota":null})).await.json()["quota"], Value::Null);
        assert_eq!(office.user.patch(&path, json!({"id":"x"})).await.fields(), ["id"]);
        assert_eq!(office.user.delete(&path).await.status, 204);
        assert_eq!(office.user.get(&path).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_name_in_use_is_named_and_another_account_may_use_it() {
    in_both_offices(async |office| {
        office.user.made("/groups", json!({"name":"search"})).await;
        office.admin.made("/groups", json!({"name":"search"})).await;
        let other = office.user.made("/groups", json!({"name":"other"})).await;
        for refused in [
            office.user.post("/groups", json!({"name":" search "})).await,
            office.user.patch(&format!("/groups/{other}"), json!({"name":"search"})).await,
        ] {
            assert_eq!((refused.code(), refused.fields()), ("conflict".to_owned(), vec!["name".to_owned()]));
        }
        for (body, field) in [
            (json!({"name":"x","quota":{"tokens":1}}), "quota.period"),
            (json!({"name":"x","quota":{"credits":"-1","period":"daily"}}), "quota.credits"),
            (json!({"name":"x","timezone":"Mars"}), "timezone"),
            (json!({"name":"x","account_id":"nobody"}), "account_id"),
        ] {
            let refused = office.admin.post("/groups", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec![field.to_owned()]), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_user_sees_and_binds_only_their_own_groups() {
    in_both_offices(async |office| {
        let theirs = office.admin.made("/groups", json!({"name":"theirs"})).await;
        let own = office.user.made("/groups", json!({"name":"own"})).await;
        let path = format!("/groups/{theirs}");
        let key = office.user.key(json!({"name":"web","group_id":own})).await;
        for answer in [
            office.user.get(&path).await,
            office.user.patch(&path, json!({"name":"mine"})).await,
            office.user.delete(&path).await,
            office.user.post(&format!("{path}/keys"), json!({"ids":[key]})).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found".to_owned()));
        }
        for refused in [
            office.user.post("/keys", json!({"name":"x","group_id":theirs})).await,
            office.user.patch(&format!("/keys/{key}"), json!({"group_id":theirs})).await,
        ] {
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["group_id".to_owned()]));
        }
        assert_eq!(office.user.get("/groups").await.column("id"), std::slice::from_ref(&own));
        assert_eq!(office.admin.get("/groups").await.column("id").len(), 2);
        // What an admin has bound stays when the owner edits something else.
        office.admin.patch(&format!("/keys/{key}"), json!({"group_id":theirs})).await;
        let after = office.user.patch(&format!("/keys/{key}"), json!({"name":"renamed"})).await.json();
        assert_eq!((&after["name"], &after["group_id"]), (&json!("renamed"), &json!(theirs)));
        assert_eq!(
            office.user.post("/groups", json!({"name":"x","account_id":office.admin.account.id.as_str()})).await.code(),
            "forbidden"
        );
    })
    .await;
}

#[tokio::test]
async fn keys_are_put_into_a_group_one_by_one_and_leave_it_when_it_is_deleted() {
    in_both_offices(async |office| {
        let group = office.admin.made("/groups", json!({"name":"all"})).await;
        let (first, second) = (office.admin.key(json!({"name":"a"})).await, office.user.key(json!({"name":"b"})).await);
        let revoked = office.admin.key(json!({"name":"c","group_id":group})).await;
        office.admin.delete(&format!("/keys/{revoked}")).await;
        let ids = json!({"ids":[first, second, "nobody", revoked]});
        let done = office.admin.post(&format!("/groups/{group}/keys"), ids).await;
        assert_eq!(done.column("id"), [first.as_str(), &second, "nobody", &revoked], "one element an id");
        let done = done.json();
        for place in [0, 1] {
            assert_eq!(done["data"][place]["key"]["group_id"], json!(group), "across accounts, too");
            assert_eq!(done["data"][place]["error"], Value::Null);
        }
        assert_eq!(done["data"][2]["error"]["code"], "not_found");
        assert_eq!(done["data"][3]["error"]["code"], "conflict");
        let path = format!("/groups/{group}");
        assert_eq!(office.admin.get(&path).await.json()["key_count"], 2, "revoked keys are not counted");
        assert_eq!(office.admin.get(&format!("/keys?group_id={group}&status=active")).await.column("id").len(), 2);
        assert_eq!(office.admin.delete(&path).await.status, 204);
        assert_eq!(office.user.get(&format!("/keys/{second}")).await.json()["group_id"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn pages_hold_every_group_once() {
    in_both_offices(async |office| {
        let mut made = Vec::new();
        for number in 0..5 {
            office.app.clock.wind(Duration::from_secs(number % 2));
            made.push(office.admin.made("/groups", json!({"name":format!("group {number}")})).await);
        }
        let first = office.admin.get("/groups?limit=3").await;
        let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
        let second = office.admin.get(&format!("/groups?limit=3&cursor={cursor}")).await;
        assert_eq!(second.json()["next_cursor"], Value::Null);
        let mut seen = [first.column("id"), second.column("id")].concat();
        seen.sort();
        made.sort();
        assert_eq!(seen, made);
        assert_eq!(office.admin.get("/groups?status=active").await.code(), "unknown_field");
    })
    .await;
}

#[tokio::test]
async fn what_a_group_used_is_told_by_group_and_moving_a_key_rewrites_no_history() {
    in_both_offices(async |office| {
        let group = office.admin.made("/groups", json!({"name":"g"})).await;
        let (key, secret) = office.admin.key_and_secret(json!({"name":"web","group_id":group})).await;
        let in_group = office.app.chat(&secret, fill(3)).await;
        office.admin.patch(&format!("/keys/{key}"), json!({"group_id":null})).await;
        office.app.chat(&secret, fill(3)).await;
        office.app.idle().await;
        office.app.clock.wind(Duration::from_secs(900));
        let rows = office.admin.get("/usage?by=group").await.json()["data"].clone();
        let costs = rows.as_array().unwrap().iter().map(|row| (row["group_id"].clone(), row["cost"].clone()));
        let expected = [(Value::Null, json!("0.000007000")), (json!(group), json!("0.000007000"))];
        assert_eq!(costs.collect::<Vec<_>>(), expected);
        let narrowed = office.admin.get(&format!("/usage?by=key&group_id={group}")).await.json()["data"].clone();
        assert_eq!((narrowed.as_array().unwrap().len(), &narrowed[0]["requests"]), (1, &json!(1)));
        let logged = office.admin.get(&format!("/logs?group_id={group}")).await;
        assert_eq!(logged.column("id"), [in_group.header("x-request-id")]);
        assert_eq!(logged.column("group_id"), [group]);
    })
    .await;
}
