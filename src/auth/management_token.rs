//! Programs that manage: a bearer token names the account they act for.

use super::admins_only;
use crate::domain::account::Account;
use crate::domain::key::SECRET_PREFIX;
use crate::domain::problem::{Problem, ProblemKind};
use crate::gateway::Gateway;
use axum::extract::{FromRef, FromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;

/// Whose management token came with a request. The first argument of every management handler.
#[derive(Clone, Debug)]
pub struct Caller(pub Account);

/// The same, for what only admins may do.
#[derive(Clone, Debug)]
pub struct AdminCaller(pub Account);

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Gateway: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = bearer(parts)?;
        Gateway::from_ref(state).management_account(token).await.map(Self)
    }
}

impl<S> FromRequestParts<S> for AdminCaller
where
    S: Send + Sync,
    Gateway: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Caller(account) = Caller::from_request_parts(parts, state).await?;
        admins_only(account).map(Self)
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let no = |message| Problem::new(ProblemKind::SignedOut, message);
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = header.and_then(|value| value.trim().split_once(' ')).unwrap_or_default();
    match token.trim() {
        "" => Err(no(
            "Send a management token: `Authorization: Bearer tg-mgmt-…`. `tollgate management-token create` makes one.",
        )),
        _ if !scheme.eq_ignore_ascii_case("bearer") => {
            Err(no("Send the management token as `Authorization: Bearer tg-mgmt-…`."))
        }
        key if key.starts_with(SECRET_PREFIX) => {
            Err(no("This is a key: it calls models and cannot manage. Send a management token, `tg-mgmt-…`."))
        }
        token => Ok(token),
    }
}
