//! How the browser asks the server functions that pages are read from: one piece of code for all of them.

use super::early;
use super::{Answer, Wire};
use crate::console::form::post;
use crate::console::ui::browser::painted;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::server_fn::client::Client;
use leptos::server_fn::codec::{Json, PostUrl};
use leptos::server_fn::redirect::call_redirect_hook;
use leptos::server_fn::server::Server;
use leptos::server_fn::{Http, Protocol};
use send_wrapper::SendWrapper;
use serde::Serialize;

/// The protocol of server functions that answer with a [`Wire`] and change nothing: on the server as if there were no such
/// word. In the browser server_fn would bring its whole client again for each of them.
pub struct Reading;

type Usual = Http<PostUrl, Json>;

impl<I, C, S> Protocol<I, Wire, C, S, Problem> for Reading
where
    I: Serialize + Send,
    C: Client<Problem>,
    S: Server<Problem>,
    Usual: Protocol<I, Wire, C, S, Problem>,
{
    const METHOD: http::Method = <Usual as Protocol<I, Wire, C, S, Problem>>::METHOD;

    async fn run_server<F, Fut>(request: S::Request, read: F) -> Result<S::Response, Problem>
    where
        F: Fn(I) -> Fut + Send,
        Fut: Future<Output = Answer> + Send,
    {
        <Usual as Protocol<I, Wire, C, S, Problem>>::run_server(request, read).await
    }

    async fn run_client(path: &str, asked: I) -> Answer {
        read(path, body(&asked)).await
    }
}

/// What a server function is asked, as it travels.
pub(super) fn body(asked: &impl Serialize) -> String {
    // Texts, and structs of texts, which can always be written.
    serde_qs::to_string(asked).unwrap_or_default()
}

/// The answer that was asked for early, or that of now.
async fn read(path: &str, body: String) -> Answer {
    if let Some(early) = early::take(path, &body) {
        let answer = early.answer.await;
        if early.is_below {
            painted().await;
        }
        match answer {
            Ok(Err(problem)) if matches!(problem.kind, ProblemKind::Unavailable | ProblemKind::Internal) => {}
            Ok(answer) => return answer,
            Err(_) => {}
        }
    }
    // Never asked for early, or something went wrong that may have been of the moment.
    let (answer, leads_to) = fetch(path, &body).await;
    if answer.is_ok()
        && let Some(place) = leads_to
    {
        call_redirect_hook(&place);
    }
    answer
}

/// The answer, and where it leads, if it leads anywhere.
pub(super) async fn fetch(path: &str, body: &str) -> (Answer, Option<String>) {
    let post::Answer { outcome, leads_to } = SendWrapper::new(post::send(path, body)).await;
    let unread = |_| Problem::new(ProblemKind::Internal, "The answer could not be read. Reload the page.");
    (outcome.and_then(|text| serde_json::from_str(&text).map_err(unread)), leads_to)
}
