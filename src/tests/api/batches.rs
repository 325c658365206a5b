//! Many keys at once over HTTP, and rotation.

use super::{fill, in_both_offices};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn one_call_changes_many_keys_and_answers_for_each() {
    in_both_offices(async |office| {
        let (own, secret) = office.user.key_and_secret(json!({"name":"own"})).await;
        let theirs = office.admin.key(json!({"name":"theirs"})).await;
        let ids = json!([own, theirs]);
        let done = office.user.post("/keys/batch", json!({"ids":ids,"action":"disable"})).await;
        assert_eq!((done.status.as_u16(), done.column("id")), (200, vec![own.clone(), theirs.clone()]));
        let done = done.json();
        assert_eq!(done["data"][0]["key"]["status"], "disabled");
        assert_eq!(done["data"][1]["error"]["code"], "not_found");
        assert_eq!(office.app.chat(&secret, fill(1)).await.code(), "key_disabled");
        office.admin.post("/keys/batch", json!({"ids":ids,"action":"enable"})).await;
        assert_eq!(office.app.chat(&secret, fill(1)).await.status, 200);

        let group = office.admin.made("/groups", json!({"name":"g"})).await;
        let rule = office.admin.made("/rules", json!({"name":"r"})).await;
        office.admin.post("/keys/batch", json!({"ids":ids,"action":"move","group_id":group})).await;
        office.admin.post("/keys/batch", json!({"ids":ids,"action":"bind","rule_id":rule})).await;
        let key = office.user.get(&format!("/keys/{own}")).await.json();
        assert_eq!((&key["group_id"], &key["rule_id"]), (&json!(group), &json!(rule)));
        office.admin.post("/keys/batch", json!({"ids":[own],"action":"bind","rule_id":null})).await;
        assert_eq!(office.user.get(&format!("/keys/{own}")).await.json()["rule_id"], Value::Null);

        for (body, field) in [
            (json!({"ids":ids,"action":"explode"}), "action"),
            (json!({"ids":ids,"action":"move"}), "group_id"),
            (json!({"ids":ids,"action":"bind"}), "rule_id"),
            (json!({"ids":ids,"action":"move","group_id":group}), "group_id"),
            (json!({"ids":vec!["x";1_001],"action":"revoke"}), "ids"),
            (json!({"action":"revoke"}), "ids"),
        ] {
            let refused = office.user.post("/keys/batch", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec![field.to_owned()]), "{body}");
        }
        let revoked = office.admin.post("/keys/batch", json!({"ids":ids,"action":"revoke"})).await.json();
        assert_eq!(revoked["data"][0]["key"]["revoked_at"], "2026-11-20T14:00:00Z");
        let again = office.admin.post("/keys/batch", json!({"ids":ids,"action":"enable"})).await.json();
        assert_eq!(again["data"][0]["error"]["code"], "conflict");
    })
    .await;
}

#[tokio::test]
async fn many_keys_are_read_in_one_call_in_the_order_asked() {
    in_both_offices(async |office| {
        let mut ids = Vec::new();
        for number in 0..20 {
            ids.push(office.user.key(json!({"name":format!("key {number}")})).await);
        }
        ids.reverse();
        ids.insert(3, "nobody".to_owned());
        ids.push(ids[0].clone());
        let read = office.user.post("/keys/batch-get", json!({"ids":ids})).await;
        assert_eq!(read.column("id"), ids, "one element an id, repeated ones too");
        let read = read.json();
        assert_eq!(read["data"][0]["key"]["name"], "key 19");
        assert_eq!((&read["data"][3]["key"], &read["data"][3]["error"]["code"]), (&Value::Null, &json!("not_found")));
        assert_eq!(office.user.post("/keys/batch-get", json!({"ids":[]})).await.json(), json!({"data":[]}));
        assert_eq!(office.user.post("/keys/batch-get", json!({"ids":vec!["x";1_000]})).await.status, 200);
        assert_eq!(office.user.post("/keys/batch-get", json!({"ids":vec!["x";1_001]})).await.fields(), ["ids"]);
    })
    .await;
}

#[tokio::test]
async fn a_rotated_key_keeps_its_meters_and_honours_the_old_secret_during_its_grace() {
    in_both_offices(async |office| {
        let (key, old) = office.user.key_and_secret(json!({"name":"web","limits":{"rpd":5}})).await;
        assert_eq!(office.app.chat(&old, fill(1)).await.status, 200);
        let rotated = office.user.post(&format!("/keys/{key}/rotate"), json!({"grace_seconds":60})).await.json();
        let new = rotated["secret"].as_str().unwrap();
        assert_eq!(rotated["key"]["id"], json!(key));
        assert!(new.ends_with(rotated["key"]["hint"].as_str().unwrap().rsplit('…').next().unwrap()));
        for (secret, remaining) in [(new, "3"), (&old, "2")] {
            let answer = office.app.chat(secret, fill(1)).await;
            assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-remaining-requests")), (200, remaining));
        }
        office.app.clock.wind(Duration::from_secs(59));
        assert_eq!(office.app.chat(&old, fill(1)).await.status, 200);
        office.app.clock.wind(Duration::from_secs(1));
        assert_eq!(office.app.chat(&old, fill(1)).await.code(), "invalid_key", "remembered or not");
        assert_eq!(office.app.chat(new, fill(1)).await.status, 200);

        let again = office.user.ask(axum::http::Method::POST, &format!("/keys/{key}/rotate"), "").await.json();
        assert_eq!(office.app.chat(new, fill(1)).await.code(), "invalid_key", "without a grace, at once");
        assert_eq!(office.app.chat(again["secret"].as_str().unwrap(), fill(1)).await.code(), "rate_limit_exceeded");
        let long = office.user.post(&format!("/keys/{key}/rotate"), json!({"grace_seconds":2_592_001})).await;
        assert_eq!(long.fields(), ["grace_seconds"]);
        assert_eq!(office.admin.post("/keys/nobody/rotate", json!({})).await.status, 404);
        office.user.delete(&format!("/keys/{key}")).await;
        assert_eq!(office.user.post(&format!("/keys/{key}/rotate"), json!({})).await.code(), "conflict");
    })
    .await;
}
