//! What one call of a key may cost, watched while its answer streams: an upstream that ignores its output bound is cut
//! off before the cap is passed.

use super::lane::Lane;
use super::meter::Tally;
use super::vocabulary::{Family, Vocabularies};
use crate::domain::credits::Credits;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::domain::usage::Usage;
use crate::gateway::authenticate::Holder;
use crate::gateway::hold::Hold;
use std::sync::Arc;

/// The cap of one call.
pub(super) struct Cap {
    most: Credits,
    key_name: String,
    vocabularies: Arc<Vocabularies>,
    family: Family,
    /// Output tokens that the client has been sent, as they would be charged.
    relayed: u64,
}

impl Cap {
    /// `None` where neither the key nor its account has one.
    pub(super) fn of(holder: &Holder, lanes: &[Lane], vocabularies: &Arc<Vocabularies>) -> Option<Self> {
        let is_older = lanes.iter().all(|lane| Family::of(&lane.way.upstream_model) == Family::Cl100k);
        Some(Self {
            most: holder.most_per_call()?,
            key_name: holder.key.name.clone(),
            vocabularies: Arc::clone(vocabularies),
            // Where the tokenizer is not known this one serves: the largest vocabularies differ by little.
            family: if is_older { Family::Cl100k } else { Family::O200k },
            relayed: 0,
        })
    }

    /// Judges the answer with its last event, which the client has not been sent. `None` while it may go on; else what
    /// the call is charged, and why it is cut.
    ///
    /// Four bytes a token is a guess that an honest answer of long words exceeds, so where the guess would pass the cap
    /// the answer is counted: an upstream that keeps to the bound it was given is never cut.
    pub(super) async fn passed(&mut self, hold: &Hold, tally: &mut Tally) -> Option<(Usage, Refusal)> {
        if hold.cost(&tally.cut_off()) > self.most
            && let Some(text) = tally.uncounted()
        {
            self.count(text, tally).await;
        }
        let usage = tally.cut_off();
        if hold.cost(&usage) <= self.most {
            self.relayed = usage.output;
            return None;
        }
        let message = format!(
            "Key {:?} allows one call to cost {}; the answer would have passed that, and was cut.",
            self.key_name, self.most
        );
        let refusal = Refusal { retry: Retry::Never, ..Refusal::new(Code::RequestCostExceedsKeyCap, message) };
        Some((tally.at_least(Usage::new(usage.input, self.relayed)), refusal))
    }

    async fn count(&self, text: Vec<String>, tally: &mut Tally) {
        let (vocabularies, family) = (Arc::clone(&self.vocabularies), self.family);
        let counting = tokio::task::spawn_blocking(move || {
            let tokens = text.iter().map(|text| vocabularies.count(family, text)).sum();
            (text, tokens)
        });
        // A count that died of a bug leaves the estimate as it was.
        if let Ok((text, tokens)) = counting.await {
            tally.counted(text, tokens);
        }
    }
}
