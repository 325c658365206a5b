//! Callers who call all the time: streams and whole answers, patient clients and some that hang up.

use super::calling::{Answer, Stream};
use super::chance::Chance;
use super::running::{Key, Process};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tollgate::store::Store;

/// A call as its caller saw it.
#[derive(Debug)]
pub struct Made {
    pub began: Instant,
    pub took: Duration,
    /// Words asked for: what a whole answer holds and costs.
    pub words: u64,
    /// `None` where no answer began.
    pub answer: Option<Answer>,
}

impl Made {
    pub fn is_complete(&self) -> bool {
        self.answer.as_ref().is_some_and(Answer::is_complete)
    }

    pub fn status(&self) -> Option<u16> {
        Some(self.answer.as_ref()?.status)
    }
}

/// Callers at work. They end with it.
pub struct Load {
    stop: Arc<AtomicBool>,
    made: Arc<Mutex<Vec<Made>>>,
    callers: JoinSet<()>,
}

impl Load {
    /// So many callers on these processes and these keys.
    pub fn start(callers: usize, processes: &[Process], keys: &[&Key], chance: &mut Chance) -> Self {
        let load = Self { stop: Arc::default(), made: Arc::default(), callers: JoinSet::new() };
        let addresses: Arc<[SocketAddr]> = processes.iter().map(|process| process.address).collect();
        let secrets: Arc<[String]> = keys.iter().map(|key| key.secret.clone()).collect();
        let mut load = load;
        for _ in 0..callers {
            let caller = Caller {
                addresses: Arc::clone(&addresses),
                secrets: Arc::clone(&secrets),
                stop: Arc::clone(&load.stop),
                made: Arc::clone(&load.made),
                chance: chance.split(),
            };
            load.callers.spawn(caller.call());
        }
        load
    }

    /// Lets every caller finish its call, and gives what they saw.
    pub async fn stop(mut self) -> Vec<Made> {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.callers.join_next().await {
            ended.expect("a caller");
        }
        std::mem::take(&mut self.made.lock().expect("whole"))
    }
}

struct Caller {
    addresses: Arc<[SocketAddr]>,
    secrets: Arc<[String]>,
    stop: Arc<AtomicBool>,
    made: Arc<Mutex<Vec<Made>>>,
    chance: Chance,
}

impl Caller {
    async fn call(mut self) {
        while !self.stop.load(Ordering::SeqCst) {
            let made = self.once().await;
            if made.status() != Some(200) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.made.lock().expect("whole").push(made);
        }
    }

    async fn once(&mut self) -> Made {
        let chance = &mut self.chance;
        let address = self.addresses[chance.draw() as usize % self.addresses.len()];
        let secret = self.secrets[chance.draw() as usize % self.secrets.len()].clone();
        let (words, streamed) = (chance.between(1, 20), chance.draw().is_multiple_of(2));
        let delay = Duration::from_millis(chance.between(0, 10) * if streamed { 1 } else { 5 });
        let hangs_up = chance.draw().is_multiple_of(16);
        let body: Value = json!({ "model": "tollgate/fill", "stream": streamed, "max_tokens": words, "messages": [] });
        let began = Instant::now();
        let answer = match Stream::begin(address, &secret, &body, delay).await {
            Some(mut stream) if hangs_up => {
                stream.next().await;
                None
            }
            Some(stream) => Some(stream.rest().await),
            None => None,
        };
        Made { began, took: began.elapsed(), words, answer }
    }
}

/// Every answer that a caller has whole is in the log, as it was and for what it costs.
pub async fn assert_logged(store: &Store, made: &[Made]) {
    for call in made.iter().filter(|call| call.is_complete()) {
        let id = call.answer.as_ref().map(|answer| answer.request_id.as_str()).unwrap_or_default();
        let row = store.call(&id.into()).await.expect("the store");
        let row = row.unwrap_or_else(|| panic!("{call:?} is not in the log"));
        let (words, cost) = (call.words, call.words as i64 * 2_000);
        let logged = (row.status, row.usage.output, row.cost.nanos());
        assert_eq!(logged, (200, words, cost), "{call:?} is logged as {row:?}");
    }
}
