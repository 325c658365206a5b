//! Requests that may be repeated: each is done once, and whoever repeats it is told what the first was answered.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::store::idempotency::{Earlier, Repeatable};
use std::time::Duration;

/// How long an answer is kept.
const KEPT: Duration = Duration::from_hours(24);
/// No request takes longer; one that has no answer by then broke off with its process.
const UNDER_WAY: Duration = Duration::from_secs(60);
/// The longest path that is kept as it is; of a longer one, its hash, since no index takes rows of any length.
const LONGEST_PATH: usize = 255;

/// What is to be done with a request.
#[derive(Debug)]
pub enum Turn {
    /// It is the first: do it, and say what it was answered.
    First(Repeatable),
    /// It was done; this is what it was answered.
    Answered { status: u16, answer: String },
    /// It is being done at this moment.
    UnderWay,
    /// It failed for a reason of ours, or its process ended before it could be noted whether it was done. Nobody can say, so it is not done again.
    BrokeOff,
    /// The first one of this key had another body.
    Different,
}

impl Gateway {
    /// Whose turn it is: of all requests of this account with this path and key within a day, one is the first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn turn(&self, by: &Account, path: &str, key: &str, body: &[u8]) -> Result<Turn, Problem> {
        let now = self.0.clock.now();
        let path = match path.len() <= LONGEST_PATH {
            true => path.to_owned(),
            false => self.0.master.hash(path),
        };
        let request = Repeatable { account_id: by.id.clone(), path, key: key.to_owned() };
        // Bodies hold credentials, so their hash is keyed as a secret's is.
        let hash = self.0.master.hash(&hex::encode(body));
        let earlier = self.0.store.begin_request(&request, &hash, now, now.plus(KEPT)).await?;
        Ok(match earlier {
            None => Turn::First(request),
            Some(Earlier { body_hash, .. }) if body_hash != hash => Turn::Different,
            // What failed here may have been done before it failed.
            Some(Earlier { status: Some(500..), .. }) => Turn::BrokeOff,
            Some(Earlier { status: Some(status), answer, .. }) => {
                Turn::Answered { status: u16::try_from(status).unwrap_or(500), answer: answer.unwrap_or_default() }
            }
            Some(Earlier { began_at, .. }) if now.since(Time::from_micros(began_at)) < UNDER_WAY => Turn::UnderWay,
            Some(_) => Turn::BrokeOff,
        })
    }

    /// Keeps what a request was answered; `None` where nothing was done, and it may be made again.
    pub async fn answered(&self, request: &Repeatable, answer: Option<(u16, &str)>) {
        let kept = match answer {
            Some((status, text)) => self.0.store.answer_request(request, status, text).await,
            None => self.0.store.give_up_request(request).await,
        };
        if let Err(error) = kept {
            tracing::error!(%error, "what a repeatable request was answered could not be kept; repeating it is refused");
        }
    }
}
