//! One transaction of the journal, as the product makes it, on the store that the simulation has.

use super::count::Count;
use super::shelf::{Done, Rows, Transaction};
use crate::domain::call::{Arrival, Bound, Settlement};
use crate::domain::id::NodeId;
use crate::domain::ledger::NotAdmitted;
use crate::domain::limit::{Limit, Owner};
use crate::gateway::decide::{Asked, Ended, Taken};
use futures::FutureExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One transaction, as [`crate::gateway`] makes it: settlements first, then admissions. A refusal must be true.
pub fn decide(
    rows: &mut Rows,
    node: &NodeId,
    asked: &[Asked],
    ended: &[(Arc<Arrival>, Bound, Settlement)],
    admitted: &mut Vec<(Arc<Arrival>, Bound)>,
    count: &mut Count,
    unlocked: bool,
) -> Result<Vec<Done>, String> {
    let now = rows.now;
    let limits: BTreeMap<&str, &Limit> =
        asked.iter().flat_map(|asked| asked.limits.iter().map(|limit| (limit.name, limit))).collect();
    let limits: Vec<Limit> = limits.into_values().cloned().collect();
    for limit in &limits {
        rows.books.entry(limit.owner.to_text()).or_default();
    }
    let arrivals = asked.iter().map(|asked| &asked.arrival).chain(ended.iter().map(|(arrival, _, _)| arrival));
    let owners: BTreeSet<String> =
        arrivals.flat_map(|arrival| arrival.owners().iter().map(Owner::to_text).collect::<Vec<_>>()).collect();
    let ended: Vec<Ended<'_>> =
        ended.iter().map(|(arrival, bound, settlement)| Ended { arrival, bound: *bound, settlement }).collect();
    let mut transaction: Transaction<'_> = rows.transaction();
    let whole = async {
        let mut taken = Taken::lock(&mut transaction, &owners, true).await?;
        taken.make(&mut transaction, &limits, now).await?;
        taken.settle(&mut transaction, &ended).await?;
        let mut refused = Vec::new();
        for asked in asked {
            let arrival = Arc::new(Arrival { at: now, ..Arrival::clone(&asked.arrival) });
            let asked = Asked { arrival: Arc::clone(&arrival), bound: asked.bound, limits: Arc::clone(&asked.limits) };
            match taken.admit(&mut transaction, &asked, node).await? {
                Ok(()) => admitted.push((arrival, asked.bound)),
                Err(NotAdmitted::Short { short, .. }) => refused.push((short, transaction.done.len())),
                Err(NotAdmitted::NotLoaded(limits)) => panic!("every meter was made: {limits:?}"),
            }
        }
        taken.put_back(&mut transaction, Some(now)).await?;
        Ok::<_, crate::store::StoreError>(refused)
    };
    let refused = whole.now_or_never().expect("nothing waits").map_err(|error| error.to_string())?;
    let done = transaction.done;
    if !unlocked && ended.is_empty() && admitted.is_empty() {
        for (short, _) in refused {
            count.justified(&short.limit, short.requested, now)?;
        }
    }
    Ok(done)
}
