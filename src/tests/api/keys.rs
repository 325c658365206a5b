//! Keys over HTTP.

use super::in_both_offices;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_new_key_is_answered_with_its_secret_once() {
    in_both_offices(async |office| {
        let made = office.admin.post("/keys", json!({"name":"web","limits":{"monthly_spend":"200","rpm":60}})).await;
        assert_eq!(made.status, 201);
        assert_eq!(made.header("cache-control"), "no-store");
        let made = made.json();
        let secret = made["secret"].as_str().unwrap();
        assert!(secret.starts_with("sk-tg-"));
        let expected = json!({
            "id": made["key"]["id"], "hint": made["key"]["hint"], "account_id": office.admin.account.id.as_str(),
            "name": "web", "status": "active", "expires_at": null, "models": [], "ip_allowlist": [], "endpoints": [],
            "timezone": "UTC",
            "limits": {"rpm":60,"tpm":null,"rpd":null,"token_quota":null,"monthly_tokens":null,"monthly_spend":"200.00",
                "credit_quota":null,"max_tokens_per_request":null,"max_cost_per_request":null},
            "created_at": "2026-11-20T14:00:00Z", "last_used_at": null, "revoked_at": null,
            "group_id": null, "rule_id": null, "cache_ttl_seconds": null, "log_bodies": false,
        });
        assert_eq!(made["key"], expected);
        let id = made["key"]["id"].as_str().unwrap();
        let read = office.admin.get(&format!("/keys/{id}")).await;
        assert_eq!(read.json(), expected);
        assert!(!read.body.contains(secret));
        assert_eq!(office.app.gateway.authenticate(secret).await.unwrap().key.id.as_str(), id);
    })
    .await;
}

#[tokio::test]
async fn the_contracts_own_example_is_taken() {
    in_both_offices(async |office| {
        let body = json!({"name":"production-web","account_id":null,"group_id":null,"rule_id":null,"status":"active",
            "expires_at":null,"models":null,"ip_allowlist":[],"endpoints":[],"timezone":"UTC",
            "limits":{"rpm":60,"tpm":null,"rpd":null,"token_quota":{"max":1_000_000,"reset":"daily"},
                "monthly_tokens":null,"monthly_spend":"200.00","credit_quota":null,"max_tokens_per_request":4096,
                "max_cost_per_request":"0.50"},
            "cache_ttl_seconds":60,"log_bodies":false});
        office.admin.key(body).await;
    })
    .await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_clears() {
    in_both_offices(async |office| {
        let limits = json!({"rpm":60,"tpm":1000,"token_quota":{"max":10,"reset":"daily"}});
        let id = office.admin.key(json!({"name":"web","models":["a","b"],"timezone":"UTC+8","limits":limits})).await;
        let path = format!("/keys/{id}");
        let patch = json!({"limits":{"rpm":null,"token_quota":{"max":20},"monthly_spend":"1.5"},"models":["c"]});
        let after = office.admin.patch(&path, patch).await.json();
        assert_eq!(after["name"], "web");
        assert_eq!(after["timezone"], "UTC+8");
        assert_eq!(after["models"], json!(["c"]), "lists are replaced");
        assert_eq!(after["limits"]["rpm"], Value::Null);
        assert_eq!(after["limits"]["tpm"], 1000);
        assert_eq!(after["limits"]["token_quota"], json!({"max":20,"reset":"daily"}), "objects merge");
        assert_eq!(after["limits"]["monthly_spend"], "1.50");
        let after = office.admin.patch(&path, json!({"limits":null,"models":null,"timezone":null})).await.json();
        assert_eq!(after["limits"]["tpm"], Value::Null);
        assert_eq!(after["models"], json!([]));
        assert_eq!(after["timezone"], "UTC");
        assert_eq!(office.admin.patch(&path, json!({})).await.json(), after, "an empty patch changes nothing");
    })
    .await;
}

#[tokio::test]
async fn a_key_may_be_sent_back_whole_but_what_is_read_only_stays() {
    in_both_offices(async |office| {
        let id = office.admin.key(json!({"name":"web"})).await;
        let path = format!("/keys/{id}");
        let mut whole = office.admin.get(&path).await.json();
        whole["name"] = json!("renamed");
        let after = office.admin.patch(&path, whole.clone()).await;
        assert_eq!((after.status.as_u16(), &after.json()), (200, &whole));
        assert_eq!(office.admin.patch(&path, json!({"last_used_at":"2020-01-01T00:00:00Z"})).await.json(), whole);
        let refused = office.admin.patch(&path, json!({"id":"other","created_at":null})).await;
        assert_eq!(refused.code(), "invalid_field");
        assert_eq!(refused.fields(), ["id", "created_at"]);
    })
    .await;
}

#[tokio::test]
async fn each_bad_field_is_named_by_its_path() {
    in_both_offices(async |office| {
        for (body, code, fields) in [
            (json!({}), "invalid_field", vec!["name"]),
            (json!({"name":null}), "invalid_field", vec!["name"]),
            (json!({"name":7}), "invalid_field", vec!["name"]),
            (json!({"name":""}), "invalid_field", vec!["name"]),
            (json!({"name":"x","colour":"red"}), "unknown_field", vec!["colour"]),
            (json!({"name":"x","limits":{"rps":1}}), "unknown_field", vec!["limits.rps"]),
            (json!({"name":"x","limits":{"rpm":"sixty"}}), "invalid_field", vec!["limits.rpm"]),
            (json!({"name":"x","limits":{"rpm":-1}}), "invalid_field", vec!["limits.rpm"]),
            (json!({"name":"x","limits":[]}), "invalid_field", vec!["limits"]),
            (json!({"name":"x","limits":{"monthly_spend":200}}), "invalid_field", vec!["limits.monthly_spend"]),
            (json!({"name":"x","limits":{"monthly_spend":"1e3"}}), "invalid_field", vec!["limits.monthly_spend"]),
            (json!({"name":"x","limits":{"token_quota":{"max":1}}}), "invalid_field", vec!["limits.token_quota.reset"]),
            (
                json!({"name":"x","limits":{"token_quota":{"max":1,"reset":"x"}}}),
                "invalid_field",
                vec!["limits.token_quota.reset"],
            ),
            (json!({"name":"x","status":"asleep"}), "invalid_field", vec!["status"]),
            (json!({"name":"x","expires_at":"tomorrow"}), "invalid_field", vec!["expires_at"]),
            (json!({"name":"x","expires_at":"2020-01-01T00:00:00Z"}), "invalid_field", vec!["expires_at"]),
            (json!({"name":"x","models":["a",1]}), "invalid_field", vec!["models[1]"]),
            (
                json!({"name":"x","ip_allowlist":["x"],"timezone":"Mars"}),
                "invalid_field",
                vec!["ip_allowlist", "timezone"],
            ),
            (json!({"name":"x","account_id":"nobody"}), "invalid_field", vec!["account_id"]),
            (json!({"name":"x","group_id":"g","rule_id":"r"}), "invalid_field", vec!["group_id", "rule_id"]),
            (json!({"name":"x","cache_ttl_seconds":0,"log_bodies":false}), "invalid_field", vec!["cache_ttl_seconds"]),
        ] {
            let refused = office.admin.post("/keys", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (400, code.to_owned()), "{body}");
            assert_eq!(refused.fields(), fields, "{body}");
            assert_eq!(refused.json()["error"]["param"], fields[0], "{body}");
            assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
        }
        assert_eq!(office.admin.get("/keys").await.json()["data"], json!([]), "nothing was made");
    })
    .await;
}

#[tokio::test]
async fn a_user_sees_and_changes_only_their_own_keys() {
    in_both_offices(async |office| {
        let theirs = office.admin.key(json!({"name":"theirs"})).await;
        office.app.clock.wind(Duration::from_secs(1));
        let own = office.user.key(json!({"name":"own"})).await;
        let path = format!("/keys/{theirs}");
        for answer in [
            office.user.get(&path).await,
            office.user.patch(&path, json!({"name":"mine"})).await,
            office.user.delete(&path).await,
            office.user.post(&format!("{path}/restore"), json!({})).await,
            office.user.get("/keys/nothing").await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found".to_owned()));
        }
        let everyones = format!("/keys?account_id={}", office.admin.account.id);
        assert_eq!(office.user.get(&everyones).await.column("id"), std::slice::from_ref(&own));
        assert_eq!(office.admin.get("/keys").await.column("id"), [own.clone(), theirs.clone()], "newest first");
        assert_eq!(office.admin.get(&everyones).await.column("id"), [theirs]);
        let for_another = json!({"name":"x","account_id":office.admin.account.id.as_str()});
        assert_eq!(office.user.post("/keys", for_another.clone()).await.code(), "forbidden");
        assert_eq!(office.user.patch(&format!("/keys/{own}"), for_another).await.code(), "forbidden");
    })
    .await;
}

#[tokio::test]
async fn deleting_revokes_and_restoring_undoes_it() {
    in_both_offices(async |office| {
        let id = office.user.key(json!({"name":"web"})).await;
        let path = format!("/keys/{id}");
        let gone = office.user.delete(&path).await;
        assert_eq!((gone.status.as_u16(), gone.body.as_str()), (204, ""));
        assert_eq!(office.user.delete(&path).await.status, 204, "revoking twice is revoking");
        let revoked = office.user.get(&path).await.json();
        assert_eq!((&revoked["status"], &revoked["revoked_at"]), (&json!("revoked"), &json!("2026-11-20T14:00:00Z")));
        assert_eq!(office.user.patch(&path, json!({"name":"x"})).await.code(), "conflict");
        let restored = office.user.post(&format!("{path}/restore"), json!({})).await;
        assert_eq!((restored.status.as_u16(), &restored.json()["status"]), (200, &json!("active")));
        assert_eq!(office.user.post(&format!("{path}/restore"), json!({})).await.status, 409);
    })
    .await;
}

#[tokio::test]
async fn pages_hold_every_key_once_and_filters_narrow_them() {
    in_both_offices(async |office| {
        let mut made = Vec::new();
        for number in 0..5 {
            // Pairs share an instant: the id decides then.
            office.app.clock.wind(Duration::from_secs(number % 2));
            made.push(office.admin.key(json!({"name":format!("Key {number}")})).await);
        }
        let mut seen = Vec::new();
        let mut path = "/keys?limit=2".to_owned();
        loop {
            let page = office.admin.get(&path).await;
            assert!(page.column("id").len() <= 2);
            seen.extend(page.column("id"));
            let body = page.json();
            let Some(cursor) = body["next_cursor"].as_str() else { break };
            path = format!("/keys?limit=2&cursor={cursor}");
        }
        made.sort();
        made.reverse();
        assert_eq!(seen, made);
        assert_eq!(office.admin.get("/keys?search=KEY%203").await.column("name"), ["Key 3"]);
        office.admin.delete(&format!("/keys/{}", seen[0])).await;
        assert_eq!(office.admin.get("/keys?status=revoked").await.column("id"), [seen[0].clone()]);
        assert_eq!(office.admin.get("/keys?status=active").await.column("id"), seen[1..]);
    })
    .await;
}

#[tokio::test]
async fn a_filter_that_is_unknown_or_senseless_is_named() {
    in_both_offices(async |office| {
        for (query, code, field) in [
            ("state=active", "unknown_field", "state"),
            ("status=asleep", "invalid_field", "status"),
            ("limit=0", "invalid_field", "limit"),
            ("limit=1001", "invalid_field", "limit"),
            ("limit=many", "invalid_field", "limit"),
            ("cursor=nonsense", "invalid_field", "cursor"),
            ("search=a&search=b", "invalid_field", "search"),
        ] {
            let refused = office.admin.get(&format!("/keys?{query}")).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (400, code.to_owned()), "{query}");
            assert_eq!(refused.fields(), [field], "{query}");
        }
    })
    .await;
}
