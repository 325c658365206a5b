//! What a rule would have refused, over HTTP.

use super::{Program, fill, in_both_offices};
use crate::domain::id::RuleId;
use crate::domain::impact::{Sum, Trial};
use crate::domain::time::Time;
use crate::store::calls::costs_sql;
use crate::store::{Pool, on};
use crate::tests::app::TestApp;
use serde_json::{Value, json};
use std::time::Duration;

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

/// What the `n`th call of [`many_calls`] cost, in nano-credits.
fn cost(n: i64) -> i64 {
    1_000 + n * 7_919 % 100_000
}

/// So many settled calls of one key, three at an instant and half a minute between those, written by the database itself.
async fn many_calls(app: &TestApp, key: &str, account: &str, count: i64, first: i64) {
    let sql = "with recursive n (n) as (select cast(0 as bigint) union all select n + 1 from n where n < $3 - 1)
        insert into calls (id, at, key_id, key_name, account_id, endpoint, dialect, model, stream, client_ip, user_agent,
            state, held_input, held_output, held_nanos, status, input_tokens, cached_input_tokens, output_tokens,
            reasoning_tokens, requests, cost_nanos, cost_basis, usage_source, provider, first_byte_ms, total_ms, attempts)
        select $1 || '-' || cast(n as text), $4 + n / 3 * 30000000, $1, 'web', $2, '/v1/chat/completions', 'openai',
            'gpt-4o', false, '192.0.2.7', 'OpenAI/Python 1.99.0', 'settled', 1000, 1000, 9000000, 200, 812, 0, 211, 0, 1,
            1000 + n * 7919 % 100000, '', 'upstream', 'openai', 120, 900, '[]'
        from n";
    on!(app.store.write(), db => sqlx::query(sql)
        .bind(key)
        .bind(account)
        .bind(count)
        .bind(first)
        .execute(db)
        .await
        .map(drop))
    .expect("calls");
}

#[tokio::test]
async fn calls_that_are_read_in_pieces_are_each_tried_once_and_in_their_order() {
    in_both_offices(async |office| {
        let quota = json!({"credits":"0.1","period":"daily"});
        let hours = json!({"timezone":"UTC","weekdays":["mon","tue","wed","thu","fri"],"ranges":["08:00-20:00"]});
        let rule = office.admin.made("/rules", json!({"name":"r","quota":quota,"hours":hours})).await;
        let (by, id) = (&office.admin.account, RuleId(rule.clone()));
        let first = office.app.clock.now().micros() - 29 * 86_400_000_000;
        let mut expected = Vec::new();
        // A thousand are read at first and 20,000 at a time from then on, with cuts within an instant and at an end.
        let known = office.app.gateway.rule(by, &id).await.expect("a rule").rule;
        for count in [27_001, 7, 11_992, 0, 20_000, 1_000] {
            let key = office.admin.key(json!({"name":"web","rule_id":rule})).await;
            if count > 0 {
                many_calls(&office.app, &key, by.id.as_str(), count, first).await;
            }
            let mut calls: Vec<_> = (0..count).map(|n| (first + n / 3 * 30_000_000, cost(n))).collect();
            calls.sort_unstable();
            let mut trial = Trial::of(&known, Time::EPOCH, &[]);
            calls.into_iter().for_each(|(at, nanos)| trial.meet(Time::from_micros(at), nanos));
            let judged = trial.done().0;
            if count > 0 {
                expected.push((key, judged));
            }
        }
        let impact = office.app.gateway.rule_impact(by, &id, None).await.expect("tried");
        let mut found: Vec<_> = impact.keys.into_iter().map(|key| (key.id.0, key.judged)).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        expected.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(found, expected);
        assert_eq!((impact.governed, impact.total.all.calls), (6, 60_000));
        let (refused, total) = (impact.total.refused(), impact.total);
        assert!(total.outside_hours.calls > 0 && total.over_quota.calls > 0 && refused.calls < 60_000, "{total:?}");
        let by_day = impact.days.iter().map(|(_, sum)| *sum).fold(Sum::default(), |mut all, day| {
            all.add(day);
            all
        });
        assert_eq!((impact.days.len(), by_day), (31, refused), "each is refused on a day");
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_reads_its_index_alone() {
    let app = TestApp::sqlite().await;
    let Pool::Sqlite(db) = app.store.read() else { panic!("SQLite") };
    for keys in [1, 3] {
        let sql = sqlx::AssertSqlSafe(format!("explain query plan {}", costs_sql(keys)));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql).fetch_all(db).await.expect("a plan");
        let says: Vec<&str> = plan.iter().map(|(_, _, _, step)| step.as_str()).collect();
        assert!(says.iter().any(|step| step.contains("USING COVERING INDEX calls_settled")), "{says:?}");
        assert!(!says.iter().any(|step| step.contains("ORDER BY")), "it is in order already: {says:?}");
    }
}
