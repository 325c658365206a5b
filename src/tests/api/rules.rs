//! Quota rules over HTTP: made, bound, inherited, deleted when nothing needs them.

use super::in_both_offices;
use crate::domain::id::RuleId;
use crate::domain::problem::ProblemKind;
use crate::domain::rule::RuleSpec;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn the_contracts_own_rule_is_taken_and_read_back_in_words() {
    in_both_offices(async |office| {
        let body = json!({"name":"Dev","description":"","enabled":true,"quota":{"credits":"50.00","period":"daily"},
            "hours":{"timezone":"Asia/Shanghai","weekdays":["mon","tue"],"ranges":["08:00-20:00"]}});
        let made = office.user.post("/rules", body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        let text = "At most 50 credits a day, from midnight in Asia/Shanghai; calls allowed Mon, Tue 08:00–20:00.";
        let expected = json!({"id":made["id"],"account_id":office.user.account.id.as_str(),"name":"Dev",
            "description":"","enabled":true,"quota":{"credits":"50.00","period":"daily"},
            "hours":{"timezone":"Asia/Shanghai","weekdays":["mon","tue"],"ranges":["08:00-20:00"]},"timezone":null,
            "created_at":"2026-11-20T14:00:00Z","reference_count":0,"text":text});
        assert_eq!(made, expected);
        let path = format!("/rules/{}", made["id"].as_str().unwrap());
        assert_eq!(office.user.get(&path).await.json(), expected);
        assert_eq!(office.user.patch(&path, expected.clone()).await.json(), expected, "sent back as it was read");
        let after = office.user.patch(&path, json!({"enabled":false,"hours":null,"timezone":"UTC"})).await.json();
        assert_eq!(
            (&after["enabled"], &after["hours"], &after["timezone"]),
            (&json!(false), &Value::Null, &json!("UTC"))
        );
        assert_eq!(after["text"], "Switched off; when on: at most 50 credits a day, from midnight in UTC.");
        let hours = json!({"hours":{"weekdays":["mon"],"ranges":["8-20"]}});
        assert_eq!(office.user.patch(&path, hours).await.fields(), ["hours.ranges[0]"]);
        assert_eq!(office.user.post("/rules", json!({"name":"Dev"})).await.fields(), ["name"], "a name in use");
        assert_eq!(office.user.get("/rules?enabled=true").await.column("id").len(), 0);
        assert_eq!(office.user.get("/rules?enabled=false").await.column("id").len(), 1);
        assert_eq!(office.user.get("/rules?enabled=maybe").await.fields(), ["enabled"]);
    })
    .await;
}

#[tokio::test]
async fn references_count_bound_and_inheriting_keys_and_hold_a_rule_until_they_are_gone() {
    in_both_offices(async |office| {
        let rule = office.admin.made("/rules", json!({"name":"r"})).await;
        office.app.clock.wind(Duration::from_secs(1));
        let other = office.admin.made("/rules", json!({"name":"other"})).await;
        let path = format!("/rules/{rule}");
        let count = async || office.admin.get(&path).await.json()["reference_count"].clone();
        let bound = office.admin.key(json!({"name":"bound","rule_id":rule})).await;
        office.admin.key(json!({"name":"inheriting"})).await;
        office.admin.key(json!({"name":"elsewhere","rule_id":other})).await;
        let revoked = office.admin.key(json!({"name":"revoked","rule_id":rule})).await;
        office.admin.delete(&format!("/keys/{revoked}")).await;
        assert_eq!(count().await, 1);
        let set = office.admin.put("/account/default-rule", json!({"rule_id":rule})).await;
        assert_eq!((set.status.as_u16(), &set.json()["default_rule_id"]), (200, &json!(rule)));
        assert_eq!(count().await, 2);
        let listed = office.admin.get("/rules").await.json()["data"].clone();
        let counts: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["reference_count"].clone()).collect();
        assert_eq!(counts, [json!(1), json!(2)], "newest first, in one query a page");

        let refused = office.admin.delete(&path).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "conflict".to_owned()));
        let message = "This rule is in use: 1 key is bound to it and 1 account has it as its default. Unbind it \
            first, or switch it off.";
        assert_eq!(refused.json()["error"]["message"], message);
        office.admin.patch(&format!("/keys/{bound}"), json!({"rule_id":null})).await;
        assert_eq!(office.admin.delete(&path).await.status, 409, "it is still a default");
        office.admin.put("/account/default-rule", json!({"rule_id":null})).await;
        assert_eq!(office.admin.delete(&path).await.status, 204, "a revoked key does not hold it");
        assert_eq!(office.admin.get(&path).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_user_binds_their_own_rules_and_an_admin_any() {
    in_both_offices(async |office| {
        let theirs = office.admin.made("/rules", json!({"name":"theirs"})).await;
        let own = office.user.made("/rules", json!({"name":"own"})).await;
        let key = office.user.key(json!({"name":"web","rule_id":own})).await;
        let path = format!("/rules/{theirs}");
        for answer in [
            office.user.get(&path).await,
            office.user.patch(&path, json!({"name":"mine"})).await,
            office.user.delete(&path).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found".to_owned()));
        }
        for refused in [
            office.user.post("/keys", json!({"name":"x","rule_id":theirs})).await,
            office.user.patch(&format!("/keys/{key}"), json!({"rule_id":theirs})).await,
            office.user.put("/account/default-rule", json!({"rule_id":theirs})).await,
            office.user.put("/account/default-rule", json!({})).await,
        ] {
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["rule_id".to_owned()]));
        }
        let others = json!({"rule_id":null,"account_id":office.admin.account.id.as_str()});
        assert_eq!(office.user.put("/account/default-rule", others).await.fields(), ["account_id"]);
        let for_user = json!({"rule_id":theirs,"account_id":office.user.account.id.as_str()});
        let set = office.admin.put("/account/default-rule", for_user).await.json();
        assert_eq!((&set["id"], &set["default_rule_id"]), (&json!(office.user.account.id.as_str()), &json!(theirs)));
        let bound = office.admin.patch(&format!("/keys/{key}"), json!({"rule_id":theirs})).await;
        assert_eq!(bound.json()["rule_id"], json!(theirs));
    })
    .await;
}

#[tokio::test]
async fn two_edits_at_one_instant_do_not_undo_each_other() {
    in_both_offices(async |office| {
        let rule = office.user.made("/rules", json!({"name":"r"})).await;
        let (gateway, by, id) = (&office.app.gateway, &office.user.account, RuleId(rule.clone()));
        let known = gateway.rule(by, &id).await.expect("a rule");
        let first = RuleSpec { description: "first".to_owned(), ..known.rule.spec() };
        gateway.edit_rule(by, &known, first).await.expect("as it was read");
        let second = RuleSpec { enabled: false, ..known.rule.spec() };
        let problem = gateway.edit_rule(by, &known, second.clone()).await.expect_err("it has changed");
        assert_eq!(problem.kind, ProblemKind::Meanwhile);
        let after = gateway.rule(by, &id).await.expect("a rule");
        assert_eq!((after.rule.description.as_str(), after.rule.enabled), ("first", true));
        gateway.edit_rule(by, &after, RuleSpec { enabled: false, ..after.rule.spec() }).await.expect("read again");
        let theirs = gateway.rule(&office.admin.account, &id).await.expect("an admin sees it");
        gateway.edit_rule(&office.admin.account, &theirs, theirs.rule.spec()).await.expect("and may edit it");

        // Each field is another program's, and a third binds the rule to a key at the same time.
        let (path, key) = (format!("/rules/{rule}"), office.user.key(json!({"name":"web"})).await);
        let key = format!("/keys/{key}");
        for round in 0..12 {
            let (text, credits) = (format!("round {round}"), format!("{}.00", round + 1));
            let bind = if round % 2 == 0 { json!({"rule_id":rule}) } else { json!({"rule_id":null}) };
            let (one, other, bound) = tokio::join!(
                office.user.patch(&path, json!({"description":text})),
                office.user.patch(&path, json!({"quota":{"credits":credits,"period":"daily"}})),
                office.user.patch(&key, bind),
            );
            assert_eq!(bound.status, 200, "{}", bound.body);
            let after = office.user.get(&path).await.json();
            for (answer, shows) in
                [(&one, after["description"] == text), (&other, after["quota"]["credits"] == credits)]
            {
                match answer.status.as_u16() {
                    200 => assert!(shows, "what was answered is there: {after}"),
                    409 => assert_eq!((answer.code().as_str(), shows), ("conflict", false)),
                    status => panic!("{status}: {}", answer.body),
                }
            }
            assert!(one.status == 200 || other.status == 200, "one of them is the first");
        }
    })
    .await;
}

#[tokio::test]
async fn a_preview_says_what_a_rule_would_do_and_saves_nothing() {
    in_both_offices(async |office| {
        // It is a Friday, 14:00 in UTC.
        let hours = json!({"timezone":"UTC","weekdays":["mon","fri"],"ranges":["09:00-12:00"]});
        let said = office.user.post("/rules/preview", json!({"name":"x","hours":hours})).await.json();
        let expected = json!({"text":"Calls allowed Mon, Fri 09:00–12:00 (UTC).",
            "next_open":"2026-11-23T09:00:00Z","next_close":"2026-11-23T12:00:00Z"});
        assert_eq!(said, expected);
        let open = office.user.post("/rules/preview", json!({"name":"x"})).await.json();
        assert_eq!((&open["next_open"], &open["next_close"]), (&json!("2026-11-20T14:00:00Z"), &Value::Null));
        assert_eq!(office.user.post("/rules/preview", json!({"name":""})).await.fields(), ["name"]);
        assert_eq!(office.user.get("/rules").await.json()["data"], json!([]));
    })
    .await;
}
