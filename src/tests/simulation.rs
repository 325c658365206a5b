//! A deterministic simulation of the books: processes, their store, clients, and everything that can go wrong between
//! them, from one seed. The decisions are the product's own ([`crate::gateway::decide`], [`crate::domain::ledger`]);
//! only the store and the network are modelled. After every step an independent count must agree.
//!
//! A failing seed is printed. `TOLLGATE_SIMULATION_SEED=<seed>` replays it alone; `TOLLGATE_TEST_LONG=1` runs ten
//! million steps.

mod alone;
mod calls;
mod chance;
mod count;
mod shelf;
mod transaction;
mod world;

use world::{Faults, World};

const STEPS: u64 = 10_000;
const SEEDS: u64 = 200;

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("TOLLGATE_SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None if std::env::var_os("TOLLGATE_TEST_LONG").is_some() => 0..1_000,
        None => 0..SEEDS,
    }
}

/// Runs every seed, half of them on each of two threads; the first seed that fails, if any does.
fn first_failure(run: impl Fn(u64) -> Result<(), String> + Sync) -> Option<(u64, String)> {
    std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let run = &run;
            scope.spawn(move || {
                let mut mine = seeds().filter(|seed| seed % 2 == half);
                mine.find_map(|seed| run(seed).err().map(|failure| (seed, failure)))
            })
        });
        halves.into_iter().find_map(|half| half.join().expect("no panic"))
    })
}

fn sound(failure: Option<(u64, String)>) {
    if let Some((seed, failure)) = failure {
        panic!("TOLLGATE_SIMULATION_SEED={seed}: {failure}");
    }
}

#[test]
fn three_processes_on_one_store_never_overspend_nor_lose_a_call() {
    sound(first_failure(|seed| {
        let seen = World::new(seed, 3, Faults::default()).run(STEPS)?;
        // A run in which little happened would prove little.
        let eventful =
            seen.admitted > 200 && seen.refused > 200 && seen.buried > 5 && seen.fenced > 0 && seen.unheard > 5;
        if eventful { Ok(()) } else { Err(format!("too little happened: {seen:?}")) }
    }));
}

#[test]
fn one_process_with_its_meters_in_memory_never_overspends_nor_loses_a_call() {
    sound(first_failure(|seed| alone::run(seed, STEPS)));
}

#[test]
fn without_the_lock_the_simulation_fails() {
    let faults = Faults { unlocked: true, ..Faults::default() };
    let failure = (0..20).find_map(|seed| World::new(seed, 3, faults).run(STEPS).err());
    assert!(failure.is_some(), "meters moved without a lock went unnoticed");
}

#[test]
fn without_the_fence_the_simulation_fails() {
    let faults = Faults { unfenced: true, ..Faults::default() };
    let failure = (0..20).find_map(|seed| World::new(seed, 3, faults).run(STEPS).err());
    assert!(failure.is_some(), "a process that was declared dead wrote down calls unnoticed");
}
