//! Logs over HTTP, after real calls through the gate.

use super::{Office, in_both_offices};
use crate::tests::app::Answer;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::time::Duration;

/// A call to the built-in echo, settled; answers its request id.
async fn call(office: &Office, secret: &str, model: &str) -> String {
    let body = json!({"model":model,"messages":[{"role":"user","content":"one two three"}],"max_tokens":5});
    let request = Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {secret}"))
        .header("x-request-id", "theirs")
        .header("user-agent", "test/1");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = Answer::read(office.app.send(request).await).await;
    office.app.gateway.settled().await.unwrap();
    // So that "newest first" is certain.
    office.app.clock.wind(Duration::from_secs(1));
    answer.header("x-request-id").to_owned()
}

#[tokio::test]
async fn a_row_is_written_as_the_contract_has_it() {
    in_both_offices(async |office| {
        let issued = office.app.key(|_| ()).await;
        let id = call(&office, &issued.secret, "tollgate/echo").await;
        let row = office.admin.get(&format!("/logs/{id}")).await;
        let body = row.json();
        let expected = json!({"id":id,"at":"2026-11-20T14:00:00Z","key_id":issued.key.id.as_str(),"key_name":"web",
            "group_id":null,"account_id":office.admin.account.id.as_str(),"endpoint":"/v1/chat/completions",
            "dialect":"openai","model":"tollgate/echo","provider":"builtin","stream":false,"status":200,"refusal":null,
            "tokens":{"input":3,"cached":0,"output":3,"reasoning":0},"cost":"0.000009000",
            "cost_basis":body["cost_basis"],"usage_source":"upstream","first_byte_ms":body["first_byte_ms"],
            "total_ms":body["total_ms"],"client_ip":body["client_ip"],"user_agent":"test/1",
            "attempts":body["attempts"],"state":"settled","client_request_id":"theirs",
            "price_version":1});
        assert_eq!(body, expected);
        assert_eq!(office.admin.get("/logs").await.json()["data"], json!([expected]));
        let order = [
            "id",
            "at",
            "key_id",
            "key_name",
            "group_id",
            "account_id",
            "endpoint",
            "dialect",
            "model",
            "provider",
            "stream",
            "status",
            "refusal",
            "tokens",
            "cost",
            "cost_basis",
            "usage_source",
            "first_byte_ms",
            "total_ms",
            "client_ip",
            "user_agent",
            "attempts",
        ];
        let places: Vec<_> = order.iter().map(|name| row.body.find(&format!("\"{name}\":")).unwrap()).collect();
        assert!(places.is_sorted(), "{}", row.body);
    })
    .await;
}

#[tokio::test]
async fn a_refused_call_says_which_limit_refused_it() {
    in_both_offices(async |office| {
        let issued = office.app.key(|spec| spec.limits.rpm = Some(1)).await;
        call(&office, &issued.secret, "tollgate/echo").await;
        let id = call(&office, &issued.secret, "tollgate/echo").await;
        let row = office.admin.get(&format!("/logs/{id}")).await.json();
        assert_eq!((&row["status"], &row["state"], &row["provider"]), (&json!(429), &json!("refused"), &Value::Null));
        let refusal = &row["refusal"];
        assert_eq!(refusal["code"], "rate_limit_exceeded");
        let figures = ["scope", "limit", "measure", "period", "max", "used"].map(|name| refusal[name].clone());
        assert_eq!(figures, ["key".into(), "rpm".into(), "requests".into(), "minute".into(), json!(1), json!(1)]);
        assert_eq!(row["cost"], "0.000000000");
        let trace = refusal["trace"].as_array().unwrap();
        assert_eq!((trace.len(), &trace[0]["limit"], &trace[0]["fits"]), (1, &json!("rpm"), &json!(false)));
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_the_logs_and_pages_hold_every_call_once() {
    in_both_offices(async |office| {
        let first = office.app.key(|_| ()).await;
        let second = office.app.key(|spec| spec.limits.rpm = Some(1)).await;
        let mut ids = Vec::new();
        for (key, model) in [
            (&first, "tollgate/echo"),
            (&first, "tollgate/fill"),
            (&second, "tollgate/echo"),
            (&second, "tollgate/echo"),
        ] {
            ids.insert(0, call(&office, &key.secret, model).await);
        }
        for (query, found) in [
            ("", ids.as_slice()),
            (&format!("?key_id={}", first.key.id), &ids[2..]),
            ("?model=tollgate/fill", &ids[2..3]),
            ("?endpoint=/v1/embeddings", &[]),
            ("?status=4xx", &ids[..1]),
            ("?status=429", &ids[..1]),
            ("?status=2xx", &ids[1..]),
            (&format!("?request_id={}", ids[1]), &ids[1..2]),
            ("?request_id=theirs", &ids),
            ("?from=2026-11-20T14:00:02Z", &ids[..2]),
            ("?to=2026-11-20T14:00:02Z", &ids[2..]),
            ("?from=2026-11-20T14:00:01Z&to=2026-11-20T14:00:02Z&status=200", &ids[2..3]),
        ] {
            assert_eq!(office.admin.get(&format!("/logs{query}")).await.column("id"), found, "{query}");
        }
        let page = office.admin.get("/logs?limit=3").await;
        assert_eq!(page.column("id"), ids[..3]);
        let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
        let last = office.admin.get(&format!("/logs?limit=3&cursor={cursor}")).await;
        assert_eq!((last.column("id"), &last.json()["next_cursor"]), (ids[3..].to_vec(), &Value::Null));
    })
    .await;
}

#[tokio::test]
async fn a_user_reads_the_calls_of_their_own_keys_alone() {
    in_both_offices(async |office| {
        let issued = office.app.key(|_| ()).await;
        let theirs = call(&office, &issued.secret, "tollgate/echo").await;
        let made = office.user.post("/keys", json!({"name":"own"})).await.json();
        let own = call(&office, made["secret"].as_str().unwrap(), "tollgate/echo").await;
        assert_eq!(office.user.get("/logs").await.column("id"), std::slice::from_ref(&own));
        assert_eq!(
            office.user.get(&format!("/logs?key_id={}", issued.key.id)).await.column("id"),
            Vec::<String>::new()
        );
        assert_eq!(office.user.get(&format!("/logs/{theirs}")).await.status, 404);
        assert_eq!(office.admin.get("/logs").await.column("id"), [own, theirs]);
    })
    .await;
}

#[tokio::test]
async fn a_log_filter_that_is_unknown_or_senseless_is_named() {
    in_both_offices(async |office| {
        for (query, code, field) in [
            ("group=x", "unknown_field", "group"),
            ("status=6xx", "invalid_field", "status"),
            ("status=0xx", "invalid_field", "status"),
            ("status=99", "invalid_field", "status"),
            ("status=ok", "invalid_field", "status"),
            ("from=yesterday", "invalid_field", "from"),
            ("cursor=1", "invalid_field", "cursor"),
        ] {
            let refused = office.admin.get(&format!("/logs?{query}")).await;
            assert_eq!(
                (refused.status.as_u16(), refused.code(), refused.fields()),
                (400, code.to_owned(), vec![field.to_owned()]),
                "{query}"
            );
        }
    })
    .await;
}
