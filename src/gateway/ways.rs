//! The ways that a call may go: which providers, in which order.

use super::Gateway;
use super::authenticate::Holder;
use super::catalog::Upstream;
use crate::domain::model::{Model, Route};
use crate::domain::refusal::{Code, Refusal};
use std::sync::Arc;

/// One way a call may go.
#[derive(Clone, Debug)]
pub struct Way {
    pub upstream: Arc<Upstream>,
    pub upstream_model: String,
    pub weight: u32,
    pub priority: u32,
    /// The model that it serves, by whose price a call that goes here is charged.
    pub model: Arc<Model>,
    /// That model stands in for the one that was asked for.
    pub stands_in: bool,
}

impl Gateway {
    /// The ways to a model's enabled providers, in the order in which they are to be tried: by priority, and within one
    /// drawn by weight, the first and then each that is left. `chance` is a number from 0 up to 1.
    pub fn ways(&self, model: &Model, chance: f64) -> Vec<Way> {
        self.ways_of(&Arc::new(model.clone()), chance)
    }

    /// The same, without a copy.
    fn ways_of(&self, model: &Arc<Model>, chance: f64) -> Vec<Way> {
        let catalog = self.0.catalog.load();
        let ways = model.routes.iter().filter_map(|route| {
            let upstream = Arc::clone(catalog.upstream(&route.provider_id)?);
            let named = if route.upstream_model.is_empty() { &model.name } else { &route.upstream_model };
            let (weight, priority) = (route.weight, route.priority);
            upstream.provider.enabled.then(|| Way {
                upstream,
                upstream_model: named.clone(),
                weight,
                priority,
                model: Arc::clone(model),
                stands_in: false,
            })
        });
        drawn(ways.collect(), chance, |way| (way.priority, way.weight))
    }

    /// The models that may stand in for this one in a call of this key: each is there, has a price, and is one that the
    /// key may call. Who would stand in for them does not count, so there is no going round in circles.
    pub fn stand_ins(&self, holder: &Holder, model: &Model) -> Vec<Arc<Model>> {
        let all = self.fallbacks(model).into_iter();
        all.filter(|other| holder.key.allows_model(&other.name)).collect()
    }

    /// The same, whichever models the key may call.
    pub fn fallbacks(&self, model: &Model) -> Vec<Arc<Model>> {
        let named = model.fallbacks.iter().filter(|name| **name != model.name);
        named.filter_map(|name| self.model(name)).filter(|other| other.enabled && other.price.is_some()).collect()
    }

    /// Whether a route of its own leads to an enabled provider.
    pub fn is_served(&self, model: &Model) -> bool {
        let catalog = self.0.catalog.load();
        let upstream = |route: &Route| catalog.upstream(&route.provider_id);
        model.routes.iter().filter_map(upstream).any(|upstream| upstream.provider.enabled)
    }

    /// The ways that a call to this model may go, best first, then those of the models that may stand in for it; never
    /// none. `chance` is a number from 0 up to 1.
    ///
    /// # Errors
    /// 503 where no enabled provider serves any of them.
    pub fn routed(&self, holder: &Holder, model: &Arc<Model>, chance: f64) -> Result<Vec<Way>, Refusal> {
        let mut ways = self.ways_of(model, chance);
        for other in self.stand_ins(holder, model) {
            ways.extend(self.ways_of(&other, chance).into_iter().map(|way| Way { stands_in: true, ..way }));
        }
        match ways.is_empty() {
            false => Ok(ways),
            true => {
                let message = format!("No provider serves model {:?} now.", model.name);
                Err(Refusal::new(Code::NoRouteAvailable, message))
            }
        }
    }
}

/// All of them, by priority; within one priority each next is drawn in proportion to its weight among those left. What a
/// draw leaves of `chance` is as even as it was itself, and decides the next.
fn drawn<T>(mut all: Vec<T>, chance: f64, of: impl Fn(&T) -> (u32, u32)) -> Vec<T> {
    all.sort_by_key(|one| of(one).0);
    let mut chance = chance.clamp(0.0, 1.0 - f64::EPSILON);
    for place in 0..all.len() {
        let priority = of(&all[place]).0;
        let peers = all[place..].iter().take_while(|one| of(one).0 == priority);
        let weights: Vec<f64> = peers.map(|one| f64::from(of(one).1)).collect();
        let mut left = chance * weights.iter().sum::<f64>();
        let mut pick = 0;
        while pick + 1 < weights.len() && left >= weights[pick] {
            left -= weights[pick];
            pick += 1;
        }
        chance = (left / weights[pick]).clamp(0.0, 1.0 - f64::EPSILON);
        all[place..=place + pick].rotate_right(1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn order(routes: &[(&'static str, u32, u32)], chance: f64) -> Vec<&'static str> {
        let all = drawn(routes.to_vec(), chance, |(_, priority, weight)| (*priority, *weight));
        all.into_iter().map(|(name, _, _)| name).collect()
    }

    #[test]
    fn weights_draw_within_a_priority_and_priorities_come_in_order() {
        let routes = [("later", 1, 1000), ("a", 0, 3), ("b", 0, 1)];
        assert_eq!(order(&routes, 0.0), ["a", "b", "later"]);
        assert_eq!(order(&routes, 0.74), ["a", "b", "later"]);
        assert_eq!(order(&routes, 0.76), ["b", "a", "later"]);
        assert_eq!(order(&[], 0.5), Vec::<&str>::new());
    }

    #[test]
    fn each_order_is_as_likely_as_drawing_one_after_another_makes_it() {
        let routes = [("a", 0, 1), ("b", 0, 1), ("c", 0, 2)];
        let mut seen: HashMap<Vec<&str>, u32> = HashMap::new();
        let draws = 24_000;
        for draw in 0..draws {
            *seen.entry(order(&routes, (f64::from(draw) + 0.5) / f64::from(draws))).or_default() += 1;
        }
        // First c with 2 in 4, then a or b evenly; first a with 1 in 4, then b with 1 in 3, c with 2 in 3.
        for (wanted, share) in
            [(["c", "a", "b"], 6_000), (["c", "b", "a"], 6_000), (["a", "b", "c"], 2_000), (["b", "c", "a"], 4_000)]
        {
            assert!(seen[wanted.as_slice()].abs_diff(share) < 5, "{wanted:?}: {}", seen[wanted.as_slice()]);
        }
    }
}
