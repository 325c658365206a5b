//! What pages show: read through one door and packed small, so that the browser carries the machinery of reading once and not
//! once a page (measured: a third of the WASM was that machinery, again for each type).

pub mod early;
mod pack;
mod read;
mod unpack;

use super::ui::browser::painted;
use super::ui::later::is_hydrating;
use super::unread::unread;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::prelude::*;
pub use read::Reading;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;

/// A value on its way to a page, to be read as the very type it was of. Each server function that answers with one says what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wire(String);

impl Wire {
    /// What pages are shown always can be written: it has no maps, and its numbers are whole.
    pub fn of<T: Serialize>(value: &T) -> Self {
        let mut writer = pack::Writer::default();
        value.serialize(&mut writer).expect("what pages are shown is plain data");
        Self(writer.text)
    }

    /// What an optional value holds when it is not there.
    pub fn nothing() -> Self {
        Self("0;".to_owned())
    }

    /// # Errors
    /// Where it holds something else: the server has been updated under an open page.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let mut reader = unpack::Reader::new(&self.0);
        let value = T::deserialize(&mut reader);
        let changed = |_| Problem::new(ProblemKind::Internal, "Tollgate was updated. Reload the page.");
        value.and_then(|value| reader.end().map(|()| value)).map_err(changed)
    }
}

pub type Answer = Result<Wire, Problem>;
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

/// As [`use_data`], for what is below what `first` brings: where the browser makes the page itself, it is asked for, the first
/// time, once that is painted.
pub fn use_data_after<T, U: 'static, F>(
    first: Data<U>,
    asked: impl Fn() -> String + Send + Sync + 'static,
    fetch: impl Fn() -> F + Send + Sync + 'static,
) -> Data<T>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let waits = StoredValue::new(!is_server() && !is_hydrating());
    use_data(asked, move || {
        let waits = waits.try_update_value(std::mem::take).unwrap_or_default();
        let fetched = fetch();
        async move {
            if waits {
                _ = await_untracked(first.answer).await;
                painted().await;
            }
            fetched.await
        }
    })
}

/// The answer, whose changes do not count.
async fn await_untracked(answer: Resource<Answer>) -> Answer {
    let mut answer = pin!(async move { answer.await });
    poll_fn(|task| untrack(|| answer.as_mut().poll(task))).await
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

/// What is drawn, or a problem, which then stands in its place.
pub type Drawn = Result<AnyView, Problem>;

type Draw = Arc<dyn Fn(Answer, Answer) -> Drawn + Send + Sync>;

/// Draws what was read, and again whenever it has been read anew; what was drawn stays until then.
pub fn shown<T: DeserializeOwned + 'static>(
    data: Data<T>,
    draw: impl Fn(Result<T, Problem>) -> Drawn + Send + Sync + 'static,
) -> AnyView {
    shown_for(|| (), data, draw)
}

/// As [`shown`], and drawn again also when what `reads` reads has changed.
pub fn shown_for<T: DeserializeOwned + 'static>(
    reads: impl Fn() + Send + Sync + 'static,
    data: Data<T>,
    draw: impl Fn(Result<T, Problem>) -> Drawn + Send + Sync + 'static,
) -> AnyView {
    transition(Box::new(reads), data.answer, None, Arc::new(move |answer, _| draw(read(answer))))
}

/// As [`shown_for`], of two.
pub fn both_shown_for<T: DeserializeOwned + 'static, U: DeserializeOwned + 'static>(
    reads: impl Fn() + Send + Sync + 'static,
    data: Data<T>,
    other: Data<U>,
    draw: impl Fn(Result<T, Problem>, Result<U, Problem>) -> Drawn + Send + Sync + 'static,
) -> AnyView {
    let draw: Draw = Arc::new(move |answer, other| draw(read(answer), read(other)));
    transition(Box::new(reads), data.answer, Some((other.answer, true)), draw)
}

/// As [`shown`], with what `other` then is; not drawn again when only that has changed.
pub fn shown_beside<T: DeserializeOwned + 'static, U: DeserializeOwned + 'static>(
    other: Data<U>,
    data: Data<T>,
    draw: impl Fn(Result<T, Problem>, Result<U, Problem>) -> Drawn + Send + Sync + 'static,
) -> AnyView {
    let draw: Draw = Arc::new(move |answer, other| draw(read(answer), read(other)));
    transition(Box::new(|| ()), data.answer, Some((other.answer, false)), draw)
}

fn read<T: DeserializeOwned>(answer: Answer) -> Result<T, Problem> {
    answer?.read()
}

/// The one `<Transition>` of the console: each of its own would be ten kilobytes of WASM.
fn transition(
    reads: Box<dyn Fn() + Send + Sync>,
    one: Resource<Answer>,
    // And whether its changes count.
    other: Option<(Resource<Answer>, bool)>,
    draw: Draw,
) -> AnyView {
    view! {
        <Transition>
            {move || {
                reads();
                let draw = Arc::clone(&draw);
                Suspend::new(async move {
                    let one = one.await;
                    let other = match other {
                        Some((other, true)) => other.await,
                        Some((other, false)) => await_untracked(other).await,
                        None => Ok(Wire::nothing()),
                    };
                    draw(one, other).unwrap_or_else(unread)
                })
            }}
        </Transition>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_anything_else_is_a_problem() {
        let wire = Wire::of(&vec![1, 2]);
        assert_eq!(wire.read::<Vec<u8>>(), Ok(vec![1, 2]));
        assert_eq!(wire.read::<String>().map_err(|problem| problem.kind), Err(ProblemKind::Internal));
        assert_eq!(Wire::nothing().read::<Option<String>>(), Ok(None));
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Side {
        Left,
        Right { by: i64, of: Option<u8> },
        Both(Vec<(String, bool)>),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Sides {
        name: String,
        sides: [Side; 3],
        #[serde(skip)]
        hidden: u8,
        cost: crate::domain::credits::Credits,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Later {
        named: String,
        sides: [Side; 3],
        cost: crate::domain::credits::Credits,
    }

    #[test]
    fn all_kinds_of_values_travel_and_another_version_is_noticed() {
        let both = Side::Both(vec![("é;3;".into(), true), (String::new(), false)]);
        let sides = Sides {
            name: "3;“x”".into(),
            sides: [Side::Left, Side::Right { by: i64::MIN, of: Some(7) }, both],
            hidden: 0,
            cost: crate::domain::credits::Credits::from_nanos(-5),
        };
        let wire = Wire::of(&Some(sides.clone()));
        assert_eq!(wire.read::<Option<Sides>>(), Ok(Some(sides)));
        assert_eq!(wire.read::<Option<Later>>().map_err(|problem| problem.kind), Err(ProblemKind::Internal));
    }
}
