//! The form of a token, new or known: general, usage limits, access.

use crate::console::data::{Wire, shown, use_data};
use crate::console::form::{Form, FormState, PostForm};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::field::{FieldProblem, Input, Select, Submit, TextArea, TextField, id_of};
use crate::console::ui::notice::{FormProblem, Notice};
use crate::console::ui::status::Sign;
use crate::console::ui::tabs::{Panel, Panels};
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What is written in the fields of a token, as text; a blank limit is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    pub name: String,
    pub expires_at: String,
    pub models: String,
    pub ip_allowlist: String,
    pub endpoints: String,
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

/// What became of the form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub message: String,
    /// A new token, with its secret.
    pub created: Option<Created>,
}

/// What is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub id: String,
    pub name: String,
    pub secret: String,
    /// Where this very gateway is called.
    pub origin: String,
    /// One that it may call.
    pub model: String,
    /// Its limits in words.
    pub says: String,
}

/// Makes a token, or changes the one with this id; in force on the very next call.
#[server(prefix = "/fn", endpoint = "save-key")]
pub async fn save_key(
    #[server(default)] id: String,
    #[server(default)] back: String,
    #[server(default)] name: String,
    #[server(default)] expires_at: String,
    #[server(default)] models: String,
    #[server(default)] ip_allowlist: String,
    #[server(default)] endpoints: String,
    #[server(default)] timezone: String,
    #[server(default)] limits: WrittenLimits,
) -> Result<Saved, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::id::KeyId;
    use crate::page::keys;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let written = Written { name, expires_at, models, ip_allowlist, endpoints, timezone, limits };
    let known = if id.is_empty() { None } else { Some(gateway.key(&account, &KeyId::from(id)).await?) };
    let spec = keys::read(&account, known.as_ref(), &written)?;
    if let Some(known) = known {
        let key = gateway.edit_key(&account, &known.id, spec).await?;
        leptos_axum::redirect(crate::console::sign_in::own_path(&back));
        return Ok(Saved { message: format!("Key {} is changed, from its next call on.", key.name), created: None });
    }
    let issued = gateway.create_key(&account, spec).await?;
    let allowed = issued.key.models.first().cloned();
    let created = Created {
        says: keys::in_words(&issued.key),
        id: issued.key.id.0,
        name: issued.key.name,
        secret: issued.secret,
        origin: crate::page::origin(),
        model: allowed.unwrap_or_else(|| "tollgate/echo".to_owned()),
    };
    Ok(Saved { message: String::new(), created: Some(created) })
}

/// The fields as they stand, and what the form has to know of the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    pub written: Written,
    pub says: String,
    /// The reader's zone, in which the expiry is written.
    pub zone: String,
}

/// The [`Fields`] of a token; those of a new one where the id is blank.
#[server(prefix = "/fn", endpoint = "key-fields")]
pub async fn fetch_fields(id: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::page::keys;
    let gateway = expect_context::<crate::gateway::Gateway>();
    if id.is_empty() {
        let written = Written { timezone: account.timezone.clone(), ..Written::default() };
        return Ok(Wire::of(&Fields { written, says: String::new(), zone: account.timezone }));
    }
    let key = gateway.key(&account, &id.as_str().into()).await?;
    let fields = Fields { written: keys::write(&account, &key), says: keys::in_words(&key), zone: account.timezone };
    Ok(Wire::of(&fields))
}

#[component]
pub fn EditDialog(form: Form<SaveKey>, id: String, close: String) -> impl IntoView {
    let is_new = id.is_empty();
    let fields = use_data::<Fields, _>(String::new, {
        let id = id.clone();
        move || fetch_fields(id.clone())
    });
    let (title, verb) = if is_new { ("New token", "Create token") } else { ("Edit token", "Save") };
    let cancel = close.clone();
    let back = close.clone();
    view! {
        <Dialog title=title lede=move || "Blank is unlimited. Changes act on the next call." close=close>
            <PostForm form=form.state class="dialog__form" novalidate=true>
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name="back" value=back/>
                <div class="dialog__body">
                    <FormProblem form=form.state/>
                    {shown(fields, move |fields| Ok(match fields {
                        Ok(fields) => view! { <Parts form=form.state fields/> }.into_any(),
                        Err(problem) => view! { <Notice sign=Sign::Blocks>{problem.message}</Notice> }.into_any(),
                    }))}
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=cancel data-noscroll>"Cancel"</a>
                        <Submit form=form.state>{verb}</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}

#[component]
fn Parts(form: FormState, fields: Fields) -> impl IntoView {
    let Fields { written, says, zone } = fields;
    let count = move |paths: &'static [&'static str]| {
        Signal::derive(move || paths.iter().map(|path| form.problems_under(path)).sum::<usize>())
    };
    let limits = written.limits.clone();
    let panels = vec![
        Panel::new(
            "General",
            count(&["name", "expires_at", "timezone"]),
            view! { <General form written=written.clone() zone/> },
        ),
        Panel::new("Usage limits", count(&["limits"]), view! { <Limits form limits says/> }),
        Panel::new("Access", count(&["models", "ip_allowlist", "endpoints"]), view! { <Access form written/> }),
    ];
    view! { <Panels label="Parts of the token" panels=panels/> }
}

#[component]
fn General(form: FormState, written: Written, zone: String) -> impl IntoView {
    let expiry = format!("In {zone}. Blank never expires.");
    view! {
        <div class="fields">
            <TextField form field="name" label="Name" value=written.name required=true autofocus=true
                hint=move || "The program, team or person that calls with it."/>
            <TextField form field="expires_at" label="Expires" kind="datetime-local" value=written.expires_at
                hint=move || expiry.clone()/>
            <TextField form field="timezone" label="Time zone of its days and months" value=written.timezone
                hint=move || "Such as Europe/Berlin, UTC or UTC+8. Calendar budgets open again at midnight there."/>
        </div>
    }
}

#[component]
fn Access(form: FormState, written: Written) -> impl IntoView {
    view! {
        <div class="fields">
            <TextArea form field="models" label="Models it may call" value=written.models placeholder="every model".to_owned()
                hint=move || "One name a line. It may name models that do not exist yet."/>
            <TextArea form field="ip_allowlist" label="Addresses it may call from" value=written.ip_allowlist
                placeholder="anywhere".to_owned() hint=move || "One address or block a line, such as 10.0.0.0/8."/>
            <TextArea form field="endpoints" label="Paths it may call" value=written.endpoints
                placeholder="every path".to_owned() hint=move || "One a line, such as /v1/chat/completions."/>
        </div>
    }
}

#[component]
fn Limits(form: FormState, limits: WrittenLimits, says: String) -> impl IntoView {
    let line = move |field: &'static str,
                     label: &'static str,
                     unit: &'static str,
                     value: String,
                     from: &'static str,
                     then: &'static str| {
        view! { <Line form field label unit value from=view! { <span class="plain">{from}</span> }.into_any() then/> }
    };
    let resets = ["daily", "weekly", "monthly", "never"].map(|reset| (reset.to_owned(), reset.to_owned())).to_vec();
    let reset = if limits.token_quota_reset.is_empty() { "monthly".to_owned() } else { limits.token_quota_reset };
    let choose = view! { <Select form field="limits.token_quota_reset" options=resets value=reset label="When the token quota resets"/> };
    let part =
        |name: &'static str| view! { <tr class="limits__part"><th colspan="4" scope="colgroup">{name}</th></tr> };
    view! {
        <div class="limits limits--alone">
            {(!says.is_empty()).then(|| view! { <p class="limits__says">{says}</p> })}
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
                <tbody>
                    {part("Rates")}
                    {line("limits.rpm", "Requests a minute", "", limits.rpm, "rolling", "429, retry in seconds")}
                    {line("limits.tpm", "Tokens a minute", "", limits.tpm, "rolling", "429, retry in seconds")}
                    {line("limits.rpd", "Requests a day", "", limits.rpd, "rolling", "429, retry within a day")}
                </tbody>
                <tbody>
                    {part("Budgets")}
                    {line("limits.monthly_spend", "Monthly spend", "credits", limits.monthly_spend, "1st, 00:00", "402 until the 1st")}
                    <Line form field="limits.token_quota" label="Token quota" unit="" value=limits.token_quota
                        from=choose.into_any() then="402 until it resets"/>
                    {line("limits.monthly_tokens", "Monthly tokens", "", limits.monthly_tokens, "1st, 00:00", "402 until the 1st")}
                    {line("limits.credit_quota", "Credit quota", "credits", limits.credit_quota, "never", "402 for good")}
                </tbody>
                <tbody>
                    {part("One request")}
                    {line("limits.max_tokens_per_request", "Most output tokens", "", limits.max_tokens_per_request, "each call", "400 above it")}
                    {line("limits.max_cost_per_request", "Spending cap", "credits", limits.max_cost_per_request, "each call", "400 above it")}
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn Line(
    form: FormState,
    field: &'static str,
    label: &'static str,
    unit: &'static str,
    value: String,
    from: AnyView,
    then: &'static str,
) -> impl IntoView {
    let inputmode = if unit.is_empty() { "numeric" } else { "decimal" };
    view! {
        <tr>
            <th scope="row">
                <label for=id_of(field)>{label} " " <span class="unit">{unit}</span></label>
            </th>
            <td>
                <Input form field value placeholder="unlimited" inputmode number=true/>
                <FieldProblem form field/>
            </td>
            <td>{from}</td>
            <td><span class="plain">{then}</span></td>
        </tr>
    }
}
