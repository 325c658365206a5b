//! What a page shows, asked for before the page is there. At most one answer waits. For the browser.

use super::Answer;
use super::read::{body, fetch};
use futures::channel::oneshot::{Receiver, channel};
use leptos::server_fn::ServerFn;
use leptos::task::spawn_local;
use leptos::web_sys::js_sys::Date;
use serde::Serialize;
use std::cell::RefCell;

/// In milliseconds: what was asked for longer ago is asked for again. A press is seldom longer.
const FRESH_MS: f64 = 2_000.0;

/// What a server function is asked.
pub struct Asking {
    path: &'static str,
    body: String,
    is_below: bool,
}

impl Asking {
    /// For what is below a heading that does not wait for it: the heading is to be painted first, as what is below may be long.
    #[must_use]
    pub fn below(self) -> Self {
        Self { is_below: true, ..self }
    }
}

/// What was asked for early.
pub(super) struct Early {
    /// On its way, or here.
    pub answer: Receiver<Answer>,
    pub is_below: bool,
}

struct Pending {
    what: Asking,
    at: f64,
    answer: Receiver<Answer>,
}

thread_local! {
    /// A browser has one thread.
    static PENDING: RefCell<Option<Pending>> = const { RefCell::new(None) };
}

/// A server function's arguments, for [`ask`].
pub fn asking<F: ServerFn + Serialize>(asked: &F) -> Asking {
    Asking { path: F::PATH, body: body(asked), is_below: false }
}

/// Asks for what the next page shows.
pub fn ask(what: Asking) {
    let (tell, answer) = channel();
    let (path, body) = (what.path, what.body.clone());
    // Nobody waits for it where the link was not followed.
    spawn_local(async move { _ = tell.send(fetch(path, &body).await.0) });
    PENDING.set(Some(Pending { what, at: Date::now(), answer }));
}

/// Whatever was asked for may be another by now.
pub fn forget() {
    PENDING.set(None);
}

/// What was asked for, once, if it is this, and nothing is known to have changed since.
pub(super) fn take(path: &str, body: &str) -> Option<Early> {
    let is_it = |it: &mut Pending| it.what.path == path && it.what.body == body;
    let pending = PENDING.with_borrow_mut(|pending| pending.take_if(is_it))?;
    let Pending { what, at, answer } = pending;
    (Date::now() - at < FRESH_MS).then_some(Early { answer, is_below: what.is_below })
}
