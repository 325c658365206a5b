//! What is asked of the list of tokens, as its address has it.

use super::list::ROWS;
use crate::domain::key::KeyState;
use crate::domain::problem::Problem;
use crate::gateway::issue::KeyQuery;
use crate::gateway::list::{About, Order};
use crate::store::key_lists::{Governed, KeyOrder, KeySort};

/// The filters, the order and the place; what is not asked for is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    pub q: String,
    /// A group's id, or `none`.
    pub group: String,
    /// A rule's id, or `none`: the rule in force.
    pub rule: String,
    pub status: String,
    pub model: String,
    /// An account's id.
    pub owner: String,
    /// `unused`, `near`, `blocked`, `expiring`.
    pub about: String,
    pub sort: String,
    pub after: String,
    pub before: String,
}

impl Sought {
    /// Reads the query of an address, whatever else is in it.
    pub fn read(address: &str) -> Self {
        let query = address.split_once('?').map_or("", |(_, query)| query);
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
        let mut sought = Self::default();
        for (name, value) in pairs {
            let field = match name.as_str() {
                "q" => &mut sought.q,
                "group" => &mut sought.group,
                "rule" => &mut sought.rule,
                "status" => &mut sought.status,
                "model" => &mut sought.model,
                "owner" => &mut sought.owner,
                "use" => &mut sought.about,
                "sort" => &mut sought.sort,
                "after" => &mut sought.after,
                "before" => &mut sought.before,
                _ => continue,
            };
            if field.is_empty() {
                value.trim().clone_into(field);
            }
        }
        sought
    }

    /// Whether any filter is on.
    pub fn is_narrowed(&self) -> bool {
        let Self { q, group, rule, status, model, owner, about, .. } = self;
        [q, group, rule, status, model, owner, about].into_iter().any(|filter| !filter.is_empty())
    }

    /// What to ask the gateway for. Revoked keys are left out unless they are asked for.
    ///
    /// # Errors
    /// For a filter or an order that is none.
    pub fn query(&self) -> Result<KeyQuery, Problem> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let state = given(&self.status).map(|text| {
            KeyState::parse(&text).ok_or_else(|| {
                let message = format!("“{text}” is no status. Write active, disabled, expired or revoked.");
                Problem::field("status", message)
            })
        });
        let about = match self.about.as_str() {
            "" => None,
            "unused" => Some(About::Unused),
            "near" => Some(About::NearLimit),
            "blocked" => Some(About::Blocked),
            "expiring" => Some(About::Expiring),
            text => {
                let message = format!("“{text}” is no such filter. Write unused, near, blocked or expiring.");
                return Err(Problem::field("use", message));
            }
        };
        let state = state.transpose()?;
        Ok(KeyQuery {
            state,
            unrevoked: state.is_none(),
            search: given(&self.q),
            account_id: given(&self.owner).map(Into::into),
            group_id: given(&self.group).filter(|group| group != "none").map(Into::into),
            ungrouped: self.group == "none",
            governed: match self.rule.as_str() {
                "" => None,
                "none" => Some(Governed::ByNone),
                rule => Some(Governed::By(rule.into())),
            },
            model: given(&self.model),
            about,
            order: self.order()?,
            ..KeyQuery::default()
        })
    }

    /// The same, and where in the list.
    ///
    /// # Errors
    /// As [`Sought::query`].
    pub fn page(&self) -> Result<KeyQuery, Problem> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let (cursor, before) = (given(&self.after), given(&self.before));
        Ok(KeyQuery { cursor, before, limit: ROWS, ..self.query()? })
    }

    fn order(&self) -> Result<Order, Problem> {
        let (descending, name) = match self.sort.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, self.sort.as_str()),
        };
        let by = match name {
            "" => return Ok(Order::default()),
            "budget" => return Ok(Order::Budget { descending }),
            "created" => KeySort::Created,
            "name" => KeySort::Name,
            "used" => KeySort::Used,
            "expires" => KeySort::Expires,
            _ => {
                let message = format!("“{name}” is no order. Write created, name, used, expires or budget.");
                return Err(Problem::field("sort", message));
            }
        };
        Ok(Order::By(KeyOrder { by, descending }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_asked_for_and_what_is_none_of_it_is_passed_over() {
        let sought =
            Sought::read("/tokens?q=a%20b&group=none&rule=r&status=expired&use=near&sort=-used&edit=x&after=1.k");
        assert!(sought.is_narrowed());
        let query = sought.page().expect("all known");
        assert_eq!((query.search.as_deref(), query.ungrouped, query.group_id), (Some("a b"), true, None));
        assert_eq!((query.state, query.unrevoked), (Some(KeyState::Expired), false));
        assert_eq!(query.governed, Some(Governed::By("r".into())));
        assert_eq!((query.about, query.cursor.as_deref()), (Some(About::NearLimit), Some("1.k")));
        assert_eq!(query.order, Order::By(KeyOrder { by: KeySort::Used, descending: true }));
        assert!(query.before.is_none() && sought.query().expect("known").cursor.is_none());
        assert_eq!(Sought::read("/tokens?new=1"), Sought::default());
        for (address, field) in [("?status=odd", "status"), ("?use=odd", "use"), ("?sort=-odd", "sort")] {
            let problem = Sought::read(address).query().expect_err("unknown");
            assert_eq!(problem.fields[0].field, field);
        }
    }
}
