//! The catalogue: providers, models and routes, and what admins do to them.

use super::prices::Priced;
use super::seal::{MasterKey, NotOurs};
use super::{Gateway, Topic, admins_only};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::id::ProviderId;
use crate::domain::model::{Model, Route};
use crate::domain::price::Price;
use crate::domain::price::version::PriceVersion;
use crate::domain::problem::{Check, Problem};
use crate::domain::provider::{Provider, ProviderKind, ProviderSpec, Timeouts, masked};
use crate::domain::time::Time;
use crate::store::providers::StoredProvider;
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Everything a call needs to find its way, read once and shared until something changes.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    models: BTreeMap<String, Priced>,
    providers: HashMap<ProviderId, Arc<Upstream>>,
}

/// A provider with its credentials opened. Never leaves the process.
#[derive(PartialEq, Eq)]
pub struct Upstream {
    pub provider: Provider,
    pub credentials: Vec<String>,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.provider.fmt(f)
    }
}

impl Catalog {
    pub(super) async fn load(store: &Store, master: &MasterKey, now: Time) -> Result<Self, StoreError> {
        let mut versions: HashMap<String, Vec<PriceVersion>> = HashMap::new();
        for version in store.price_versions(None).await? {
            versions.entry(version.model.clone()).or_default().push(version);
        }
        let priced = |model: Model| {
            let own = versions.get(&model.name).map(Vec::as_slice).unwrap_or_default();
            (model.name.clone(), Priced::new(&model, own, now))
        };
        let models = store.models().await?.into_iter().map(priced).collect();
        let mut providers = HashMap::new();
        for StoredProvider { provider, sealed_credentials } in store.providers().await? {
            let credentials = open_credentials(master, &sealed_credentials).map_err(|error| {
                StoreError::Unreadable(format!("providers.credentials of {:?}: {error}", provider.name))
            })?;
            providers.insert(provider.id.clone(), Arc::new(Upstream { provider, credentials }));
        }
        Ok(Self { models, providers })
    }

    pub(super) fn upstream(&self, id: &ProviderId) -> Option<&Arc<Upstream>> {
        self.providers.get(id)
    }

    pub(super) fn upstreams(&self) -> impl Iterator<Item = (&ProviderId, &Arc<Upstream>)> {
        self.providers.iter()
    }
}

fn seal_credentials(master: &MasterKey, credentials: &[String]) -> String {
    master.seal(&serde_json::Value::from(credentials.to_vec()).to_string())
}

fn open_credentials(master: &MasterKey, sealed: &str) -> Result<Vec<String>, NotOurs> {
    serde_json::from_str(&master.open(sealed)?).map_err(|_| NotOurs)
}

/// Where their prices are from.
const BUILT_IN: &str = "built in";
/// The built-in provider's models: priced so that anyone can check a charge by eye.
const BUILTIN_MODELS: [(&str, &str); 2] = [("tollgate/echo", "Echo"), ("tollgate/fill", "Fill")];

impl Gateway {
    /// Puts the built-in provider and its models in a catalogue that has never held any.
    pub(super) async fn stock_catalog(&self) -> Result<(), StoreError> {
        if self.0.store.setting("catalog_stocked").await?.is_some() {
            return Ok(());
        }
        let provider = Provider {
            id: ProviderId("builtin".to_owned()),
            name: "builtin".to_owned(),
            kind: ProviderKind::Builtin,
            base_url: String::new(),
            credentials: Vec::new(),
            enabled: true,
            usage_option: true,
            responses: None,
            timeouts: Timeouts::default(),
            max_concurrency: None,
            created_at: self.0.clock.now(),
        };
        let route = Route { provider_id: provider.id.clone(), upstream_model: String::new(), weight: 1, priority: 0 };
        let sealed_credentials = seal_credentials(&self.0.master, &[]);
        let mut tx = self.0.store.begin().await?;
        Store::save_provider(&mut tx, &StoredProvider { provider, sealed_credentials }).await?;
        let credit = |whole: i64| Credits::from_nanos(whole * 1_000_000_000);
        for (name, display_name) in BUILTIN_MODELS {
            let model = Model {
                name: name.to_owned(),
                display_name: display_name.to_owned(),
                context_length: None,
                max_output_tokens: None,
                capabilities: vec!["chat".to_owned(), "streaming".to_owned()],
                price: Some(Price::per_million(credit(1), credit(2))),
                price_version: 0,
                routes: vec![route.clone()],
                fallbacks: Vec::new(),
                enabled: true,
            };
            Store::save_model(&mut tx, &model).await?;
            let version = self.version(None, name, model.price.clone(), self.0.clock.now(), BUILT_IN);
            Store::add_price_version(&mut tx, &version).await?;
        }
        tx.commit().await?;
        self.0.store.set_setting("catalog_stocked", "yes").await
    }

    /// A model by name, whether or not anyone may call it.
    pub fn model(&self, name: &str) -> Option<Arc<Model>> {
        self.0.catalog.load().models.get(name)?.at(self.0.clock.now()).cloned()
    }

    /// All models, by name. Everyone signed in may see the catalogue.
    pub fn models(&self) -> Vec<Arc<Model>> {
        let now = self.0.clock.now();
        self.0.catalog.load().models.values().filter_map(|priced| priced.at(now).cloned()).collect()
    }

    /// The names of all providers. Everyone signed in may know who serves a model.
    pub fn provider_names(&self) -> HashMap<ProviderId, String> {
        let catalog = self.0.catalog.load();
        catalog.providers.iter().map(|(id, upstream)| (id.clone(), upstream.provider.name.clone())).collect()
    }

    /// # Errors
    /// For anyone but an admin; for each field that will not do; where the name is taken.
    pub async fn create_model(&self, by: &Account, model: Model) -> Result<Arc<Model>, Problem> {
        admins_only(by)?;
        if self.model(&model.name).is_some() {
            return Err(Problem::conflict("name", format!("There is a model named {:?} already.", model.name)));
        }
        self.save_model(by, model).await
    }

    /// Replaces a model's definition; its name stays.
    ///
    /// # Errors
    /// For anyone but an admin; for each field that will not do; where there is no such model.
    pub async fn edit_model(&self, by: &Account, name: &str, model: Model) -> Result<Arc<Model>, Problem> {
        admins_only(by)?;
        self.model(name).ok_or_else(|| Problem::not_found("model"))?;
        if model.name != name {
            return Err(Problem::field("name", "A model keeps its name, since calls and allowlists refer to it."));
        }
        self.save_model(by, model).await
    }

    async fn save_model(&self, by: &Account, model: Model) -> Result<Arc<Model>, Problem> {
        model.check()?;
        let mut check = Check::default();
        let known = |route: &Route| self.0.catalog.load().providers.contains_key(&route.provider_id);
        check.that(model.routes.iter().all(known), "routes", "A route names a provider that does not exist.");
        for name in &model.fallbacks {
            check.that(self.model(name).is_some(), "fallbacks", format!("There is no model {name:?}."));
        }
        check.done()?;
        let mut tx = self.0.store.begin().await?;
        Store::save_model(&mut tx, &model).await?;
        self.reprice(&mut tx, by, &model).await?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.reload().await?;
        self.model(&model.name).ok_or_else(|| Problem::not_found("model"))
    }

    /// # Errors
    /// For anyone but an admin; where there is no such model.
    pub async fn delete_model(&self, by: &Account, name: &str) -> Result<(), Problem> {
        admins_only(by)?;
        let mut tx = self.0.store.begin().await?;
        if !Store::delete_model(&mut tx, name).await? {
            return Err(Problem::not_found("model"));
        }
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        Ok(self.reload().await?)
    }

    /// All providers, by name.
    ///
    /// # Errors
    /// For anyone but an admin.
    pub fn providers(&self, by: &Account) -> Result<Vec<Provider>, Problem> {
        admins_only(by)?;
        let catalog = self.0.catalog.load();
        let mut providers: Vec<Provider> = catalog.providers.values().map(|one| one.provider.clone()).collect();
        providers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(providers)
    }

    /// # Errors
    /// For anyone but an admin; where there is no such provider.
    pub fn provider(&self, by: &Account, id: &ProviderId) -> Result<Provider, Problem> {
        admins_only(by)?;
        Ok(self.upstream(id)?.provider.clone())
    }

    pub(super) fn upstream(&self, id: &ProviderId) -> Result<Arc<Upstream>, Problem> {
        self.0.catalog.load().providers.get(id).cloned().ok_or_else(|| Problem::not_found("provider"))
    }

    /// # Errors
    /// For anyone but an admin; for each field that will not do; where the name is taken.
    pub async fn create_provider(&self, by: &Account, spec: ProviderSpec) -> Result<Provider, Problem> {
        admins_only(by)?;
        let id = ProviderId(self.0.clock.id());
        let credentials = spec.credentials.clone().unwrap_or_default();
        self.save_provider(id, spec, credentials, self.0.clock.now()).await
    }

    /// Replaces a provider's definition; credentials that are not given stay.
    ///
    /// # Errors
    /// For anyone but an admin; for each field that will not do; where there is no such provider, or the name is taken.
    pub async fn edit_provider(&self, by: &Account, id: &ProviderId, spec: ProviderSpec) -> Result<Provider, Problem> {
        admins_only(by)?;
        let known = self.upstream(id)?;
        let credentials = spec.credentials.clone().unwrap_or_else(|| known.credentials.clone());
        let saved = self.save_provider(id.clone(), spec, credentials, known.provider.created_at).await?;
        // Whoever saves it says that it is well, even where nothing else has changed.
        self.0.vitals.forget(id);
        Ok(saved)
    }

    async fn save_provider(
        &self,
        id: ProviderId,
        spec: ProviderSpec,
        credentials: Vec<String>,
        created_at: Time,
    ) -> Result<Provider, Problem> {
        spec.check()?;
        if spec.kind != ProviderKind::Builtin {
            super::dial::check_url(&spec.base_url, self.0.terms.private_upstreams)
                .map_err(|reason| Problem::field("base_url", reason))?;
        }
        let credentials: Vec<String> = credentials.into_iter().filter(|secret| !secret.is_empty()).collect();
        let provider = Provider {
            id,
            name: spec.name.trim().to_owned(),
            kind: spec.kind,
            base_url: spec.base_url.trim().trim_end_matches('/').to_owned(),
            credentials: credentials.iter().map(|secret| masked(secret)).collect(),
            enabled: spec.enabled,
            usage_option: spec.usage_option,
            responses: spec.responses,
            timeouts: spec.timeouts,
            max_concurrency: spec.max_concurrency,
            created_at,
        };
        let sealed_credentials = seal_credentials(&self.0.master, &credentials);
        let mut tx = self.0.store.begin().await?;
        let saved =
            Store::save_provider(&mut tx, &StoredProvider { provider: provider.clone(), sealed_credentials }).await;
        saved.map_err(|error| match error {
            StoreError::Taken => {
                Problem::conflict("name", format!("There is a provider named {:?} already.", provider.name))
            }
            other => other.into(),
        })?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.reload().await?;
        Ok(provider)
    }

    /// # Errors
    /// For anyone but an admin; where there is no such provider; while a model has a route to it.
    pub async fn delete_provider(&self, by: &Account, id: &ProviderId) -> Result<(), Problem> {
        admins_only(by)?;
        let routed = |model: &Arc<Model>| model.routes.iter().any(|route| route.provider_id == *id);
        if let Some(model) = self.models().iter().find(|model| routed(model)) {
            let message = format!("Model {:?} still has a route to it. Remove that route first.", model.name);
            return Err(Problem::conflict("id", message));
        }
        let mut tx = self.0.store.begin().await?;
        if !Store::delete_provider(&mut tx, id).await? {
            return Err(Problem::not_found("provider"));
        }
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.reload().await?;
        self.0.announce(Topic::Providers);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_that_is_not_ours_opens_no_credentials() {
        let (ours, theirs) = (MasterKey::random(), MasterKey::random());
        let sealed = seal_credentials(&ours, &["sk-one".to_owned()]);
        assert_eq!(open_credentials(&ours, &sealed).expect("ours"), ["sk-one"]);
        assert!(open_credentials(&theirs, &sealed).is_err());
    }
}
