//! Sign in: an email and a password, with or without JavaScript; never says whether there is such an account.

use super::data::{Data, Reading, Wire, shown, use_data};
use super::form::{FormState, PostForm, use_form};
use super::ui::drawn::drawn;
use super::ui::field::{Submit, TextField};
use super::ui::frame::Brand;
use super::ui::notice::Notice;
use super::ui::status::Sign;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

/// What the way in shows before anyone is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Threshold {
    /// The host by which people reach this server, such as `gate.example.com`.
    host: String,
    version: String,
    /// Nobody may administer yet: the set-up link is still to be opened.
    is_new: bool,
}

/// Looks who is there: whoever is signed in already is sent on.
#[server(prefix = "/fn", endpoint = "threshold", protocol = Reading)]
pub async fn fetch_threshold(#[server(default)] next: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await;
    if account.is_ok() {
        leptos_axum::redirect(own_path(&next));
    }
    let gateway = expect_context::<crate::gateway::Gateway>();
    let origin = crate::page::origin();
    Ok(Wire::of(&Threshold {
        host: origin.split_once("://").map_or(origin.as_str(), |(_, host)| host).to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        is_new: !gateway.store().has_admin().await?,
    }))
}

/// Signs in, and goes on to where the reader wanted to be.
#[server(prefix = "/fn", endpoint = "sign-in")]
pub async fn sign_in(email: String, password: String, #[server(default)] next: String) -> Result<(), Problem> {
    use crate::auth::{password, this_session};
    use axum::extract::ConnectInfo;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    let gateway = expect_context::<crate::gateway::Gateway>();
    let parts = expect_context::<http::request::Parts>();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let ip = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    match password::sign_in(&gateway, &this_session()?, &email, &password, ip).await {
        Ok(_) => leptos_axum::redirect(own_path(&next)),
        // Whatever it was, it is said in one place.
        Err(problem) => return Err(Problem { kind: problem.kind, ..Problem::field("password", problem.message) }),
    }
    Ok(())
}

/// Ends this browser's session.
#[server(prefix = "/fn", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), Problem> {
    use crate::auth::{password, this_session};
    password::sign_out(&this_session()?).await?;
    leptos_axum::redirect("/sign-in");
    Ok(())
}

/// A path of this site, or its first page: a link must not be able to send whoever signs in elsewhere. Browsers read
/// `\` as `/` and leave out tabs and line breaks, so `/\example.com` would lead away as `//example.com` does.
pub fn own_path(next: &str) -> &str {
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if next.starts_with('/') && !next.starts_with("//") && is_plain { next } else { "/" }
}

#[component]
pub fn SignIn() -> impl IntoView {
    let form = use_form::<SignIn>();
    let query = use_query_map();
    let next = move || query.read().get("next").unwrap_or_default();
    let own_next = own_path(&untrack(next)).to_owned();
    let threshold = use_data::<Threshold, _>(next, move || fetch_threshold(untrack(next)));
    view! {
        <Title text="Sign in"/>
        <Entry threshold>
            <PostForm form=form.state class="entry__form">
                <h1>"Sign in"</h1>
                <FirstStart threshold/>
                <input type="hidden" name="next" value=own_next/>
                <TextField
                    form=form.state
                    field="email"
                    label="Email"
                    kind="email"
                    autocomplete="username"
                    required=true
                    autofocus=true
                    tall=true
                />
                <TextField
                    form=form.state
                    field="password"
                    label="Password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                    tall=true
                />
                <OtherProblem form=form.state/>
                <Submit form=form.state class="button--tall button--wide">"Sign in"</Submit>
            </PostForm>
        </Entry>
    }
}

/// What went wrong beside the fields, such as a server that did not answer.
#[component]
pub fn OtherProblem(form: FormState) -> impl IntoView {
    drawn(move || {
        form.problem().filter(|problem| problem.fields.is_empty()).map(|problem| {
            view! { <p class="notice notice--blocks" role="alert" tabindex="-1">{problem.message}</p> }
        })
    })
}

/// Where nobody can sign in yet: what to do first.
#[component]
fn FirstStart(threshold: Data<Threshold>) -> impl IntoView {
    shown(threshold, |threshold| {
        let notice = threshold.is_ok_and(|threshold| threshold.is_new).then(|| {
            view! {
                <Notice sign=Sign::Warns>
                    "Nobody has an account here yet. The server printed a set-up link when it started: open it to "
                    "become the first admin."
                </Notice>
            }
        });
        Ok(notice.into_any())
    })
}

/// The page on which one comes in: the promise at the left, a form at the right, the budget line under both.
#[component]
pub fn Entry(threshold: Data<Threshold>, children: Children) -> impl IntoView {
    view! {
        <div class="entry">
            <header><Brand/></header>
            <main class="entry__main" id="sheet">
                <p class="entry__promise">
                    <span>"No budget overspent. "</span>
                    <span>"No call lost from the books. "</span>
                    <span>"Every refusal says why."</span>
                </p>
                {children()}
            </main>
            <div>
                <div class="entry__line">
                    <svg class="budget__line" aria-hidden="true">
                        <line class="budget__track" x1="0" x2="100%" y1="18" y2="18"></line>
                        <rect class="budget__ink" y="11" width="64%" height="14"></rect>
                        <rect class="budget__held" x="64%" y="11.5" width="8%" height="13" fill="url(#held)"></rect>
                        <line class="budget__tick" x1="80%" x2="80%" y1="8" y2="28"></line>
                        <rect class="budget__post" x="100%" y="7" width="4" height="22"></rect>
                    </svg>
                </div>
                <footer class="entry__foot">
                    {shown(threshold, |threshold| {
                        Ok(threshold.ok().map(|threshold| view! {
                            <span>{threshold.host}</span>
                            <span>"Tollgate " {threshold.version}</span>
                        }).into_any())
                    })}
                </footer>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for path in ["/", "/logs?key=a%20b&model=tollgate/echo", "/tokens?new=1"] {
            assert_eq!(own_path(path), path);
        }
        for elsewhere in ["", "logs", "//example.com", "/\\example.com", "/\t/example.com", "https://example.com", "/é"]
        {
            assert_eq!(own_path(elsewhere), "/");
        }
    }
}
