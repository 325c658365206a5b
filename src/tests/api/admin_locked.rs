//! What an admin has set, its owner may tighten and never loosen.

use super::{Office, in_both_offices};
use crate::domain::key::KeyStatus;
use crate::store::Store;
use crate::store::keys::KeyChange;
use crate::tests::app::Answer;
use axum::http::Method;
use serde_json::{Value, json};
use std::time::Duration;

fn refused(answer: &Answer, fields: &[&str]) {
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "admin_locked".to_owned()), "{}", answer.body);
    assert_eq!(answer.json()["error"]["type"], "permission_error");
    assert_eq!(answer.fields(), fields);
    assert_eq!(answer.json()["error"]["param"], fields[0]);
}

/// A key that the admin has made for the user.
async fn given(office: &Office, mut body: Value) -> String {
    body["account_id"] = json!(office.user.account.id.as_str());
    office.admin.key(body).await
}

#[tokio::test]
async fn an_owner_tightens_what_an_admin_set_and_is_told_each_field_that_they_may_not_loosen() {
    in_both_offices(async |office| {
        let body = json!({"name":"web","expires_at":"2026-12-01T00:00:00Z","models":["a","b"],"endpoints":["/v1/x"],
            "ip_allowlist":["10.0.0.0/8"],"limits":{"rpm":60,"token_quota":{"max":100,"reset":"weekly"},
            "monthly_spend":"10","max_tokens_per_request":100,"max_cost_per_request":"0.5"}});
        let path = format!("/keys/{}", given(&office, body).await);
        let before = office.user.get(&path).await.json();
        for (patch, fields) in [
            (json!({"limits":{"rpm":61}}), vec!["limits.rpm"]),
            (json!({"limits":{"rpm":null}}), vec!["limits.rpm"]),
            (
                json!({"limits":null,"models":[]}),
                vec![
                    "models",
                    "limits.rpm",
                    "limits.token_quota",
                    "limits.monthly_spend",
                    "limits.max_tokens_per_request",
                    "limits.max_cost_per_request",
                ],
            ),
            (json!({"limits":{"token_quota":{"reset":"daily"}}}), vec!["limits.token_quota"]),
            (json!({"limits":{"monthly_spend":"10.000000001"}}), vec!["limits.monthly_spend"]),
            (json!({"limits":{"max_tokens_per_request":101}}), vec!["limits.max_tokens_per_request"]),
            (json!({"models":["a","c"]}), vec!["models"]),
            (json!({"endpoints":null}), vec!["endpoints"]),
            (json!({"ip_allowlist":["10.0.0.0/8","192.0.2.1"]}), vec!["ip_allowlist"]),
            (json!({"expires_at":"2026-12-01T00:00:01Z"}), vec!["expires_at"]),
            (json!({"timezone":"UTC+8"}), vec!["timezone"]),
        ] {
            refused(&office.user.patch(&path, patch).await, &fields);
        }
        assert_eq!(office.user.get(&path).await.json(), before, "nothing of it was saved");

        let tighter = json!({"name":"renamed","expires_at":"2026-11-30T00:00:00Z","models":["b"],
            "ip_allowlist":["10.1.0.0/16","10.2.0.1"],"limits":{"rpm":30,"tpm":5,"monthly_spend":"9",
            "token_quota":{"max":99,"reset":"monthly"}}});
        let tightened = office.user.patch(&path, tighter).await;
        assert_eq!(tightened.status, 200, "{}", tightened.body);
        let back = office.user.patch(&path, json!({"limits":{"rpm":60,"tpm":null},"models":["a","b"]})).await;
        assert_eq!(back.status, 200, "as far as the admin's own: {}", back.body);
        assert_eq!(office.user.post(&format!("{path}/rotate"), json!({})).await.status, 200, "rotation stays allowed");

        assert_eq!(office.admin.patch(&path, json!({"limits":{"rpm":120}})).await.status, 200);
        assert_eq!(office.user.patch(&path, json!({"limits":{"rpm":120}})).await.status, 200);
        refused(&office.user.patch(&path, json!({"limits":{"rpm":121}})).await, &["limits.rpm"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_user_or_an_admin_sets_on_their_own_key_stays_their_own() {
    in_both_offices(async |office| {
        for program in [&office.user, &office.admin] {
            let path = format!("/keys/{}", program.key(json!({"name":"own","limits":{"rpm":1},"models":["a"]})).await);
            let loosened = program.patch(&path, json!({"limits":{"rpm":null},"models":[]})).await;
            assert_eq!(loosened.status, 200, "{}", loosened.body);
            program.delete(&path).await;
            assert_eq!(program.post(&format!("{path}/restore"), json!({})).await.status, 200);
        }
        let group = office.user.made("/groups", json!({"name":"own"})).await;
        let path = format!("/keys/{}", office.user.key(json!({"name":"own","group_id":group})).await);
        office.user.patch(&path, json!({"status":"disabled"})).await;
        office.admin.patch(&path, json!({"name":"renamed by an admin"})).await;
        let after = office.user.patch(&path, json!({"status":"active","group_id":null})).await;
        assert_eq!(after.status, 200, "an admin who leaves it alone does not take it over: {}", after.body);
    })
    .await;
}

#[tokio::test]
async fn a_group_or_rule_that_an_admin_chose_is_neither_left_nor_deleted_by_its_owner() {
    in_both_offices(async |office| {
        let group = office.user.made("/groups", json!({"name":"g"})).await;
        let rule = office.user.made("/rules", json!({"name":"r"})).await;
        let key = given(&office, json!({"name":"web","group_id":group,"rule_id":rule})).await;
        let path = format!("/keys/{key}");
        refused(&office.user.patch(&path, json!({"group_id":null,"rule_id":null})).await, &["group_id", "rule_id"]);
        for (action, field) in [("move", "group_id"), ("bind", "rule_id")] {
            let mut body = json!({"ids":[key],"action":action});
            body[field] = Value::Null;
            let done = office.user.post("/keys/batch", body).await.json();
            let error = &done["data"][0]["error"];
            assert_eq!((&error["code"], &error["param"]), (&json!("admin_locked"), &json!(field)));
        }
        let group_path = format!("/groups/{group}");
        refused(&office.user.delete(&group_path).await, &["group_id"]);
        assert_eq!(office.admin.delete(&group_path).await.status, 204);
        assert_eq!(office.user.patch(&path, json!({"name":"free of the group"})).await.status, 200);

        let bind = json!({"ids":[key],"action":"bind","rule_id":null});
        office.admin.post("/keys/batch", bind).await;
        assert_eq!(office.user.patch(&path, json!({"rule_id":rule})).await.status, 200, "it is open again");
        let bind = json!({"ids":[key],"action":"bind","rule_id":rule});
        office.admin.post("/keys/batch", bind).await;
        refused(&office.user.patch(&path, json!({"rule_id":null})).await, &["rule_id"]);
        office.user.delete(&path).await;
        refused(&office.user.delete(&format!("/rules/{rule}")).await, &["rule_id"]);
        assert_eq!(office.admin.delete(&format!("/rules/{rule}")).await.status, 204);
        assert_eq!(office.user.post(&format!("{path}/restore"), json!({})).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn what_an_admin_switched_off_or_revoked_stays_so_for_its_owner() {
    in_both_offices(async |office| {
        let key = office.user.key(json!({"name":"web"})).await;
        let path = format!("/keys/{key}");
        let restore = format!("{path}/restore");
        let batch = |action: &str| json!({"ids":[key],"action":action});
        office.admin.patch(&path, json!({"status":"disabled"})).await;
        refused(&office.user.patch(&path, json!({"status":"active"})).await, &["status"]);
        let done = office.user.post("/keys/batch", batch("enable")).await.json();
        assert_eq!(done["data"][0]["error"]["code"], "admin_locked");
        office.user.delete(&path).await;
        refused(&office.user.ask(Method::POST, &restore, "").await, &["status"]);
        assert_eq!(office.admin.ask(Method::POST, &restore, "").await.status, 200);
        assert_eq!(office.user.patch(&path, json!({"status":"disabled"})).await.status, 200);
        assert_eq!(office.user.patch(&path, json!({"status":"active"})).await.status, 200, "their own doing");

        office.admin.post("/keys/batch", batch("revoke")).await;
        refused(&office.user.ask(Method::POST, &restore, "").await, &["status"]);
        office.admin.ask(Method::POST, &restore, "").await;
        office.user.delete(&path).await;
        assert_eq!(office.user.ask(Method::POST, &restore, "").await.status, 200, "their own doing");
        office.user.delete(&path).await;
        assert_eq!(office.admin.delete(&path).await.status, 204);
        refused(&office.user.ask(Method::POST, &restore, "").await, &["status"]);
    })
    .await;
}

#[tokio::test]
async fn a_default_rule_that_an_admin_set_is_not_its_owners_to_change() {
    in_both_offices(async |office| {
        let rule = office.admin.made("/rules", json!({"name":"r"})).await;
        let own = office.user.made("/rules", json!({"name":"own"})).await;
        let user = office.user.account.id.as_str();
        let set = async |rule: Option<&str>| {
            let set = json!({"rule_id":rule,"account_id":user});
            assert_eq!(office.admin.put("/account/default-rule", set).await.status, 200);
        };
        let ask = async |rule: Option<&str>| office.user.put("/account/default-rule", json!({"rule_id":rule})).await;
        assert_eq!(ask(Some(&own)).await.status, 200);
        set(Some(&rule)).await;
        refused(&ask(None).await, &["rule_id"]);
        refused(&ask(Some(&own)).await, &["rule_id"]);
        set(None).await;
        assert_eq!(ask(Some(&own)).await.status, 200, "an admin who takes it away opens it");
        let account = format!("/accounts/{user}");
        office.admin.patch(&account, json!({"metered":false})).await;
        assert_eq!(ask(None).await.status, 200, "an admin who leaves it alone does not take it over");
        office.admin.patch(&account, json!({"default_rule_id":rule})).await;
        refused(&ask(None).await, &["rule_id"]);
    })
    .await;
}

#[tokio::test]
async fn what_was_read_before_a_revocation_does_not_undo_it() {
    in_both_offices(async |office| {
        for batch in [false, true] {
            let key = office.user.key(json!({"name":"web"})).await;
            let path = format!("/keys/{key}");
            let mut tx = office.app.store.begin().await.unwrap();
            let revoked = KeyChange::Status(KeyStatus::Revoked, Some(office.app.clock.now()));
            Store::change_keys(&mut tx, &[key.as_str().into()], &revoked).await.unwrap();
            let edit = async {
                match batch {
                    true => office.user.post("/keys/batch", json!({"ids":[key],"action":"disable"})).await,
                    false => office.user.patch(&path, json!({"name":"renamed"})).await,
                }
            };
            let revoke = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                tx.commit().await.unwrap();
            };
            let (edited, ()) = tokio::join!(edit, revoke);
            assert_eq!((edited.status.as_u16(), edited.code()), (409, "conflict".to_owned()), "{}", edited.body);
            let after = office.user.get(&path).await.json();
            assert_eq!((&after["status"], &after["name"]), (&json!("revoked"), &json!("web")));
        }
    })
    .await;
}

#[tokio::test]
async fn an_admin_who_revokes_many_holds_those_that_their_owner_had_revoked_too() {
    in_both_offices(async |office| {
        let key = office.user.key(json!({"name":"web"})).await;
        let path = format!("/keys/{key}");
        office.user.delete(&path).await;
        let revoked_at = office.user.get(&path).await.json()["revoked_at"].clone();
        let done = office.admin.post("/keys/batch", json!({"ids":[key],"action":"revoke"})).await;
        assert_eq!(done.json()["data"][0]["error"], Value::Null, "{}", done.body);
        refused(&office.user.post(&format!("{path}/restore"), json!({})).await, &["status"]);
        assert_eq!(office.user.get(&path).await.json()["revoked_at"], revoked_at);
    })
    .await;
}

#[tokio::test]
async fn no_rule_of_their_own_takes_the_place_of_a_default_that_an_admin_set() {
    in_both_offices(async |office| {
        let own = office.user.made("/rules", json!({"name":"own"})).await;
        let kept = office.user.key(json!({"name":"kept","rule_id":own})).await;
        let key = office.user.key(json!({"name":"web"})).await;
        let rule = office.user.made("/rules", json!({"name":"default"})).await;
        let set = json!({"rule_id":rule,"account_id":office.user.account.id.as_str()});
        assert_eq!(office.admin.put("/account/default-rule", set).await.status, 200);
        let path = format!("/keys/{key}");
        refused(&office.user.post("/keys", json!({"name":"new","rule_id":own})).await, &["rule_id"]);
        refused(&office.user.patch(&path, json!({"rule_id":own})).await, &["rule_id"]);
        let bind = json!({"ids":[key,kept],"action":"bind","rule_id":own});
        let done = office.user.post("/keys/batch", bind).await.json();
        assert_eq!(done["data"][0]["error"]["code"], "admin_locked", "{done}");
        assert_eq!(done["data"][1]["error"], Value::Null, "it had it before");
        assert_eq!(office.user.get(&path).await.json()["rule_id"], Value::Null);
        assert_eq!(office.user.patch(&format!("/keys/{kept}"), json!({"name":"renamed"})).await.status, 200);
        assert_eq!(office.user.patch(&path, json!({"rule_id":rule})).await.status, 200, "the locked one itself");

        let edit = json!({"quota":{"credits":"1","period":"daily"},"enabled":false});
        refused(&office.user.patch(&format!("/rules/{rule}"), edit).await, &["enabled", "quota"]);
        assert_eq!(office.user.patch(&format!("/rules/{rule}"), json!({"name":"renamed"})).await.status, 200);
        assert_eq!(office.user.patch(&format!("/rules/{own}"), json!({"enabled":false})).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_group_or_rule_that_an_admin_chose_is_not_edited_away_by_its_owner() {
    in_both_offices(async |office| {
        let quota = json!({"credits":"1","period":"daily"});
        let group = office.user.made("/groups", json!({"name":"g","quota":quota})).await;
        let rule = office.user.made("/rules", json!({"name":"r","quota":quota})).await;
        let (group_path, rule_path) = (format!("/groups/{group}"), format!("/rules/{rule}"));
        for path in [&group_path, &rule_path] {
            let edited = office.user.patch(path, json!({"quota":{"credits":"2"}})).await;
            assert_eq!(edited.status, 200, "nobody else relies on it: {}", edited.body);
        }
        given(&office, json!({"name":"web","group_id":group,"rule_id":rule})).await;
        refused(&office.user.patch(&group_path, json!({"quota":null})).await, &["quota"]);
        refused(&office.user.patch(&rule_path, json!({"quota":null,"enabled":false})).await, &["enabled", "quota"]);
        for path in [&group_path, &rule_path] {
            assert_eq!(office.user.patch(path, json!({"name":"n","description":"d"})).await.status, 200);
            assert_eq!(office.admin.patch(path, json!({"quota":null})).await.status, 200);
        }
    })
    .await;
}

#[tokio::test]
async fn an_admin_who_renames_a_key_does_not_take_its_owners_limits_over() {
    in_both_offices(async |office| {
        let path = format!("/keys/{}", office.user.key(json!({"name":"web","limits":{"rpm":1},"models":["a"]})).await);
        assert_eq!(office.admin.patch(&path, json!({"name":"renamed","limits":{"tpm":9}})).await.status, 200);
        let opened = office.user.patch(&path, json!({"limits":{"rpm":null},"models":[]})).await;
        assert_eq!(opened.status, 200, "{}", opened.body);
        refused(&office.user.patch(&path, json!({"limits":{"tpm":10}})).await, &["limits.tpm"]);
    })
    .await;
}
