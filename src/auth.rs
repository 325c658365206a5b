//! Who is there: a person by the session of their browser, a program by its management token. Every server function
//! and every management handler begins by asking here.

pub mod management_token;
pub mod password;
pub mod session;
mod throttle;

use crate::domain::account::Account;
use crate::domain::problem::{Problem, ProblemKind};
use crate::gateway::Gateway;
use http::request::Parts;
use leptos::prelude::{expect_context, use_context};
use tower_sessions::Session;

pub use management_token::{AdminCaller, Caller};

/// The person whose browser asks. For server functions and pages: reads the request and the gateway from the context
/// that the server provides.
///
/// # Errors
/// [`ProblemKind::SignedOut`] where nobody is signed in, or their account is disabled.
pub async fn signed_in() -> Result<Account, Problem> {
    let gateway = expect_context::<Gateway>();
    session::account(&gateway, &this_session()?).await
}

/// The same, for what only admins may do.
///
/// # Errors
/// [`ProblemKind::SignedOut`] where nobody is signed in; [`ProblemKind::Forbidden`] for anyone but an admin.
pub async fn admin() -> Result<Account, Problem> {
    admins_only(signed_in().await?)
}

/// The session of the browser that asks, whether or not anyone is signed in.
///
/// # Errors
/// [`ProblemKind::SignedOut`] outside a request that came through the session layer.
pub fn this_session() -> Result<Session, Problem> {
    use_context::<Parts>().and_then(|parts| parts.extensions.get().cloned()).ok_or_else(signed_out)
}

fn signed_out() -> Problem {
    Problem::new(ProblemKind::SignedOut, "Sign in to go on.")
}

fn admins_only(account: Account) -> Result<Account, Problem> {
    if account.is_admin() {
        Ok(account)
    } else {
        Err(Problem::new(ProblemKind::Forbidden, "Only an admin may do this."))
    }
}
