//! Explanations over HTTP: what they say is what the gate does.

use super::{Office, fill, in_both_offices};
use crate::gateway::explain::Question;
use serde_json::{Value, json};
use std::time::Duration;

async fn explain(office: &Office, body: Value) -> Value {
    let answer = office.admin.post("/explain", body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn column(rows: &Value, name: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[tokio::test]
async fn every_limit_is_told_in_the_order_consulted_with_its_headroom() {
    in_both_offices(async |office| {
        let account = format!("/accounts/{}", office.user.account.id);
        office.admin.patch(&account, json!({"limits":{"rpd":100},"metered":true})).await;
        office.admin.post(&format!("{account}/adjust"), json!({"amount":"1"})).await;
        let plan = json!({"credits":"0.000010","falls_back":true});
        office.admin.put(&format!("{account}/subscription"), plan).await;
        let group = json!({"name":"g","quota":{"tokens":1000,"credits":"5","period":"monthly"}});
        let group = office.user.made("/groups", group).await;
        let rule = office.user.made("/rules", json!({"name":"r","quota":{"credits":"3","period":"daily"}})).await;
        let body = json!({"name":"web","group_id":group,"rule_id":rule,"limits":{"rpm":60,"monthly_spend":"2"}});
        let (key, secret) = office.user.key_and_secret(body).await;
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;

        let told =
            explain(&office, json!({"key_id":key,"model":"tollgate/fill","input_tokens":1,"max_tokens":10})).await;
        assert_eq!(told["verdict"], json!({"allowed":true,"refusal":null}));
        let checks = [
            "status",
            "expiry",
            "account",
            "model",
            "endpoint",
            "hours",
            "route",
            "price",
            "max_tokens_per_request",
            "max_cost_per_request",
        ];
        assert_eq!(column(&told["checks"], "check"), checks.map(Value::from));
        assert!(column(&told["checks"], "passes").iter().all(|passes| *passes == true));
        let order = ["rpm", "monthly_spend", "rule", "group_tokens", "group_credits", "rpd", "subscription", "balance"];
        assert_eq!(column(&told["limits"], "limit"), order.map(Value::from));
        let scopes = ["key", "key", "key", "group", "group", "account", "subscription", "balance"];
        assert_eq!(column(&told["limits"], "scope"), scopes.map(Value::from));
        let fits = column(&told["limits"], "fits");
        assert_eq!(fits.iter().filter(|fits| **fits == false).count(), 1, "the balance pays what the cycle cannot");
        let spend = json!({"scope":"key","limit":"monthly_spend","measure":"credits","period":"month","max":"2.00",
            "used":"0.000021","held":"0.00","requested":"0.000021","headroom":"1.999979","fits":true,
            "resets_at":"2026-12-01T00:00:00Z","rule":null});
        assert_eq!(told["limits"][1], spend);
        assert_eq!(told["limits"][2]["rule"], json!({"id":rule,"name":"r"}));

        assert_eq!(office.app.gateway.calls_in_flight(), 0, "nothing is held");
        assert_eq!(office.admin.get("/logs").await.column("id").len(), 1, "nothing is written");
        assert_eq!(
            explain(&office, json!({"key_id":key,"model":"tollgate/fill","input_tokens":1,"max_tokens":10})).await,
            told
        );
    })
    .await;
}

#[tokio::test]
async fn an_explanation_refuses_in_the_very_words_of_the_gate() {
    in_both_offices(async |office| {
        // It is a Friday, 14:00 in UTC.
        let hours = json!({"timezone":"UTC","weekdays":["fri"],"ranges":["08:00-14:00"]});
        let rule = office.admin.made("/rules", json!({"name":"mornings","hours":hours})).await;
        for (body, failing) in [
            (json!({"name":"a","status":"disabled"}), Some("status")),
            (json!({"name":"b","models":["other"]}), Some("model")),
            (json!({"name":"c","endpoints":["/v1/embeddings"]}), Some("endpoint")),
            (json!({"name":"d","rule_id":rule}), Some("hours")),
            (json!({"name":"e","limits":{"max_tokens_per_request":9}}), Some("max_tokens_per_request")),
            (json!({"name":"f","limits":{"max_cost_per_request":"0.000020"}}), Some("max_cost_per_request")),
            (json!({"name":"g","limits":{"monthly_tokens":10}}), None),
            (json!({"name":"h","limits":{"rpm":0}}), None),
        ] {
            let (key, secret) = office.admin.key_and_secret(body.clone()).await;
            let asked = json!({"key_id":key,"model":"tollgate/fill","input_tokens":1,"max_tokens":10});
            let told = explain(&office, asked).await;
            let refused = office.app.chat(&secret, fill(10)).await.json();
            assert_eq!(told["verdict"]["allowed"], false, "{body}");
            assert_eq!(told["verdict"]["refusal"]["code"], refused["error"]["code"], "{body}");
            assert_eq!(told["verdict"]["refusal"]["message"], refused["error"]["message"], "{body}");
            let failed: Vec<&Value> =
                told["checks"].as_array().unwrap().iter().filter(|check| check["passes"] == false).collect();
            match failing {
                Some(name) => {
                    assert_eq!((failed.len(), &failed[0]["check"]), (1, &json!(name)), "{body}");
                    assert_eq!(failed[0]["detail"], refused["error"]["message"], "{body}");
                }
                None => assert_eq!(failed.len(), 0, "{body}"),
            }
        }
        let key = office.admin.key(json!({"name":"x","rule_id":rule,"ip_allowlist":["10.0.0.0/8"]})).await;
        let later = explain(&office, json!({"key_id":key,"model":"tollgate/fill","at":"2026-11-27T08:00:00Z"})).await;
        assert_eq!(later["verdict"]["allowed"], true, "when the hours begin: {later}");
        let before = explain(&office, json!({"key_id":key,"model":"tollgate/fill","at":"2026-11-20T13:59:59Z"})).await;
        assert_eq!(before["verdict"]["allowed"], true, "just before they ended");
        let from = explain(&office, json!({"key_id":key,"model":"nothing","ip":"192.0.2.1"})).await;
        assert_eq!(from["verdict"]["refusal"]["code"], "model_not_found");
        let failed = from["checks"].as_array().unwrap().iter().filter(|check| check["passes"] == false);
        assert_eq!(failed.map(|check| check["check"].clone()).collect::<Vec<_>>(), ["model", "ip", "hours"]);
    })
    .await;
}

#[tokio::test]
async fn output_that_is_not_said_is_lowered_to_what_a_budget_affords() {
    in_both_offices(async |office| {
        let key = office.admin.key(json!({"name":"web","limits":{"monthly_tokens":1000}})).await;
        let told = explain(&office, json!({"key_id":key,"model":"tollgate/fill","input_tokens":100})).await;
        assert_eq!((&told["verdict"]["allowed"], &told["limits"][0]["requested"]), (&json!(true), &json!(1000)));
        let told = explain(&office, json!({"key_id":key,"model":"tollgate/fill","input_tokens":900})).await;
        assert_eq!(told["verdict"]["refusal"]["code"], "quota_exceeded", "less than 256 is not worth having");
    })
    .await;
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_told_why() {
    in_both_offices(async |office| {
        let key = office.admin.key(json!({"name":"web"})).await;
        for (body, field) in [
            (json!({"model":"m"}), "key_id"),
            (json!({"key_id":key}), "model"),
            (json!({"key_id":key,"model":"m","at":"2036-11-21T14:00:01Z"}), "at"),
            (json!({"key_id":key,"model":"m","at":"now"}), "at"),
            (json!({"key_id":key,"model":"m","input_tokens":-1}), "input_tokens"),
            (json!({"key_id":key,"model":"m","ip":"here"}), "ip"),
            (json!({"key_id":key,"model":"m","colour":"red"}), "colour"),
        ] {
            let refused = office.admin.post("/explain", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec![field.to_owned()]), "{body}");
        }
        let refused = office.user.post("/explain", json!({"key_id":key,"model":"tollgate/echo"})).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (404, vec!["key_id".to_owned()]), "others' keys");
        let most = json!({"key_id":key,"model":"tollgate/echo","input_tokens":u64::MAX,"max_tokens":u64::MAX});
        assert_eq!(explain(&office, most).await["verdict"]["allowed"], true, "no limit, no arithmetic that breaks");
    })
    .await;
}

#[tokio::test]
async fn asking_about_tomorrow_makes_no_meter_forget_today() {
    in_both_offices(async |office| {
        let limits = json!({"rpd":2,"token_quota":{"max":1000,"reset":"daily"}});
        let (key, secret) = office.admin.key_and_secret(json!({"name":"web","limits":limits})).await;
        for status in [200, 200, 429] {
            assert_eq!(office.app.chat(&secret, fill(10)).await.status, status);
        }
        office.app.idle().await;
        // In a new process no meter is in memory until someone asks.
        let app = office.app.reopened().await;
        let tomorrow = app.clock.now().plus(Duration::from_hours(25));
        let asked = Question {
            key_id: key.into(),
            model: "tollgate/fill".to_owned(),
            endpoint: "/v1/chat/completions".to_owned(),
            ip: None,
            input_tokens: 1,
            max_tokens: Some(10),
            at: Some(tomorrow),
        };
        let told = app.gateway.explain(&app.admin, &asked).await.expect("told");
        assert!(told.refusal.is_none(), "{:?}", told.refusal);
        let used: Vec<i64> = told.limits.iter().map(|weighed| weighed.detail.used.units()).collect();
        assert_eq!(used, [0, 0], "tomorrow nothing is used yet");
        assert_eq!(app.chat(&secret, fill(10)).await.code(), "rate_limit_exceeded");
        let told = app.gateway.explain(&app.admin, &Question { at: None, ..asked }).await.expect("told");
        let used: Vec<i64> = told.limits.iter().map(|weighed| weighed.detail.used.units()).collect();
        assert_eq!(used, [2, 22]);
    })
    .await;
}

#[tokio::test]
async fn an_explanation_says_when_the_call_would_pass_whatever_stands_in_its_way() {
    in_both_offices(async |office| {
        // Friday, 14:00: the credits come back at midnight, and the hours on Friday again.
        let hours = json!({"timezone":"UTC","weekdays":["fri"],"ranges":["08:00-16:00"]});
        let rule = json!({"name":"r","quota":{"credits":"0.000030","period":"daily"},"hours":hours});
        let rule = office.admin.made("/rules", rule).await;
        let (key, secret) = office.admin.key_and_secret(json!({"name":"web","rule_id":rule})).await;
        let asked = |words: u64| Question {
            key_id: key.as_str().into(),
            model: "tollgate/fill".to_owned(),
            endpoint: "/v1/chat/completions".to_owned(),
            ip: None,
            input_tokens: 1,
            max_tokens: Some(words),
            at: None,
        };
        let explain =
            async |question: Question| office.app.gateway.explain(&office.app.admin, &question).await.expect("told");
        let told = explain(asked(10)).await;
        assert!(told.refusal.is_none() && told.passes_at.is_none(), "it passes now");
        assert_eq!((told.bound.output, told.bound.cost.nanos()), (10, 21_000));
        assert_eq!(office.app.chat(&secret, fill(10)).await.status, 200);
        office.app.idle().await;
        let opens = crate::domain::time::Time::parse("2026-11-27T08:00:00Z");
        let told = explain(asked(10)).await;
        assert_eq!(told.refusal.expect("refused").code.as_str(), "quota_exceeded");
        assert_eq!(told.passes_at, opens);
        // Too large for any day, whatever the hour.
        assert_eq!(explain(asked(100)).await.passes_at, None);
        office.app.clock.wind(Duration::from_hours(3));
        let told = explain(asked(10)).await;
        assert_eq!(told.refusal.expect("refused").code.as_str(), "outside_allowed_hours");
        assert_eq!(told.passes_at, opens);
        let later = explain(Question { at: opens, ..asked(10) }).await;
        assert!(later.refusal.is_none(), "{:?}", later.refusal);
    })
    .await;
}
