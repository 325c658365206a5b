//! Email and password: the first way in.

use super::session;
use super::throttle::{Closed, Throttle};
use crate::domain::account::{Account, Role, check_sign_up, normal_email};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use tower_sessions::Session;

pub use super::session::sign_out;

/// Wrong passwords for one email, and from one address, in [`super::throttle::WINDOW`].
static BY_EMAIL: Throttle = Throttle::new(10);
static BY_ADDRESS: Throttle = Throttle::new(50);

/// How many passwords are hashed at once: each takes 19 MiB and a core, which a flood must not multiply.
const HASHES_AT_ONCE: usize = 2;
static HASHES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(HASHES_AT_ONCE)));

/// The hash of no password at all. An email that is not known is checked against it, so that the answer takes as long
/// as for one that is.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$d2hvIGlzIG5vdCB0aGVyZQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Signs in by email and password. Every failure reads the same, whether or not there is such an account.
///
/// # Errors
/// [`ProblemKind::Invalid`] with the tries that are left; [`ProblemKind::TooMany`] with when sign-in opens again.
pub async fn sign_in(
    gateway: &Gateway,
    session: &Session,
    email: &str,
    password: &str,
    ip: IpAddr,
) -> Result<Account, Problem> {
    let now = gateway.clock().now();
    let by_email = gateway.master().hash(&format!("sign-in email {}", normal_email(email)));
    let by_address = gateway.master().hash(&format!("sign-in address {}", network(ip)));
    let left = BY_EMAIL.take(&by_email, now).map_err(|closed| too_many(closed, now))?;
    let left_here = BY_ADDRESS.take(&by_address, now).map_err(|closed| {
        BY_EMAIL.give_back(&by_email);
        too_many(closed, now)
    })?;
    let not_a_try = || {
        BY_EMAIL.give_back(&by_email);
        BY_ADDRESS.give_back(&by_address);
    };
    let known = gateway.account_by_email(email).await.inspect_err(|_| not_a_try())?;
    let (account, hash) = known.map_or((None, None), |(account, hash)| (Some(account), hash));
    let matches = verify(password, hash.as_deref().unwrap_or(NOBODY)).await.inspect_err(|_| not_a_try())?;
    let Some(account) = account.filter(|account| matches && account.enabled) else {
        return Err(wrong(left.min(left_here)));
    };
    session::begin(gateway, session, &account).await.inspect_err(|_| not_a_try())?;
    // The address keeps its wrong tries: otherwise an attacker's own account would buy them more.
    BY_EMAIL.forget(&by_email);
    BY_ADDRESS.give_back(&by_address);
    Ok(account)
}

/// Makes the first admin by a set-up link, and signs them in.
///
/// # Errors
/// For each field that will not do; where the link is not good any more.
pub async fn set_up(
    gateway: &Gateway,
    session: &Session,
    token: &str,
    email: &str,
    name: &str,
    password: &str,
) -> Result<Account, Problem> {
    // Strangers without the link must not have passwords hashed for them; whether it is good is judged once more,
    // with the words to say so, when the account is made.
    let hashed = if gateway.setup_token_is_good(token).await? {
        check_sign_up(email, password)?;
        hash(password).await?
    } else {
        String::new()
    };
    let account = gateway.first_admin(token, email, name, &hashed).await?;
    session::begin(gateway, session, &account).await?;
    Ok(account)
}

/// Makes an account with a password, for the command line.
///
/// # Errors
/// For each field that will not do; where the email is taken.
pub async fn create_account(gateway: &Gateway, email: &str, role: Role, password: &str) -> Result<Account, Problem> {
    check_sign_up(email, password)?;
    gateway.create_account(email, "", role, &hash(password).await?).await
}

/// The text under which a password is stored (PHC string format).
///
/// # Errors
/// When the system has no memory or randomness for it.
pub async fn hash(password: &str) -> Result<String, Problem> {
    let password = password.to_owned();
    let hashed = at_leisure(move || argon2id().hash_password(password.as_bytes())).await?;
    hashed.map(|hash| hash.to_string()).map_err(|error| failed(&error))
}

/// Whether a password is the one that was hashed.
async fn verify(password: &str, hash: &str) -> Result<bool, Problem> {
    let (password, hash) = (password.to_owned(), hash.to_owned());
    match at_leisure(move || argon2id().verify_password(password.as_bytes(), hash.as_str())).await? {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

/// Argon2id as OWASP's password storage cheat sheet has it: 19 MiB, two passes, one lane.
fn argon2id() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).expect("these are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Runs a hash beside the threads that serve requests. The permit goes with the work, not with whoever waits for it,
/// since a caller that hangs up does not stop a hash.
async fn at_leisure<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let permit = Arc::clone(&HASHES).acquire_owned().await.map_err(|error| failed(&error))?;
    let task = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    task.await.map_err(|error| failed(&error))
}

/// What an address is counted as: whoever has one IPv6 address has its whole /64.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => std::net::Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn wrong(left: u32) -> Problem {
    let left = match left {
        0 => "no tries are left for now".to_owned(),
        1 => "1 try is left".to_owned(),
        _ => format!("{left} tries are left"),
    };
    Problem::new(ProblemKind::Invalid, format!("That email and password do not belong together; {left}."))
}

fn too_many(closed: Closed, now: Time) -> Problem {
    let seconds = now.seconds_until(closed.opens_at);
    let wait = match seconds.div_ceil(60) {
        0 | 1 => "in a minute".to_owned(),
        minutes => format!("in {minutes} minutes"),
    };
    Problem::new(ProblemKind::TooMany, format!("Too many wrong tries. Signing in opens again {wait}."))
}

fn failed(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a password could not be hashed");
    Problem::new(ProblemKind::Internal, "The password could not be checked; the log says why.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_alone() {
        let hashed = hash("a short sentence").await.unwrap();
        assert!(verify("a short sentence", &hashed).await.unwrap());
        assert!(!verify("another sentence", &hashed).await.unwrap());
        assert_ne!(hashed, hash("a short sentence").await.unwrap(), "each has its own salt");
    }

    #[tokio::test]
    async fn checking_an_unknown_email_takes_the_work_of_a_known_one() {
        let hashed = hash("a short sentence").await.unwrap();
        let cost = |phc: &str| phc.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&hashed), cost(NOBODY));
        assert!(!verify("", NOBODY).await.unwrap());
    }

    #[test]
    fn an_ipv6_address_is_counted_with_its_whole_network() {
        let network = |ip: &str| network(ip.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
