//! What the rows say, asked beside the running processes; and a database for several of them.

use super::running::{Place, Process};
use tollgate::gateway::seal::{MasterKey, random_text};
use tollgate::store::Store;

/// Whether `./test --long` runs: many more cycles, and waits of minutes.
pub fn long() -> bool {
    std::env::var_os("TOLLGATE_TEST_LONG").is_some()
}

/// Lets tests that load the machine run one after another: what each promises within seconds, it promises alone.
pub async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ALONE.lock().await
}

/// A list of numbers by a statement that both databases read.
pub async fn numbers(store: &Store, sql: &str) -> Vec<i64> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let rows = match store {
        Store::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_all(read).await,
        Store::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await,
    };
    rows.expect("rows")
}

pub async fn number(store: &Store, sql: &str) -> i64 {
    numbers(store, sql).await[0]
}

/// Tokens that a key has been charged, and that its calls in flight hold.
pub async fn tokens(store: &Store, key: &str) -> i64 {
    let sql = format!(
        "select cast(coalesce(sum(case when state = 'pending' then held_input + held_output
             else input_tokens + output_tokens end), 0) as bigint)
         from calls where key_id = '{key}'"
    );
    number(store, &sql).await
}

/// A database of one test's own on the server that TOLLGATE_TEST_POSTGRES names; `None` where there is no server.
pub async fn shared() -> Option<Place> {
    let server = std::env::var("TOLLGATE_TEST_POSTGRES").ok()?;
    Some(shared_at(&server).await)
}

/// A database of one test's own on this server, and a master key for every process on it.
pub async fn shared_at(server: &str) -> Place {
    let name = format!("process_{}", random_text(12).to_lowercase());
    let pool = sqlx::PgPool::connect(server).await.expect("the server answers");
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&pool).await.expect("a database");
    let (base, _) = server.rsplit_once('/').expect("a database in the URL");
    Place {
        database_url: Some(format!("{base}/{name}")),
        master_key: Some(MasterKey::random().to_hex()),
        durability: None,
        drain_timeout: None,
    }
}

/// Processes on one PostgreSQL; none where there is no server.
pub async fn nodes(count: usize) -> Option<Vec<Process>> {
    Some(nodes_on(count, shared().await?).await)
}

pub async fn nodes_on(count: usize, place: Place) -> Vec<Process> {
    let mut nodes = vec![Process::start_on(place).await];
    while nodes.len() < count {
        nodes.push(Process::start_beside(&nodes[0]).await);
    }
    nodes
}
