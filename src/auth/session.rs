//! Sessions: a cookie that names a row, and the row says who signed in. Visitors who never sign in leave no row.

use super::signed_out;
use crate::domain::account::Account;
use crate::domain::id::AccountId;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::store::StoreError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::{Duration as CookieDuration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result as StoreResult};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

/// A session nobody uses ends after so many days.
const IDLE_DAYS: i64 = 30;
const IDLE: Duration = Duration::from_hours(24 * IDLE_DAYS.unsigned_abs());
/// A session in use is written again no more often than this, so that reading pages writes almost nothing.
const RENEWAL: Duration = Duration::from_hours(24);
/// The one entry of a session's record.
const SIGN_IN: &str = "sign_in";

/// Who signed in, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SignIn {
    account_id: AccountId,
    signed_in_at: Time,
    /// When the row was last written, to the day: what keeps a session that is in use from ending.
    renewed_at: Time,
}

/// The layer that gives every request its [`Session`].
///
/// Browsers drop Secure cookies on plain http, and `__Host-` needs Secure; so on http the name is unprefixed, and the
/// log warns that whoever shares the network can read it.
pub fn sessions(gateway: &Gateway, public_url: &str) -> SessionManagerLayer<Rows> {
    let secure = public_url.starts_with("https://");
    if !secure {
        tracing::warn!(public_url, "the public URL is not https: session cookies can be read on the way");
    }
    SessionManagerLayer::new(Rows::new(gateway))
        .with_name(if secure { "__Host-tollgate" } else { "tollgate" })
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(CookieDuration::days(IDLE_DAYS)))
}

/// Signs an account in under a new session id, so that an id planted before the sign-in is worth nothing after it.
pub(super) async fn begin(gateway: &Gateway, session: &Session, account: &Account) -> Result<(), Problem> {
    let now = gateway.clock().now();
    let sign_in = SignIn { account_id: account.id.clone(), signed_in_at: now, renewed_at: now };
    session.cycle_id().await.map_err(|error| broken(&error))?;
    session.insert(SIGN_IN, sign_in).await.map_err(|error| broken(&error))
}

/// Ends a session: its row is gone at once, and the cookie with the answer.
///
/// # Errors
/// When the database fails.
pub async fn sign_out(session: &Session) -> Result<(), Problem> {
    session.flush().await.map_err(|error| broken(&error))
}

/// Whose session it is.
///
/// # Errors
/// [`ProblemKind::SignedOut`] where nobody is signed in, or their account is disabled.
pub async fn account(gateway: &Gateway, session: &Session) -> Result<Account, Problem> {
    let known = session.get::<SignIn>(SIGN_IN).await.map_err(|error| broken(&error))?;
    let sign_in = known.ok_or_else(signed_out)?;
    let account = gateway.account(&sign_in.account_id).await?;
    let account = account.filter(|account| account.enabled).ok_or_else(signed_out)?;
    let now = gateway.clock().now();
    if now.since(sign_in.renewed_at) >= RENEWAL {
        let renewed = SignIn { renewed_at: now, ..sign_in };
        session.insert(SIGN_IN, renewed).await.map_err(|error| broken(&error))?;
    }
    Ok(account)
}

fn broken(error: &tower_sessions::session::Error) -> Problem {
    tracing::error!(%error, "a session could not be read or written");
    Problem::new(ProblemKind::Unavailable, "The database cannot be reached. Try again in a moment.")
}

/// The rows behind the cookies. An id is stored as its keyed hash: whoever reads the database can use no session.
#[derive(Clone, Debug)]
pub struct Rows(Gateway);

impl Rows {
    pub fn new(gateway: &Gateway) -> Self {
        Self(gateway.clone())
    }

    fn place(&self, id: &Id) -> String {
        self.0.master().hash(&format!("session {id}"))
    }

    /// The record's own expiry is the system clock's; ours follows the clock that tests wind.
    fn expiry(&self) -> Time {
        self.0.clock().now().plus(IDLE)
    }
}

#[async_trait]
impl SessionStore for Rows {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let data = written(record)?;
        loop {
            let place = self.place(&record.id);
            if self.0.store().save_session(&place, &data, self.expiry(), true).await.map_err(backend)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    /// Only a row that is still there is written: a session that was ended meanwhile stays ended.
    async fn save(&self, record: &Record) -> StoreResult<()> {
        let place = self.place(&record.id);
        self.0.store().renew_session(&place, &written(record)?, self.expiry()).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let known = self.0.store().session(&self.place(id), self.0.clock().now()).await.map_err(backend)?;
        let Some(data) = known else { return Ok(None) };
        let data = serde_json::from_str(&data).map_err(|error| Error::Decode(error.to_string()))?;
        // What was loaded has not expired, and saving sets the date anew; so nobody reads this one.
        Ok(Some(Record { id: *id, data, expiry_date: OffsetDateTime::UNIX_EPOCH }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        self.0.store().delete_session(&self.place(id)).await.map_err(backend)
    }
}

fn written(record: &Record) -> StoreResult<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn backend(error: StoreError) -> Error {
    Error::Backend(error.to_string())
}
