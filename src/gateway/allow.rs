//! The checks that no meter has part in, in the order in which they are made: whether the key may be used at all, then
//! whether it may make this call. Each is one function, so that explaining a call judges it in the very same words.

use super::Gateway;
use super::authenticate::Holder;
use crate::domain::key::{KeyLimits, KeyStatus};
use crate::domain::limit::Scope;
use crate::domain::model::Model;
use crate::domain::price::Price;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::domain::time::Time;
use std::net::IpAddr;
use std::sync::Arc;

fn no(code: Code, message: String) -> Result<(), Refusal> {
    Err(Refusal::new(code, message))
}

impl Holder {
    /// # Errors
    /// 401 for a key that is revoked or disabled.
    pub(super) fn is_active(&self) -> Result<(), Refusal> {
        let name = &self.key.name;
        match self.key.status {
            KeyStatus::Revoked => {
                no(Code::KeyRevoked, format!("Key {name:?} has been revoked. Ask its owner for another."))
            }
            KeyStatus::Disabled => {
                no(Code::KeyDisabled, format!("Key {name:?} is disabled. Its owner can enable it again."))
            }
            KeyStatus::Active => Ok(()),
        }
    }

    /// # Errors
    /// 401 for a key that has expired.
    pub(super) fn is_current(&self, now: Time) -> Result<(), Refusal> {
        if !self.key.is_expired(now) {
            return Ok(());
        }
        let expired = self.key.expires_at.map(|at| format!(" on {at}")).unwrap_or_default();
        no(Code::KeyExpired, format!("Key {:?} expired{expired}.", self.key.name))
    }

    /// # Errors
    /// 401 where the key's account is disabled.
    pub(super) fn is_of_an_enabled_account(&self) -> Result<(), Refusal> {
        match self.account.enabled {
            true => Ok(()),
            false => no(Code::AccountDisabled, format!("The account of key {:?} is disabled.", self.key.name)),
        }
    }

    /// # Errors
    /// 403 for a model that is not on the key's list.
    pub(super) fn may_call(&self, model: &str) -> Result<(), Refusal> {
        let key = &self.key;
        if key.allows_model(model) {
            return Ok(());
        }
        let message =
            format!("Key {:?} may not call model {model:?}. It may call {}.", key.name, key.models.join(", "));
        Err(Refusal::new(Code::ModelNotAllowed, message).about("model"))
    }

    /// # Errors
    /// 403 for an address that is not on the key's list.
    pub(super) fn may_call_from(&self, ip: IpAddr) -> Result<(), Refusal> {
        match self.key.allows_ip(ip) {
            true => Ok(()),
            false => no(Code::IpNotAllowed, format!("Key {:?} may not be used from {ip}.", self.key.name)),
        }
    }

    /// # Errors
    /// 403 for a path that is not on the key's list.
    pub(super) fn may_call_path(&self, endpoint: &str) -> Result<(), Refusal> {
        match self.key.allows_endpoint(endpoint) {
            true => Ok(()),
            false => no(Code::EndpointNotAllowed, format!("Key {:?} may not call {endpoint}.", self.key.name)),
        }
    }

    /// # Errors
    /// 403 outside the hours of the key's rule, with when they begin.
    pub(super) fn may_call_at(&self, now: Time) -> Result<(), Refusal> {
        let Some(rule) = &self.rule else { return Ok(()) };
        match rule.hours_in_force() {
            Some(hours) if !hours.allows(now) => {
                let opens_at = hours.next_open(now);
                Err(Refusal::closed(rule.reference(), hours.timezone.trim(), opens_at, &self.key.name, now))
            }
            _ => Ok(()),
        }
    }

    /// Whether anything bounds how much one of its calls may answer: then the upstream must be bound to it.
    pub fn bounds_output(&self) -> bool {
        self.bounds_cost() || self.cap(|limits| limits.max_tokens_per_request).is_some()
    }

    /// Whether anything bounds what one of its calls may come to, its input included.
    pub fn bounds_cost(&self) -> bool {
        self.is_limited() || self.most_per_call().is_some()
    }

    /// The tighter of the key's cap on one call and of its account's, and which of the two it is.
    pub(super) fn cap<T: Ord>(&self, of: impl Fn(&KeyLimits) -> Option<T>) -> Option<(T, Scope)> {
        let caps = [(of(&self.key.limits), Scope::Key), (of(&self.account.limits), Scope::Account)];
        caps.into_iter().filter_map(|(cap, scope)| Some((cap?, scope))).min_by(|(one, _), (other, _)| one.cmp(other))
    }
}

impl Gateway {
    /// The model, if this key may call it here and now.
    ///
    /// # Errors
    /// 403 for a model, address, path or hour that the key does not allow; 404 for a model that is not there.
    pub fn allow(&self, holder: &Holder, name: &str, endpoint: &str, ip: IpAddr) -> Result<Arc<Model>, Refusal> {
        let model = self.served(name)?;
        holder.may_call(name)?;
        holder.may_call_from(ip)?;
        holder.may_call_path(endpoint)?;
        holder.may_call_at(self.0.clock.now())?;
        Ok(model)
    }

    /// A model that is there to be called.
    ///
    /// # Errors
    /// 404 where there is none of this name, or it is switched off.
    pub(super) fn served(&self, name: &str) -> Result<Arc<Model>, Refusal> {
        self.model(name).filter(|model| model.enabled).ok_or_else(|| {
            let message = format!("There is no model {name:?} here. GET /v1/models lists those there are.");
            Refusal::new(Code::ModelNotFound, message).about("model")
        })
    }
}

/// What a model's calls cost.
///
/// # Errors
/// 404 where nobody has said, since its calls could not be charged.
pub(super) fn priced(model: &Model) -> Result<&Price, Refusal> {
    model.price.as_ref().ok_or_else(|| {
        let message = format!(
            "Model {:?} has no price yet, so its calls cannot be charged. An admin can set one, or mark it free.",
            model.name
        );
        Refusal::new(Code::ModelNotFound, message).about("model")
    })
}

/// A cap on one call that no waiting opens.
pub(super) fn capped(code: Code, message: String) -> Refusal {
    Refusal { retry: Retry::Never, ..Refusal::new(code, message) }
}
