//! Prices from the field's public files: first the difference, then what an admin chooses of it.

use super::dial::check_url;
use super::{Gateway, admins_only, known};
use crate::domain::account::Account;
use crate::domain::model::Model;
use crate::domain::price::Price;
use crate::domain::price_list::{Format, Listed, PriceList, Skipped};
use crate::domain::problem::{Check, Problem, ProblemKind};
use crate::domain::time::Time;
use crate::store::Store;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A file larger than this is not read, in bytes. The field's largest is a fifth of it.
pub const LARGEST: usize = 16 << 20;
/// How long a file may take to come.
const FETCH: Duration = Duration::from_secs(60);
/// So many names that are not there are named.
const MOST_NAMED: usize = 10;

/// Where a price list is from.
#[derive(Clone, Debug)]
pub enum Origin {
    File(String),
    Url(String),
    /// What ships with the binary.
    Snapshot,
}

/// A list to be compared with the catalogue.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub format: Format,
    pub origin: Origin,
    /// Of one provider's prices alone, as the list calls it.
    pub provider: Option<String>,
    /// What the list calls a model, and what it is called here.
    pub called: BTreeMap<String, String>,
}

/// What of a difference to take over.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Names of models, as they are called here.
    pub names: BTreeSet<String>,
    /// Make those that are not here yet. They have no routes, so nobody can call them before they are given one.
    pub create: bool,
    /// From when on; now where that is not said.
    pub starts_at: Option<Time>,
}

/// What a list says that the catalogue does not. All by name.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// Models that are not here.
    pub added: Vec<Listed>,
    pub changed: Vec<Changed>,
    /// Names of models whose price is the same.
    pub unchanged: Vec<String>,
    pub skipped: Vec<Skipped>,
}

/// A model whose price would be another.
#[derive(Clone, Debug)]
pub struct Changed {
    pub old: Option<Price>,
    /// By the name that it has here.
    pub new: Listed,
}

impl Gateway {
    /// What a list says that the catalogue does not. Changes nothing.
    ///
    /// # Errors
    /// For anyone but an admin; where the list cannot be had or read.
    pub async fn compare_prices(&self, by: &Account, asked: &Comparison) -> Result<Difference, Problem> {
        admins_only(by)?;
        let text = match &asked.origin {
            Origin::File(text) => text.clone(),
            Origin::Url(url) => self.fetch(url).await?,
            Origin::Snapshot => known::SNAPSHOT.to_owned(),
        };
        let Comparison { format, origin, provider, called } = asked.clone();
        let field = if matches!(origin, Origin::Url(_)) { "url" } else { "file" };
        // Megabytes of JSON would keep others waiting.
        let list = tokio::task::spawn_blocking(move || PriceList::read(format, &text, provider.as_deref()));
        let list = list.await.map_err(|_| Problem::new(ProblemKind::Internal, "The list could not be read."))?;
        let list = list.map_err(|message| Problem::field(field, message))?;
        Ok(self.difference(list, &called))
    }

    fn difference(&self, list: PriceList, called: &BTreeMap<String, String>) -> Difference {
        let mut difference = Difference { skipped: list.skipped, ..Difference::default() };
        let mut seen = BTreeSet::new();
        for mut listed in list.models {
            if let Some(name) = called.get(&listed.name) {
                listed.name.clone_from(name);
            }
            if !seen.insert(listed.name.clone()) {
                let reason = "two entries of the list are called so here".to_owned();
                difference.skipped.push(Skipped { name: listed.name, reason });
                continue;
            }
            match self.model(&listed.name) {
                None => match new_model(&listed).check() {
                    Ok(()) => difference.added.push(listed),
                    Err(problem) => difference.skipped.push(Skipped { name: listed.name, reason: problem.message }),
                },
                Some(model) if model.price.as_ref() == Some(&listed.price) => difference.unchanged.push(listed.name),
                Some(model) => difference.changed.push(Changed { old: model.price.clone(), new: listed }),
            }
        }
        // Some are called otherwise here than in the list.
        difference.added.sort_by(|one, other| one.name.cmp(&other.name));
        difference.changed.sort_by(|one, other| one.new.name.cmp(&other.new.name));
        difference
    }

    /// Takes over what was chosen of a difference: a new version of each price, and models where that was asked for. All
    /// or nothing.
    ///
    /// # Errors
    /// As for the comparison; for a name that the list does not price, or that is not here and is not to be made.
    pub async fn import_prices(
        &self,
        by: &Account,
        asked: &Comparison,
        choice: &Choice,
    ) -> Result<Difference, Problem> {
        self.import_prices_as_shown(by, asked, choice, |_| true).await
    }

    /// The same, where the difference is still the one that was chosen from.
    ///
    /// # Errors
    /// As above; where the list or the catalogue has changed since.
    pub async fn import_prices_as_shown(
        &self,
        by: &Account,
        asked: &Comparison,
        choice: &Choice,
        is_as_shown: impl Fn(&Difference) -> bool,
    ) -> Result<Difference, Problem> {
        let starts_at = self.start(choice.starts_at)?;
        let mut difference = self.compare_prices(by, asked).await?;
        if !is_as_shown(&difference) {
            let message = "The list or the catalogue has changed since the difference was shown. Look at it again.";
            return Err(Problem::new(ProblemKind::Conflict, message));
        }
        judge(&difference, choice)?;
        difference.added.retain(|listed| choice.names.contains(&listed.name));
        difference.changed.retain(|changed| choice.names.contains(&changed.new.name));
        difference.unchanged.retain(|name| choice.names.contains(name));
        difference.skipped.clear();
        let source = asked.format.as_str();
        let mut tx = self.0.store.begin().await?;
        for listed in &difference.added {
            Store::save_model(&mut tx, &new_model(listed)).await?;
        }
        for listed in difference.added.iter().chain(difference.changed.iter().map(|changed| &changed.new)) {
            let version = self.version(Some(&by.id), &listed.name, Some(listed.price.clone()), starts_at, source);
            Store::add_price_version(&mut tx, &version).await?;
        }
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.reload().await?;
        Ok(difference)
    }

    /// A file from a URL, through the same checks as any provider's.
    async fn fetch(&self, url: &str) -> Result<String, Problem> {
        let wrong = |message: String| Problem::field("url", message);
        check_url(url, self.terms().private_upstreams).map_err(wrong)?;
        let request = Request::get(url.trim())
            .header(http::header::ACCEPT_ENCODING, "identity")
            .header(http::header::USER_AGENT, concat!("tollgate/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new().map_err(|never| match never {}).boxed_unsync())
            .map_err(|error| wrong(format!("This is not a URL that can be asked: {error}.")))?;
        let whole = async {
            let answer = self.dial(request).await.map_err(|error| format!("It cannot be reached: {error}."))?;
            match answer.status() {
                StatusCode::OK => {}
                status if status.is_redirection() => {
                    return Err(format!("It answers {status}: give the address that it leads to."));
                }
                status => return Err(format!("It answers {status}.")),
            }
            let body = Limited::new(answer.into_body(), LARGEST).collect().await;
            let body = body.map_err(|error| format!("It broke off, or is too large: {error}."))?.to_bytes();
            String::from_utf8(body.into()).map_err(|_| "It is not text.".to_owned())
        };
        match tokio::time::timeout(FETCH, whole).await {
            Ok(text) => text.map_err(wrong),
            Err(_) => Err(wrong(format!("It did not come within {} seconds.", FETCH.as_secs()))),
        }
    }
}

/// # Errors
/// For each name that cannot be taken over.
fn judge(difference: &Difference, choice: &Choice) -> Result<(), Problem> {
    let mut check = Check::default();
    check.that(!choice.names.is_empty(), "names", "Name the models whose prices to take over.");
    let added: BTreeSet<&str> = difference.added.iter().map(|listed| listed.name.as_str()).collect();
    let known = difference.changed.iter().map(|changed| &changed.new.name).chain(&difference.unchanged);
    let known: BTreeSet<&str> = known.map(String::as_str).collect();
    let listed = |name: &str| added.contains(name) || known.contains(name);
    let missing: Vec<&str> = choice.names.iter().map(String::as_str).filter(|name| !listed(name)).collect();
    let (count, first) = (missing.len(), missing.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", "));
    check.that(missing.is_empty(), "names", format!("The list has no price for {count} of them: {first}."));
    let unmade: Vec<&str> = choice.names.iter().map(String::as_str).filter(|name| added.contains(name)).collect();
    let (count, first) = (unmade.len(), unmade.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", "));
    let asks = format!("{count} of them are no models here: {first}. Ask to have them made, or leave them out.");
    check.that(choice.create || unmade.is_empty(), "create", asks);
    check.done()
}

/// A model that nobody can call yet: it has no route.
pub(super) fn new_model(listed: &Listed) -> Model {
    Model {
        name: listed.name.clone(),
        display_name: String::new(),
        context_length: listed.context_length,
        max_output_tokens: listed.max_output_tokens,
        capabilities: listed.capabilities.clone(),
        price: Some(listed.price.clone()),
        price_version: 0,
        routes: Vec::new(),
        fallbacks: Vec::new(),
        enabled: true,
    }
}
