//! The rows: SQLite by default, PostgreSQL for several nodes, one SQL text for both. Knows no HTTP and no settings.

pub mod accounts;
pub mod audit;
pub mod books;
pub mod calls;
pub mod counted;
pub mod find;
pub mod flashes;
pub mod groups;
pub mod idempotency;
pub mod key_lists;
pub mod key_secrets;
pub mod keys;
pub mod management_tokens;
pub mod models;
pub mod nodes;
pub mod performance;
pub mod prices;
pub mod providers;
pub mod rules;
pub mod sessions;
pub mod settings;
pub mod usage;
pub mod wallets;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Postgres, Sqlite};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Store {
    /// One writer, since SQLite has one; many readers, which never wait for it.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// Either pool, for one statement.
pub(crate) enum Pool<'a> {
    Sqlite(&'a SqlitePool),
    Postgres(&'a PgPool),
}

/// A transaction. Rolled back unless committed.
pub enum Tx {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Writes a statement once for both databases: `on!(store.read(), db => sqlx::query(..).execute(db).await)`.
macro_rules! on {
    ($place:expr, $db:ident => $statement:expr) => {
        match $place {
            $crate::store::Pool::Sqlite($db) => $statement,
            $crate::store::Pool::Postgres($db) => $statement,
        }
    };
}
pub(crate) use on;

/// The same inside a transaction.
macro_rules! on_tx {
    ($tx:expr, $db:ident => $statement:expr) => {
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                let $db = &mut **tx;
                $statement
            }
            $crate::store::Tx::Postgres(tx) => {
                let $db = &mut **tx;
                $statement
            }
        }
    };
}
pub(crate) use on_tx;

/// What the database refused or could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is in use already.
    #[error("already in use")]
    Taken,
    /// The row is still referred to, or refers to something that is not there.
    #[error("still referred to, or refers to nothing")]
    Referenced,
    #[error("a row could not be read: {0}")]
    Unreadable(String),
    #[error("the database did not answer in time")]
    TimedOut,
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(refusal) if refusal.is_unique_violation() => StoreError::Taken,
            Some(refusal) if refusal.is_foreign_key_violation() => StoreError::Referenced,
            _ => StoreError::Database(error),
        }
    }
}

/// How much a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A killed process.
    Process,
    /// A power cut, too.
    Strict,
}

impl Store {
    /// Opens `sqlite://PATH` (made if absent) or `postgres://…`.
    ///
    /// # Errors
    /// When the address is of another kind, or the database does not answer within ten seconds.
    pub async fn open(url: &str, durability: Durability) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let synchronous = if durability == Durability::Strict { "on" } else { "off" };
            let pool = PgPoolOptions::new()
                .max_connections(16)
                .acquire_timeout(Duration::from_secs(2))
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        // A process that is paused in the middle of a transaction must not hold up the others by the
                        // locks it has: after three seconds, which is well within a lease, it has lost them.
                        let set = format!(
                            "set synchronous_commit = {synchronous}; set idle_in_transaction_session_timeout = 3000"
                        );
                        sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(connection).await.map(drop)
                    })
                })
                .connect(url)
                .await?;
            return Ok(Store::Postgres(pool));
        }
        let options: SqliteConnectOptions = url.parse()?;
        let options = options
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(match durability {
                Durability::Process => SqliteSynchronous::Normal,
                Durability::Strict => SqliteSynchronous::Full,
            })
            .busy_timeout(Duration::from_secs(10));
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let read = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        Ok(Store::Sqlite { read, write })
    }

    /// Brings the tables to this version.
    ///
    /// # Errors
    /// When the database was made by a newer version, or a statement fails.
    pub async fn migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        on!(self.write(), db => MIGRATIONS.run(db).await)
    }

    /// Whether other processes may move the same meters. SQLite is one process's own: a lock file sees to that.
    pub fn is_shared(&self) -> bool {
        matches!(self, Store::Postgres(_))
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on!(self.read(), db => sqlx::query("select 1").execute(db).await.map(drop))?;
        Ok(())
    }

    pub(crate) fn read(&self) -> Pool<'_> {
        match self {
            Store::Sqlite { read, .. } => Pool::Sqlite(read),
            Store::Postgres(pool) => Pool::Postgres(pool),
        }
    }

    pub(crate) fn write(&self) -> Pool<'_> {
        match self {
            Store::Sqlite { write, .. } => Pool::Sqlite(write),
            Store::Postgres(pool) => Pool::Postgres(pool),
        }
    }

    /// Begins a transaction that will write. On SQLite it takes the write lock at once, since one that begins by
    /// reading cannot be upgraded while another writes.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Store::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("begin immediate").await?),
            Store::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that will only read, and sees one state of the database or, on PostgreSQL, what each of its
    /// statements finds committed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Store::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Store::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that will only read, and sees one state of the database: that of its first statement.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_snapshot(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Store::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Store::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("begin isolation level repeatable read read only").await?)
            }
        })
    }

    pub async fn close(&self) {
        match self {
            Store::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Store::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// # Errors
    /// When the commit did not happen, or it cannot be known whether it did.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// A list as the columns hold it.
fn list_text(list: &[String]) -> String {
    serde_json::Value::from(list.to_vec()).to_string()
}

fn read_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Unreadable(format!("{column}: {error}")))
}

/// What the domain serialises always can be: its maps have text keys and its numbers are whole.
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("domain values are plain data")
}

/// A column whose text must be one of a closed list.
fn read_word<T>(column: &str, text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    parse(text).ok_or_else(|| StoreError::Unreadable(format!("{column}: {text:?} is not known to this version")))
}

/// Counts are bigint in the database and never negative here.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// `$first, $first+1, …`: a list as so many parameters, since the two databases write arrays differently. At most some
/// thousands, which both take.
fn places(first: usize, number: usize) -> String {
    let places: Vec<String> = (first..first + number).map(|place| format!("${place}")).collect();
    places.join(", ")
}

fn bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
