//! Playground: try a model as one of your keys. The call is a real one: the key's limits bound it, its budget pays.

mod stream;
pub mod told;

use super::data::{Reading, Wire, shown, use_data};
use super::form::{FormState, post, use_form};
use super::ui::drawn::{Views, drawn, effect, memo};
use super::ui::field::{SelectField, TextArea, TextField};
use super::ui::notice::{Empty, FormProblem, Notice};
use super::ui::place::Place;
use super::ui::sheet::{Sheet, Statement};
use super::ui::status::{LiveSign, Sign, Status};
use super::ui::trace::Trace;
use super::unread::unread;
use crate::domain::problem::Problem;
use leptos::ev::{Event, SubmitEvent};
use leptos::prelude::*;
use leptos::web_sys::HtmlSelectElement;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use told::{PlayChoices, PlayDraft, Played, Receipt};

/// What there is to choose from, as [`PlayChoices`].
#[server(prefix = "/fn", endpoint = "play-choices", protocol = Reading)]
pub async fn fetch_play_choices(
    #[server(default)] key: String,
    #[server(default)] model: String,
) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::playground::choices(&gateway, &account, &key, &model).await?))
}

/// What a call came to, as an optional [`Receipt`].
#[server(prefix = "/fn", endpoint = "receipt", protocol = Reading)]
pub async fn fetch_receipt(id: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::playground::receipt(&gateway, &account, id).await?))
}

/// The call in one piece: what the form does without JavaScript.
#[server(prefix = "/fn", endpoint = "play")]
pub async fn play(
    #[server(default)] key: String,
    #[server(default)] model: String,
    #[server(default)] system: String,
    #[server(default)] message: String,
    #[server(default)] max_tokens: String,
    #[server(default)] temperature: String,
) -> Result<Played, Problem> {
    let account = crate::auth::signed_in().await?;
    let back = Place::new("/playground").with("key", key.as_str()).with("model", model.as_str()).href();
    leptos_axum::redirect(&back);
    let draft = PlayDraft { key, model, system, message, max_tokens, temperature };
    expect_context::<told::Player>().play(account, draft).await
}

/// An answer on the page, as far as it has come.
#[derive(Clone, Copy)]
struct Stage {
    answer: RwSignal<String>,
    thought: RwSignal<String>,
    problem: RwSignal<String>,
    /// The call that is over.
    over: RwSignal<String>,
    is_running: RwSignal<bool>,
}

impl Stage {
    fn of(played: Option<&Played>) -> Self {
        let text = |of: fn(&Played) -> &String| RwSignal::new(played.map(of).cloned().unwrap_or_default());
        Self {
            answer: text(|played| &played.answer),
            thought: text(|played| &played.thought),
            problem: text(|played| &played.problem),
            over: RwSignal::new(String::new()),
            is_running: RwSignal::new(false),
        }
    }

    /// Sends the form, and shows what comes as it comes.
    async fn play(self, body: String) {
        for text in [self.answer, self.thought, self.problem, self.over] {
            text.set(String::new());
        }
        self.is_running.set(true);
        let begun = stream::begin(&body).await;
        // The page may be gone by now.
        _ = self.problem.try_set(begun.problem);
        if let Some(reader) = begun.reader {
            let mut come = Vec::new();
            while let Some(bytes) = stream::next(&reader).await {
                come.extend(bytes);
                for piece in stream::events(&mut come) {
                    _ = self.answer.try_update(|text| text.push_str(&piece.answer));
                    _ = self.thought.try_update(|text| text.push_str(&piece.thought));
                    _ = self.problem.try_update(|text| text.push_str(&piece.problem));
                }
            }
        }
        _ = self.is_running.try_set(false);
        _ = self.over.try_set(begun.id);
    }
}

/// The page.
#[component]
pub fn Playground() -> impl IntoView {
    let form = use_form::<Play>();
    let played = form.outcome();
    let stage = Stage::of(played.as_ref());
    let first = StoredValue::new(played.as_ref().and_then(Played::receipt));
    let written = StoredValue::new(played.map(|played| played.asked).unwrap_or_default());
    let asked = memo(|| {
        let place = Place::here();
        let read = |name: &str| place.get(name).unwrap_or_default().to_owned();
        (read("key"), read("model"))
    });
    // Read once: a key that is used is a key that has changed, and a form that is drawn again loses what is written in it.
    let choices = use_data::<PlayChoices, _>(String::new, move || {
        let (key, model) = asked.get_untracked();
        fetch_play_choices(key, model)
    });
    let receipt = use_data::<Option<Receipt>, _>(
        move || stage.over.get(),
        move || {
            let id = stage.over.get_untracked();
            async move { if id.is_empty() { Ok(Wire::nothing()) } else { fetch_receipt(id).await } }
        },
    );
    effect(|| on_cleanup(stream::stop));
    let lede = || "Try a model as one of your tokens. It is a real call: the token’s limits bound it, and its budget pays for it.";
    view! {
        <Sheet title="Playground" crumb=("/models", "Models") lede=lede>
            <div class="play">
                <div>
                    {shown(choices, move |choices| Ok(match choices {
                        Ok(choices) if choices.keys.is_empty() => none(),
                        Ok(choices) => view! { <PlayForm choices stage written=written.get_value() form=form.state/> }.into_any(),
                        Err(problem) => unread(problem),
                    }))}
                </div>
                <div class="play__answer">
                    <Answer stage/>
                    {shown(receipt, move |found| Ok(match found {
                        Ok(Some(receipt)) => told(receipt),
                        // What the form without JavaScript brought, until another call is made.
                        Ok(None) if !stage.is_running.get_untracked() && stage.over.read_untracked().is_empty() => {
                            first.get_value().map(told).into_any()
                        }
                        Ok(None) => ().into_any(),
                        Err(problem) => unread(problem),
                    }))}
                </div>
            </div>
        </Sheet>
    }
}

fn none() -> AnyView {
    let text = || "A call is made as a token, which says what it may call and pays for it.";
    view! {
        <Empty title="You have no token in use" text=text>
            <a class="button button--primary" href="/tokens?new=1">"New token"</a>
        </Empty>
    }
    .into_any()
}

#[component]
fn PlayForm(choices: PlayChoices, stage: Stage, written: PlayDraft, form: FormState) -> impl IntoView {
    let go = use_navigate();
    // Whom and what it is tried as stays in the address.
    let chosen = move |event: Event| {
        let field = event_target::<HtmlSelectElement>(&event);
        let name = field.name();
        if name == "key" || name == "model" {
            let href = Place::now().with(&name, field.value()).href();
            go(&href, NavigateOptions { scroll: false, replace: true, ..Default::default() });
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if stage.is_running.get_untracked() {
            return;
        }
        form.forget();
        leptos::task::spawn_local(stage.play(post::body(&event)));
    };
    let here = Place::now();
    let asked = |name: &str| here.get(name).unwrap_or_default().to_owned();
    let (key, model) = (asked("key"), asked("model"));
    let models = choices.models.into_iter().map(|name| (name.clone(), name)).collect();
    let send = move || {
        view! {
            <button class="button button--primary" aria-disabled=move || stage.is_running.get().then_some("true")>"Send"</button>
            {drawn(move || stage.is_running.get().then(|| view! {
                <button class="button" type="button" on:click=|_| stream::stop()>"Stop"</button>
            }))}
        }
    };
    view! {
        <form class="play__form" method="post" action=form.path() on:submit=submit on:change=chosen>
            <FormProblem form/>
            <div class="play__pair">
                <SelectField form field="key" label="Token" options=choices.keys value=key/>
                <SelectField form field="model" label="Model" options=models value=model/>
            </div>
            <TextArea form field="system" label="System" rows=2 value=written.system placeholder="nothing".to_owned()/>
            <TextArea form field="message" label="Message" rows=6 value=written.message/>
            <div class="play__pair">
                <TextField form field="max_tokens" label="Most output" unit="tokens" value=written.max_tokens placeholder="the model’s own" inputmode="numeric" number=true/>
                <TextField form field="temperature" label="Temperature" value=written.temperature placeholder="the model’s own" inputmode="decimal" number=true/>
            </div>
            <p class="play__send">{send()} <span class="muted">"Spends the token’s budget."</span></p>
        </form>
    }
}

/// What has come so far.
#[component]
fn Answer(stage: Stage) -> impl IntoView {
    let Stage { answer, thought, problem, is_running, .. } = stage;
    let words = drawn(move || match (answer.read().is_empty(), is_running.get()) {
        (true, false) if problem.read().is_empty() => {
            view! { <p class="muted">"The answer comes here as it is written, then what it cost."</p> }.into_any()
        }
        (true, _) => ().into_any(),
        (false, _) => view! { <p class="play__words">{answer.get()}</p> }.into_any(),
    });
    let note = move || {
        let sign = drawn(move || is_running.get().then(|| view! { <LiveSign waiting=true>"Answering…"</LiveSign> }));
        view! { <span role="status">{sign}</span> }
    };
    view! {
        <Statement title="Answer" id="h-answer" note=note>
            {drawn(move || (!thought.read().is_empty()).then(|| view! {
                <details class="play__thought"><summary>"Its reasoning"</summary><p class="play__words">{thought.get()}</p></details>
            }))}
            {words}
            {drawn(move || (!problem.read().is_empty()).then(|| view! {
                <div role="alert"><Notice sign=Sign::Blocks>{problem.get()}</Notice></div>
            }))}
        </Statement>
    }
}

/// What it came to, and of a refused call every limit that it met.
fn told(receipt: Receipt) -> AnyView {
    let Receipt { href, key_name, sign, says, basis, figures, gates, .. } = receipt;
    let facts = figures.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> }).views();
    let basis = (!basis.is_empty()).then(|| view! { <p class="play__basis muted">{basis}</p> });
    let gates = (!gates.is_empty()).then(|| view! { <Trace gates/> });
    let note = move || view! { <a href=href.clone()>"In the logs"</a> };
    view! {
        <Statement title="What it came to" id="h-receipt" note>
            <p class="play__says"><Status sign>{says}</Status> <span class="muted">"as " {key_name}</span></p>
            <dl class="facts">{facts}</dl>
            {basis}
            {gates}
        </Statement>
    }
    .into_any()
}
