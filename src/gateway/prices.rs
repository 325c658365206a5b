//! Prices and their versions: which is in force is arithmetic on the clock, and calls keep the version they were charged by.

use super::{Gateway, admins_only};
use crate::domain::account::Account;
use crate::domain::id::AccountId;
use crate::domain::model::Model;
use crate::domain::price::Price;
use crate::domain::price::version::{PriceVersion, in_force};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::store::{Store, StoreError, Tx};
use std::sync::Arc;

/// Where a price is from that somebody wrote down here.
pub(super) const ENTERED: &str = "entered";

/// A model at the price that is in force, and at those that are yet to be.
#[derive(Debug)]
pub(super) struct Priced {
    /// From when on, by time. The first is in force since before this was read.
    steps: Vec<(Time, Arc<Model>)>,
}

impl Priced {
    /// `versions` are this model's.
    pub fn new(model: &Model, versions: &[PriceVersion], now: Time) -> Self {
        let mut starts: Vec<Time> = versions.iter().map(|version| version.starts_at).filter(|at| *at > now).collect();
        starts.push(now);
        starts.sort_unstable();
        starts.dedup();
        let step = |at: Time| {
            let version = in_force(versions, at);
            let price = version.and_then(|version| version.price.clone());
            let price_version = version.map_or(0, |version| version.version);
            (at, Arc::new(Model { price, price_version, ..model.clone() }))
        };
        Self { steps: starts.into_iter().map(step).collect() }
    }

    /// The model as it is priced now.
    pub fn at(&self, now: Time) -> Option<&Arc<Model>> {
        let begun = self.steps.partition_point(|(at, _)| *at <= now);
        // A clock that went back is answered as of when this was read.
        self.steps.get(begun.saturating_sub(1)).map(|(_, model)| model)
    }
}

/// A version, and how it stands to the clock.
#[derive(Clone, Debug)]
pub struct Dated {
    pub version: PriceVersion,
    pub standing: Standing,
}

/// How a version stands to the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Past,
    InForce,
    Upcoming,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Past => "past",
            Standing::InForce => "in_force",
            Standing::Upcoming => "upcoming",
        }
    }
}

impl Gateway {
    /// All versions of a model's price, the newest first. Everyone signed in may see the catalogue.
    ///
    /// # Errors
    /// Where there is no such model.
    pub async fn prices(&self, name: &str) -> Result<Vec<Dated>, Problem> {
        self.model(name).ok_or_else(|| Problem::not_found("model"))?;
        let (versions, now) = (self.0.store.price_versions(Some(name)).await?, self.0.clock.now());
        let current = in_force(&versions, now).map(|version| version.version);
        let dated = versions.into_iter().rev().map(|version| {
            // One that another with the same start has replaced never comes into force.
            let standing = match version.starts_at > now {
                _ if current == Some(version.version) => Standing::InForce,
                true => Standing::Upcoming,
                false => Standing::Past,
            };
            Dated { version, standing }
        });
        Ok(dated.collect())
    }

    /// Adds a version of a model's price, in force from now on or from an instant to come.
    ///
    /// # Errors
    /// For anyone but an admin; where there is no such model; for a start that is past.
    pub async fn add_price(
        &self,
        by: &Account,
        name: &str,
        price: Option<Price>,
        starts_at: Option<Time>,
    ) -> Result<Dated, Problem> {
        admins_only(by)?;
        self.model(name).ok_or_else(|| Problem::not_found("model"))?;
        let starts_at = self.start(starts_at)?;
        let mut tx = self.0.store.begin().await?;
        let version = self.version(Some(&by.id), name, price, starts_at, ENTERED);
        let number = Store::add_price_version(&mut tx, &version).await?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.reload().await?;
        let versions = self.prices(name).await?;
        versions.into_iter().find(|dated| dated.version.version == number).ok_or_else(|| Problem::not_found("price"))
    }

    /// When a price begins that is asked to begin then.
    ///
    /// # Errors
    /// Where that is past: what calls have been charged stays.
    pub(super) fn start(&self, asked: Option<Time>) -> Result<Time, Problem> {
        let now = self.0.clock.now();
        match asked {
            Some(at) if at < now => {
                let message = "A price begins now or later: calls keep what they were charged. Leave it out for now.";
                Err(Problem::field("starts_at", message))
            }
            Some(at) => Ok(at),
            None => Ok(now),
        }
    }

    pub(super) fn version(
        &self,
        by: Option<&AccountId>,
        model: &str,
        price: Option<Price>,
        starts_at: Time,
        source: &str,
    ) -> PriceVersion {
        PriceVersion {
            model: model.to_owned(),
            version: 0,
            starts_at,
            price,
            source: source.to_owned(),
            created_by: by.cloned(),
            created_at: self.0.clock.now(),
        }
    }

    /// Where a model that is being saved has another price than is in force, that begins now.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn reprice(&self, tx: &mut Tx, by: &Account, model: &Model) -> Result<(), StoreError> {
        if self.model(&model.name).is_some_and(|known| known.price == model.price) {
            return Ok(());
        }
        let version = self.version(Some(&by.id), &model.name, model.price.clone(), self.0.clock.now(), ENTERED);
        Store::add_price_version(tx, &version).await.map(drop)
    }
}
