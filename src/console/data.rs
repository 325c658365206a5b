//! What pages show: read through one door as JSON, so that the browser carries the machinery of reading once and not
//! once a page (measured: a third of the WASM was that machinery, again for each type).

use crate::domain::problem::{Problem, ProblemKind};
use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use std::pin::Pin;

/// A value on its way to a page, as JSON. Each server function that answers with one says what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wire(String);

impl Wire {
    /// What pages are shown always can be written: its maps have text keys and its numbers are whole.
    pub fn of<T: Serialize>(value: &T) -> Self {
        Self(serde_json::to_string(value).expect("what pages are shown is plain data"))
    }

    /// What an optional value holds when it is not there.
    pub fn nothing() -> Self {
        Self("null".to_owned())
    }

    /// # Errors
    /// Where it holds something else: the server has been updated under an open page.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let changed = |_| Problem::new(ProblemKind::Internal, "Tollgate was updated. Reload the page.");
        serde_json::from_str(&self.0).map_err(changed)
    }
}

type Answer = Result<Wire, Problem>;
type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a page shows, of type `T`.
pub struct Data<T> {
    answer: Resource<Answer>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Data<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Data<T> {}

/// Reads what a page shows, and again whenever `asked` gives another text.
pub fn use_data<T, F>(
    asked: impl Fn() -> String + Send + Sync + 'static,
    fetch: impl Fn() -> F + Send + Sync + 'static,
) -> Data<T>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let answer = resource(Box::new(asked), Box::new(move || Box::pin(fetch())));
    Data { answer, of: PhantomData }
}

/// The part that is the same for every page.
fn resource(
    asked: Box<dyn Fn() -> String + Send + Sync>,
    fetch: Box<dyn Fn() -> Answering + Send + Sync>,
) -> Resource<Answer> {
    Resource::new(asked, move |_| fetch())
}

impl<T: DeserializeOwned> Data<T> {
    /// What is there so far. Reactive.
    pub fn get(self) -> Option<Result<T, Problem>> {
        self.answer.with(|answer| answer.as_ref().map(|answer| answer.as_ref().map_err(Clone::clone)?.read()))
    }

    /// What is there so far, if it is not a problem. Reactive.
    pub fn found(self) -> Option<T> {
        self.get()?.ok()
    }
}

/// Waits for it, under a `<Suspense>` or `<Transition>`.
impl<T: DeserializeOwned> IntoFuture for Data<T> {
    type Output = Result<T, Problem>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let answer = self.answer;
        Box::pin(async move { answer.await?.read() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_anything_else_is_a_problem() {
        let wire = Wire::of(&vec![1, 2]);
        assert_eq!(wire.read::<Vec<u8>>(), Ok(vec![1, 2]));
        assert_eq!(wire.read::<String>().map_err(|problem| problem.kind), Err(ProblemKind::Internal));
    }
}
