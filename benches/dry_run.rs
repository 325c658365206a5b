//! `cargo bench --bench dry_run`: a million logged calls of the last 30 days, tried on a rule with a cap and hours, on the
//! embedded database; of one key, of a thousand and of ten thousand. The goal is a second.
//! TOLLGATE_TEST_POSTGRES names a server on which it is measured too.

use sqlx::AssertSqlSafe;
use std::time::{Duration, Instant};
use tollgate::clock::Clock;
use tollgate::domain::account::{Account, Role};
use tollgate::domain::credits::Credits;
use tollgate::domain::hours::Hours;
use tollgate::domain::key::KeySpec;
use tollgate::domain::rule::{RulePeriod, RuleQuota, RuleSpec};
use tollgate::gateway::seal::{MasterKey, random_text};
use tollgate::gateway::{Gateway, Terms};
use tollgate::store::{Durability, Store};

const CALLS: i64 = 1_000_000;
const RUNS: usize = 7;

/// Rows as wide as real ones, each call of the next key.
const CALLS_SQL: &str = "insert into calls (id, at, key_id, key_name, account_id, endpoint, dialect, model, stream,
        client_ip, user_agent, state, held_input, held_output, held_nanos, status, input_tokens, cached_input_tokens,
        output_tokens, reasoning_tokens, requests, cost_nanos, cost_basis, usage_source, provider, first_byte_ms,
        total_ms, attempts)
    select 'call-' || cast(n.n as text), $1 + n.n * $2, k.id, k.name, k.account_id, '/v1/chat/completions', 'openai',
        'gpt-4o', false, '192.0.2.7', 'OpenAI/Python 1.99.0', 'settled', 1000, 1000, 9000000, 200, 812, 0, 211, 0, 1,
        1000 + n.n * 7919 % 100000, 'input 812 x 2.50 + output 211 x 10.00', 'upstream', 'openai', 120, 900,
        '[{\"provider\":\"openai\",\"upstream_model\":\"gpt-4o\",\"status\":200,\"error\":null,\"ms\":900}]'
    from n join k on k.place = n.n % $3";

async fn open(url: &str) -> (Gateway, Account) {
    let store = Store::open(url, Durability::Process).await.expect("the store");
    store.migrate().await.expect("the tables");
    let gateway = Gateway::open(store, Clock::System, MasterKey::random(), Terms::default()).await.expect("a gateway");
    let admin = gateway.create_account("ada@example.com", "Ada", Role::Admin, "unused").await.expect("an admin");
    (gateway, admin)
}

async fn measure(what: &str, url: &str, keys: i64) {
    let (gateway, admin) = open(url).await;
    let rule = gateway.create_rule(&admin, RuleSpec::named("tried")).await.expect("a rule").rule.id;
    for number in 0..keys {
        let spec = KeySpec { rule_id: Some(rule.clone()), ..KeySpec::named(&format!("key-{number}")) };
        gateway.create_key(&admin, spec).await.expect("a key");
    }
    let month = 30 * 86_400_000_000_i64;
    // Writing them takes its time, and none is to grow too old meanwhile.
    let hour = 3_600_000_000_i64;
    let first = gateway.clock().now().micros() - month + hour;
    let (head, select) = CALLS_SQL.split_once("select 'call-'").expect("a select");
    let sql = format!(
        "{head}
         with recursive n (n) as (select cast(0 as bigint) union all select n + 1 from n where n < {CALLS} - 1),
              k (place, id, name, account_id) as
                  (select row_number() over (order by id) - 1, id, name, account_id from keys)
         select 'call-'{select}"
    );
    let step = (month - hour) / CALLS;
    if url.starts_with("sqlite") {
        let pool = sqlx::SqlitePool::connect(url).await.expect("the database");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(first).bind(step).bind(keys);
        query.execute(&pool).await.expect("calls");
        pool.close().await;
    } else {
        let pool = sqlx::PgPool::connect(url).await.expect("the database");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(first).bind(step).bind(keys);
        query.execute(&pool).await.expect("calls");
        // As its own housekeeping does in time.
        sqlx::query("vacuum analyze calls").execute(&pool).await.expect("clean");
        pool.close().await;
    }
    let hours = serde_json::json!({ "timezone": "Europe/Berlin", "weekdays": ["mon", "tue", "wed", "thu", "fri"],
        "ranges": ["08:00-20:00"] });
    let hours: Hours = serde_json::from_value(hours).expect("hours");
    let quota = RuleQuota { credits: Credits::from_nanos(1_000_000_000 / keys), period: RulePeriod::Daily };
    let spec = RuleSpec { quota: Some(quota), hours: Some(hours), ..RuleSpec::named("tried") };
    let mut taken = Vec::new();
    let mut refused = 0;
    for _ in 0..RUNS {
        let began = Instant::now();
        let impact = gateway.rule_impact(&admin, &rule, Some(spec.clone())).await.expect("tried");
        taken.push(began.elapsed());
        assert_eq!(impact.total.all.calls, CALLS.unsigned_abs());
        refused = impact.total.refused().calls;
    }
    taken.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    println!("| {what} | {keys} | {:.0} | {:.0} | {refused} |", ms(taken[RUNS / 2]), ms(taken[RUNS - 1]));
}

async fn measure_postgres(server: &str, keys: i64) {
    let name = format!("bench_{}", random_text(12).to_lowercase());
    let pool = sqlx::PgPool::connect(server).await.expect("the server answers");
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&pool).await.expect("a database");
    let (base, _) = server.rsplit_once('/').expect("a database in the URL");
    measure("PostgreSQL", &format!("{base}/{name}"), keys).await;
    let gone = format!("drop database {name} with (force)");
    sqlx::query(AssertSqlSafe(gone)).execute(&pool).await.expect("it goes");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        println!("| database | keys | ms, median of {RUNS} | slowest | calls refused |");
        println!("| --- | --- | --- | --- | --- |");
        for keys in [1, 1_000, 10_000] {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite://{}", folder.path().join("bench.db").display());
            measure("SQLite", &url, keys).await;
        }
        let Ok(server) = std::env::var("TOLLGATE_TEST_POSTGRES") else { return };
        for keys in [1, 1_000] {
            measure_postgres(&server, keys).await;
        }
    });
}
