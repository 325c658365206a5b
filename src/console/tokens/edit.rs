//! The form of a token, new or known: general, usage limits, access.

use super::ask::{Changed, fetch_dialog, nothing};
use super::fields::{FieldText, field, fields};
use crate::console::data::{shown, use_data};
use crate::console::form::{Form, FormState, PostForm};
use crate::console::ui::budget::{Budget, BudgetLine};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::drawn::Views;
use crate::console::ui::field::{FieldProblem, Input, Select, Submit, id_of};
use crate::console::ui::notice::FormProblem;
use crate::console::ui::tabs::{Panel, Panels};
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What is written in the fields of a token, as text; a blank limit is unlimited. What may be missing stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub name: String,
    pub account_id: Option<String>,
    /// Blank = in none.
    pub group_id: Option<String>,
    /// Blank = inherits.
    pub rule_id: Option<String>,
    pub status: Option<String>,
    pub expires_at: String,
    pub models: String,
    pub ip_allowlist: String,
    pub endpoints: String,
    pub cache_ttl_seconds: String,
    pub timezone: String,
    pub limits: WrittenLimits,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenLimits {
    pub rpm: String,
    pub tpm: String,
    pub rpd: String,
    pub token_quota: String,
    pub token_quota_reset: String,
    pub monthly_tokens: String,
    pub monthly_spend: String,
    pub credit_quota: String,
    pub max_tokens_per_request: String,
    pub max_cost_per_request: String,
}

/// Makes a token, or changes the one with this id; in force on the very next call.
#[server(prefix = "/fn", endpoint = "save-key")]
#[allow(clippy::too_many_arguments, reason = "each is a field of the form, by its name in the management API")]
pub async fn save_key(
    #[server(default)] id: String,
    #[server(default)] back: String,
    #[server(default)] name: String,
    #[server(default)] account_id: Option<String>,
    #[server(default)] group_id: Option<String>,
    #[server(default)] rule_id: Option<String>,
    #[server(default)] status: Option<String>,
    #[server(default)] expires_at: String,
    #[server(default)] models: String,
    #[server(default)] ip_allowlist: String,
    #[server(default)] endpoints: String,
    #[server(default)] cache_ttl_seconds: String,
    #[server(default)] timezone: String,
    #[server(default)] limits: WrittenLimits,
) -> Result<Changed, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::id::KeyId;
    use crate::page::keys;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let access = (models, ip_allowlist, endpoints);
    let written = Written {
        name,
        account_id,
        group_id,
        rule_id,
        status,
        expires_at,
        models: access.0,
        ip_allowlist: access.1,
        endpoints: access.2,
        cache_ttl_seconds,
        timezone,
        limits,
    };
    let known = if id.is_empty() { None } else { Some(gateway.key(&account, &KeyId::from(id)).await?) };
    let spec = keys::read(&account, known.as_ref(), &written, gateway.clock().now())?;
    if let Some(known) = known {
        let key = gateway.edit_key(&account, &known.id, spec).await?;
        leptos_axum::redirect(crate::console::sign_in::own_path(&back));
        return Ok(Changed::saying(format!("Key {} is changed, from its next call on.", key.name)));
    }
    let issued = gateway.create_key(&account, spec).await?;
    Ok(Changed::showing(&keys::acts::created(&gateway, &account, issued).await?))
}

/// What the form shows: its fields as they stand, and how the key's budgets do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    pub general: Vec<FieldText>,
    /// In the order of [`LIMITS`].
    pub limits: Vec<LimitText>,
    /// When the token quota starts again.
    pub reset: String,
    pub rule: FieldText,
    pub access: Vec<FieldText>,
    /// Its limits in words; empty for a new one.
    pub says: String,
    /// Every budget that its calls may meet.
    pub lines: Vec<Line>,
}

/// One limit, in the words of its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitText {
    pub label: String,
    pub unit: String,
    pub value: String,
    pub from: String,
    /// What it blocks with, and until when.
    pub then: String,
    /// Whether an admin holds the key to it.
    pub held: bool,
}

/// One budget, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub title: String,
    pub budget: Budget,
    /// What becomes of it.
    pub fate: (String, String),
}

/// The limits by their paths, part by part of the table.
pub const LIMITS: [&str; 9] = [
    "limits.rpm",
    "limits.tpm",
    "limits.rpd",
    "limits.monthly_spend",
    "limits.token_quota",
    "limits.monthly_tokens",
    "limits.credit_quota",
    "limits.max_tokens_per_request",
    "limits.max_cost_per_request",
];
/// The parts of the table, and how many limits are in each.
const PARTS: [(&str, usize); 3] = [("Rates", 3), ("Budgets", 4), ("One request", 2)];

#[component]
pub fn EditDialog(form: Form<SaveKey>, id: String, close: String) -> impl IntoView {
    let (title, verb) = if id.is_empty() { ("New token", "Create token") } else { ("Edit token", "Save") };
    let data = use_data::<Fields, _>(String::new, {
        let id = id.clone();
        move || fetch_dialog(String::new(), "edit".to_owned(), id.clone())
    });
    // Drawn when it is known what its fields hold, so that the first of them has the focus.
    shown(data, move |fields| {
        let (id, close) = (id.clone(), close.clone());
        Ok(match fields {
            Ok(fields) => form_dialog(form.state, title, verb, id, close, fields),
            Err(problem) => nothing(problem, close),
        })
    })
}

fn form_dialog(
    form: FormState,
    title: &'static str,
    verb: &'static str,
    id: String,
    close: String,
    fields: Fields,
) -> AnyView {
    let (back, cancel) = (close.clone(), close.clone());
    view! {
        <Dialog title=title lede=move || "Blank is unlimited. Changes act on the next call." close=close>
            <PostForm form=form class="dialog__form" novalidate=true>
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name="back" value=back/>
                <div class="dialog__body">
                    <FormProblem form=form/>
                    {parts(form, fields)}
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=cancel data-noscroll>"Cancel"</a>
                        <Submit form=form>{verb}</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
    .into_any()
}

fn parts(form: FormState, all: Fields) -> AnyView {
    let Fields { general, limits, reset, rule, access, says, lines } = all;
    let panel = |name: &'static str, paths: &'static [&'static str], content: AnyView| {
        let count = move || paths.iter().map(|path| form.problems_under(path)).sum::<usize>();
        Panel::new(name, Signal::derive(count), content)
    };
    let column = |content: Vec<FieldText>| view! { <div class="fields">{fields(form, content)}</div> }.into_any();
    let general =
        panel("General", &["name", "account_id", "group_id", "status", "expires_at", "timezone"], column(general));
    let access = panel("Access", &["models", "ip_allowlist", "endpoints", "cache_ttl_seconds"], column(access));
    let limits = panel("Usage limits", &["limits", "rule_id"], usage(form, limits, reset, rule, says, lines));
    view! { <Panels label="Parts of the token" panels=vec![general, limits, access]/> }.into_any()
}

/// The limits, each with what it counts from and what it blocks with; beside them how its budgets stand.
fn usage(
    form: FormState,
    limits: Vec<LimitText>,
    reset: String,
    rule: FieldText,
    says: String,
    lines: Vec<Line>,
) -> AnyView {
    let mut rows = LIMITS.into_iter().zip(limits);
    let parts = PARTS.map(|(name, count)| {
        let rows = rows.by_ref().take(count).map(|(field, text)| limit(form, field, text, &reset));
        view! {
            <tbody>
                <tr class="limits__part"><th colspan="4" scope="colgroup">{name}</th></tr>
                {rows.views()}
            </tbody>
        }
    });
    let lines = lines.into_iter().map(|Line { title, budget, fate }| {
        view! { <div><h3>{title}</h3><BudgetLine budget fate/></div> }
    });
    view! {
        <div class="limits">
            <table class="limits__table">
                <caption class="visually-hidden">"Limits of the token; a blank field is unlimited"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="limits__name">"Limit"</th>
                        <th scope="col" class="limits__max">"At most"</th>
                        <th scope="col" class="limits__when">"Counts from"</th>
                        <th scope="col">"Above it, blocks"</th>
                    </tr>
                </thead>
                {parts.into_iter().views()}
            </table>
            <div class="limits__side">
                {(!says.is_empty()).then(|| view! { <div><h3>"In words"</h3><p class="limits__says">{says}</p></div> })}
                {lines.views()}
                {field(form, rule)}
            </div>
        </div>
    }
    .into_any()
}

fn limit(form: FormState, field: &'static str, text: LimitText, reset: &str) -> AnyView {
    let LimitText { label, unit, value, from, then, held } = text;
    let inputmode = if unit.is_empty() { "numeric" } else { "decimal" };
    let from = if field == LIMITS[4] {
        let options =
            ["daily", "weekly", "monthly", "never"].map(|reset| (reset.to_owned(), reset.to_owned())).to_vec();
        let label = "When the token quota resets";
        view! { <Select form field="limits.token_quota_reset" options value=reset.to_owned() label/> }.into_any()
    } else {
        view! { <span class="plain">{from}</span> }.into_any()
    };
    view! {
        <tr>
            <th scope="row">
                <label for=id_of(field)>{label} " " <span class="unit">{unit}</span></label>
                {held.then(|| view! { <span class="ledger__sub">"set by an admin; you may tighten it"</span> })}
            </th>
            <td>
                <Input form field value placeholder="unlimited" inputmode number=true/>
                <FieldProblem form field/>
            </td>
            <td>{from}</td>
            <td><span class="plain">{then}</span></td>
        </tr>
    }
    .into_any()
}
