//! Usage over HTTP, after real calls through the gate.

use super::{Office, in_both_offices};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// Three calls of one key at 14:00, 15:00 and (refused) 15:00, one of another key's owner at 15:00.
async fn traffic(office: &Office) -> (String, String) {
    let words = json!({"model":"tollgate/echo","messages":[{"role":"user","content":"one two"}],"max_tokens":5});
    let filled = json!({"model":"tollgate/fill","messages":[{"role":"user","content":"one"}],"max_tokens":5});
    let first = office.app.key(|spec| spec.limits.rpm = Some(1)).await;
    let made = office.user.post("/keys", json!({"name":"own"})).await.json();
    office.app.chat(&first.secret, words.clone()).await;
    office.app.clock.wind(HOUR);
    office.app.chat(&first.secret, words.clone()).await;
    office.app.chat(&first.secret, words).await;
    office.app.chat(made["secret"].as_str().unwrap(), filled).await;
    office.app.gateway.settled().await.unwrap();
    office.app.clock.wind(HOUR);
    (first.key.id.0, made["key"]["id"].as_str().unwrap().to_owned())
}

fn sums(requests: u64, refused: u64, input: u64, output: u64, cost: &str) -> Value {
    json!({"requests":requests,"refused":refused,"failed":0,
        "tokens":{"input":input,"cached":0,"output":output,"reasoning":0},"cost":cost})
}

fn with(mut sums: Value, name: &str, value: &str) -> Value {
    sums[name] = json!(value);
    sums
}

#[tokio::test]
async fn usage_is_summed_by_what_is_asked() {
    in_both_offices(async |office| {
        let (first, own) = traffic(&office).await;
        let both = [sums(3, 1, 4, 4, "0.000012000"), sums(1, 0, 1, 5, "0.000011000")];
        let ask = async |query: &str| office.admin.get(&format!("/usage{query}")).await.json()["data"].clone();
        let day = with(sums(4, 1, 5, 9, "0.000023000"), "at", "2026-11-20T00:00:00Z");
        assert_eq!(ask("").await, json!([day]));
        assert_eq!(ask("?by=day").await, json!([day]));
        let [echo, fill] = both.clone();
        assert_eq!(
            ask("?by=model").await,
            json!([with(echo, "model", "tollgate/echo"), with(fill, "model", "tollgate/fill")])
        );
        let mut keys = [first.as_str(), own.as_str()]
            .into_iter()
            .zip(both)
            .map(|(id, sums)| with(sums, "key_id", id))
            .collect::<Vec<_>>();
        keys.sort_by_key(|row| row["key_id"].to_string());
        assert_eq!(ask("?by=key").await, json!(keys));
        let hours = json!([
            with(sums(1, 0, 2, 2, "0.000006000"), "at", "2026-11-20T14:00:00Z"),
            with(sums(3, 1, 3, 7, "0.000017000"), "at", "2026-11-20T15:00:00Z"),
        ]);
        assert_eq!(ask("?by=hour").await, hours);
        assert_eq!(ask("?by=hour&from=2026-11-20T15:07:00Z").await, json!([hours[1]]));
        assert_eq!(ask("?by=hour&to=2026-11-20T15:00:00Z").await, json!([hours[0]]));
        assert_eq!(ask("?by=day&timezone=UTC%2B9").await[0]["at"], "2026-11-19T15:00:00Z");
        assert_eq!(ask("?by=month&timezone=Europe/Berlin").await[0]["at"], "2026-10-31T23:00:00Z");
        assert_eq!(ask("?by=endpoint&model=tollgate/fill").await[0]["endpoint"], "/v1/chat/completions");
        assert_eq!(ask(&format!("?by=hour,model&key_id={first}")).await.as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_user_is_told_only_of_their_own_usage() {
    in_both_offices(async |office| {
        let (first, own) = traffic(&office).await;
        let seen = office.user.get("/usage?by=key").await;
        assert_eq!(seen.column("key_id"), [own]);
        assert_eq!(office.user.get(&format!("/usage?by=key&key_id={first}")).await.json(), json!({"data":[]}));
    })
    .await;
}

#[tokio::test]
async fn a_usage_filter_that_is_unknown_or_senseless_is_named() {
    in_both_offices(async |office| {
        for (query, code, field) in [
            ("limit=5", "unknown_field", "limit"),
            ("by=colour", "invalid_field", "by"),
            ("by=", "invalid_field", "by"),
            ("timezone=Mars", "invalid_field", "timezone"),
            ("from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z", "invalid_field", "from"),
            ("from=now", "invalid_field", "from"),
        ] {
            let refused = office.admin.get(&format!("/usage?{query}")).await;
            assert_eq!(
                (refused.status.as_u16(), refused.code(), refused.fields()),
                (400, code.to_owned(), vec![field.to_owned()]),
                "{query}"
            );
        }
    })
    .await;
}
