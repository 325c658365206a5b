//! What stands in a page's place for what could not be read: why, and what one can do.

use crate::console::ui::notice::Notice;
use crate::console::ui::place::Place;
use crate::console::ui::status::Sign;
use crate::console::{RequestId, set_status};
use crate::domain::problem::{Problem, ProblemKind};
use leptos::prelude::*;

/// The problem in place of a list. The rest of the page stays, so that a filter can be put right.
///
/// There is no error boundary: one hears of a problem only on the thread that it began on, and a page that waits may go
/// on on another.
pub fn unread(problem: Problem) -> AnyView {
    let status = match problem.kind {
        ProblemKind::Invalid | ProblemKind::UnknownField => 400,
        ProblemKind::Forbidden | ProblemKind::AdminLocked => 403,
        ProblemKind::NotFound => 404,
        ProblemKind::Unavailable => 503,
        // Whoever is signed out is on the way to sign in, which a status of its own would stop.
        ProblemKind::SignedOut => 200,
        _ => 500,
    };
    if status != 200 {
        set_status(status);
    }
    let request =
        use_context::<RequestId>().map(|RequestId(id)| view! { " Request " <code>{id}</code> "." }.into_any());
    let again = (status >= 500).then(|| {
        let here = untrack(Place::here).href();
        view! { " " <a href=here rel="external">"Try again"</a> }.into_any()
    });
    view! {
        <div role="alert">
            <Notice sign=Sign::Blocks>{problem.message} {request} {again}</Notice>
        </div>
    }
    .into_any()
}
