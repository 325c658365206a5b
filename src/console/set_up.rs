//! Set up: the first admin, by the link that the server prints when it starts.

use super::data::{Reading, Wire, shown, use_data};
use super::form::{PostForm, use_form};
use super::sign_in::{Entry, OtherProblem, Threshold, fetch_threshold};
use super::ui::browser;
use super::ui::drawn::effect;
use super::ui::field::{Submit, TextField};
use crate::domain::problem::Problem;
use leptos::html;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// Whether a set-up link is still good. Whoever is signed in needs none, and is sent on.
#[server(prefix = "/fn", endpoint = "set-up-link", protocol = Reading)]
pub async fn fetch_link(#[server(default)] token: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await;
    if account.is_ok() {
        leptos_axum::redirect("/");
    }
    let is_good = expect_context::<crate::gateway::Gateway>().setup_token_is_good(&token).await?;
    Ok(Wire::of(&is_good))
}

/// Makes the first admin and signs them in. The browser's time zone, where it told one, becomes theirs.
#[server(prefix = "/fn", endpoint = "set-up")]
pub async fn set_up(
    token: String,
    email: String,
    #[server(default)] name: String,
    password: String,
    #[server(default)] timezone: String,
) -> Result<(), Problem> {
    use crate::auth;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let session = auth::this_session()?;
    let account = auth::password::set_up(&gateway, &session, &token, &email, &name, &password).await?;
    // UTC stays where the browser's zone is not one of ours: nothing to trouble the first admin with.
    if !timezone.is_empty() && gateway.set_timezone(&account, &timezone).await.is_err() {
        tracing::info!(timezone, "the browser's time zone is not known here");
    }
    leptos_axum::redirect("/");
    Ok(())
}

#[component]
pub fn SetUp() -> impl IntoView {
    let form = use_form::<SetUp>();
    let query = use_query_map();
    let token = move || query.read().get("token").unwrap_or_default();
    let link = use_data::<bool, _>(token, move || fetch_link(untrack(token)));
    let threshold = use_data::<Threshold, _>(String::new, || fetch_threshold(String::new()));
    let zone = NodeRef::<html::Input>::new();
    effect(move || {
        if let Some(zone) = zone.get() {
            zone.set_value(&browser_zone());
        }
    });
    let blank = move || {
        view! {
            <PostForm form=form.state class="entry__form">
                <h1>"The first admin"</h1>
                <input type="hidden" name="token" value=untrack(token)/>
                <input type="hidden" name="timezone" node_ref=zone/>
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
                    field="name"
                    label="Name"
                    hint=|| "As others here are to see you. Blank takes it from the email."
                    autocomplete="name"
                    tall=true
                />
                <TextField
                    form=form.state
                    field="password"
                    label="Password"
                    hint=|| "10 characters or more; a short sentence is good."
                    kind="password"
                    autocomplete="new-password"
                    required=true
                    tall=true
                />
                <OtherProblem form=form.state/>
                <Submit form=form.state class="button--tall button--wide">"Create the account"</Submit>
            </PostForm>
        }
    };
    view! {
        <Title text="Set up"/>
        <Entry threshold>
            {shown(link, move |link| {
                Ok(match link {
                    Ok(true) => blank().into_any(),
                    Ok(false) => void().into_any(),
                    Err(problem) => view! {
                        <div class="entry__form">
                            <h1>"Not now"</h1>
                            <p class="notice notice--blocks" role="alert">{problem.message}</p>
                        </div>
                    }
                    .into_any(),
                })
            })}
        </Entry>
    }
}

/// A link that opens nothing, and where to find one that does.
fn void() -> impl IntoView {
    view! {
        <div class="entry__form">
            <h1>"This set-up link is void"</h1>
            <p>
                "It was used, or a later start of the server replaced it. If you have an account, sign in. If nobody "
                "has one yet, restart the server: it prints a new link when it is ready."
            </p>
            <a class="button button--primary button--tall button--wide" href="/sign-in">"Sign in"</a>
        </div>
    }
}

/// The zone that the browser's clock shows, such as `Europe/Berlin`.
fn browser_zone() -> String {
    let intl = browser::get(&window(), "Intl");
    let format = browser::call(&intl, "DateTimeFormat", &[]);
    let options = browser::call(&format, "resolvedOptions", &[]);
    browser::get(&options, "timeZone").as_string().unwrap_or_default()
}
