//! What a rule would have refused, over HTTP.

use super::{Program, fill, in_both_offices};
use crate::store::{Pool, Store};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn refused(program: &Program, path: &str, body: Value) -> Value {
    let answer = program.post(path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let said = answer.json();
    json!([said["calls"], said["outside_hours"]["calls"], said["over_quota"]["calls"], said["refused"]["credits"]])
}

#[tokio::test]
async fn an_impact_tells_by_key_what_the_rule_would_have_refused_saved_or_not() {
    in_both_offices(async |office| {
        let rule = office.user.made("/rules", json!({"name":"r"})).await;
        let other = office.user.made("/rules", json!({"name":"other"})).await;
        let (bound, secret) = office.user.key_and_secret(json!({"name":"bound","rule_id":rule})).await;
        let (inheriting, second) = office.user.key_and_secret(json!({"name":"inheriting"})).await;
        let (_, elsewhere) = office.user.key_and_secret(json!({"name":"elsewhere","rule_id":other})).await;
        office.user.put("/account/default-rule", json!({"rule_id":rule})).await;
        // Each costs 7 millionths of a credit; it is a Friday, 14:00 in UTC.
        for (secret, times) in [(&secret, 3), (&second, 1), (&elsewhere, 2)] {
            for _ in 0..times {
                assert_eq!(office.app.chat(secret, fill(3)).await.status, 200);
            }
        }
        office.app.clock.wind(Duration::from_hours(12));
        assert_eq!(office.app.chat(&secret, fill(3)).await.status, 200);
        office.app.idle().await;
        let path = format!("/rules/{rule}/impact");
        assert_eq!(refused(&office.user, &path, json!({})).await, json!([5, 0, 0, "0.000000000"]));
        let quota = json!({"quota":{"credits":"0.000015","period":"daily"}});
        assert_eq!(refused(&office.user, &path, quota.clone()).await, json!([5, 0, 1, "0.000007000"]));
        let week = json!({"quota":{"credits":"0.000015","period":"weekly"}});
        assert_eq!(refused(&office.user, &path, week).await, json!([5, 0, 2, "0.000014000"]));
        let hours = json!({"hours":{"timezone":"UTC","weekdays":["fri"],"ranges":["15:00-24:00"]}});
        let outside = office.user.post(&path, hours.clone()).await;
        assert_eq!(outside.status, 200, "{}", outside.body);
        let outside = outside.json();
        let sum = |calls: u64, credits: &str| json!({"calls":calls,"credits":credits});
        let expected = json!({"from":"2026-10-22T02:00:00Z","to":"2026-11-21T02:00:00Z","calls":5,"credits":"0.000035000",
            "refused":sum(5,"0.000035000"),"outside_hours":sum(5,"0.000035000"),"over_quota":sum(0,"0.000000000"),
            "keys":[{"key_id":bound,"key_name":"bound","calls":4,"credits":"0.000028000","refused":sum(4,"0.000028000"),
                "outside_hours":sum(4,"0.000028000"),"over_quota":sum(0,"0.000000000")},
            {"key_id":inheriting,"key_name":"inheriting","calls":1,"credits":"0.000007000","refused":sum(1,"0.000007000"),
                "outside_hours":sum(1,"0.000007000"),"over_quota":sum(0,"0.000000000")}]});
        assert_eq!(outside, expected);
        let off = json!({"enabled":false,"hours":hours["hours"]});
        assert_eq!(refused(&office.user, &path, off).await[1], 0, "a rule that is off refuses nothing");
        office.user.patch(&format!("/rules/{rule}"), quota).await;
        let saved = office.user.ask(axum::http::Method::POST, &path, "").await.json();
        assert_eq!(saved["over_quota"], sum(1, "0.000007000"), "without a body, as it is");
        let whole = office.user.get(&format!("/rules/{rule}")).await.json();
        assert_eq!(office.user.post(&path, whole).await.json(), saved, "sent as it was read");

        let bad = office.user.post(&path, json!({"quota":{"credits":"-1","period":"daily"}})).await;
        assert_eq!(bad.fields(), ["quota.credits"]);
        assert_eq!(office.user.post("/rules/nothing/impact", json!({})).await.status, 404);
        office.app.clock.wind(Duration::from_secs(30 * 86_400 + 1));
        assert_eq!(office.user.post(&path, json!({})).await.json()["calls"], 0, "what is older is left out");
    })
    .await;
}

/// A million settled calls of one key over the last 30 days, written by the database itself.
async fn many_calls(store: &Store, key: &str, account: &str, first: i64, step: i64) {
    let Pool::Sqlite(db) = store.write() else { panic!("it is measured on SQLite") };
    let sql = "with recursive n (n) as (select 0 union all select n + 1 from n where n < 999999)
        insert into calls (id, at, key_id, key_name, account_id, endpoint, dialect, model, stream, client_ip, user_agent,
            state, held_input, held_output, held_nanos, status, input_tokens, cached_input_tokens, output_tokens,
            reasoning_tokens, requests, cost_nanos, cost_basis, usage_source, provider, first_byte_ms, total_ms, attempts)
        select printf('018f%032d', n), $3 + n * $4, $1, 'web', $2, '/v1/chat/completions', 'openai', 'gpt-4o', false,
            '192.0.2.7', 'OpenAI/Python 1.99.0', 'settled', 1000, 1000, 9000000, 200, 812, 0, 211, 0, 1,
            1000 + (n * 7919) % 100000, 'input 812 x 2.50 + output 211 x 10.00', 'upstream', 'openai', 120, 900,
            '[{\"provider\":\"openai\",\"upstream_model\":\"gpt-4o\",\"status\":200,\"error\":null,\"ms\":900}]' from n";
    sqlx::query(sql).bind(key).bind(account).bind(first).bind(step).execute(db).await.expect("a million calls");
}

#[tokio::test]
#[ignore = "writes half a gigabyte; run by name to measure, with --nocapture"]
async fn a_million_calls_are_tried_in_about_a_second() {
    let app = crate::tests::app::TestApp::sqlite().await;
    let admin = Program::of(&app, &app.admin).await;
    let rule = admin.made("/rules", json!({"name":"r"})).await;
    let key = admin.key(json!({"name":"web","rule_id":rule})).await;
    let month = 30 * 86_400_000_000_i64;
    let first = app.clock.now().micros() - month + 1;
    many_calls(&app.store, &key, app.admin.id.as_str(), first, month / 1_000_001).await;
    let hours = json!({"timezone":"Europe/Berlin","weekdays":["mon","tue","wed","thu","fri"],"ranges":["08:00-20:00"]});
    let edit = json!({"quota":{"credits":"1","period":"daily"},"hours":hours});
    for _ in 0..3 {
        let began = Instant::now();
        let said = admin.post(&format!("/rules/{rule}/impact"), edit.clone()).await.json();
        assert_eq!(said["calls"], 1_000_000);
        println!("1,000,000 calls tried in {:?}: {} refused", began.elapsed(), said["refused"]["calls"]);
    }
}
