//! Profile: who is signed in, their zone, and the rule that their keys inherit.

use super::data::{Reading, Wire, shown, use_data};
use super::form::{Done, Form, PostForm, use_form};
use super::ui::field::{SelectField, Submit, TextField};
use super::ui::notice::{FormProblem, Notice};
use super::ui::preferences::PreferencesForm;
use super::ui::sheet::{Sheet, Statement};
use super::ui::status::Sign;
use super::unread::unread;
use super::zones::{ZONES, Zones};
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The whole page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfilePage {
    pub name: String,
    pub email: String,
    pub role: String,
    pub timezone: String,
    /// What time it is there: “Fri 20 Nov 2026, 15:32”.
    pub now: String,
    pub default_rule: DefaultRule,
}

/// The rule of the account's keys that have none of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRule {
    /// Its id; blank for none.
    pub chosen: String,
    /// Id and label of each that can be chosen.
    pub options: Vec<(String, String)>,
    pub name: String,
    /// What it does, in a sentence.
    pub says: String,
    /// How many keys inherit it.
    pub governs: String,
    pub is_off: bool,
    /// An admin has set it.
    pub is_locked: bool,
    pub has_rules: bool,
}

/// The profile of whoever is signed in, as a [`ProfilePage`].
#[server(prefix = "/fn", endpoint = "profile", protocol = Reading)]
pub async fn fetch_profile() -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::profile::page(&gateway, &account).await?))
}

/// Sets the zone in which every time is shown.
#[server(prefix = "/fn", endpoint = "save-timezone")]
pub async fn save_timezone(#[server(default)] timezone: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    gateway.set_timezone(&account, &timezone).await?;
    leptos_axum::redirect("/profile");
    Ok(Done::saying(format!("Every time is shown in {} now.", timezone.trim())))
}

/// Sets the rule that keys without one of their own inherit; blank is none.
#[server(prefix = "/fn", endpoint = "save-default-rule")]
pub async fn save_default_rule(#[server(default)] rule_id: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let rule = Some(rule_id).filter(|id| !id.is_empty()).map(crate::domain::id::RuleId);
    let account = gateway.set_default_rule(&account, None, rule.as_ref()).await?;
    leptos_axum::redirect("/profile");
    Ok(Done::saying(match gateway.default_rule(&account).await? {
        Some(rule) => format!("{} governs every key without a rule of its own, from its next call on.", rule.name),
        None => "A key without a rule of its own has none, from its next call on.".to_owned(),
    }))
}

#[component]
pub fn Profile() -> impl IntoView {
    let (zone, rule) = (use_form::<SaveTimezone>(), use_form::<SaveDefaultRule>());
    // Not live: what is being written must stay.
    let versions = move || format!("{} {}", zone.version(), rule.version());
    let profile = use_data::<ProfilePage, _>(versions, fetch_profile);
    view! {
        <Sheet title="Profile">
            {shown(profile, move |profile| Ok(match profile {
                Ok(profile) => page(profile, zone, rule).into_any(),
                Err(problem) => unread(problem),
            }))}
            <Statement title="Preferences" id="h-preferences" note=|| "Kept in this browser.">
                <div class="profile__fields"><PreferencesForm/></div>
            </Statement>
        </Sheet>
    }
}

fn page(profile: ProfilePage, zone: Form<SaveTimezone>, rule: Form<SaveDefaultRule>) -> impl IntoView {
    let ProfilePage { name, email, role, timezone, now, default_rule } = profile;
    let now =
        format!("It is {now} there. Every time in the console is told in it; budgets keep the zones of their own.");
    view! {
        <section class="statement statement--first" aria-label="Who">
            <dl class="facts profile__facts">
                <dt>"Name"</dt> <dd>{name}</dd>
                <dt>"Email"</dt> <dd>{email}</dd>
                <dt>"Role"</dt> <dd>{role}</dd>
            </dl>
        </section>
        <Statement title="Time zone" id="h-zone">
            <PostForm form=zone.state class="profile__fields" novalidate=true>
                <FormProblem form=zone.state/>
                <TextField form=zone.state field="timezone" label="Your time zone" value=timezone list=ZONES required=true
                    hint=move || now.clone()/>
                <Zones/>
                <p><Submit form=zone.state>"Save time zone"</Submit></p>
            </PostForm>
        </Statement>
        <Statement title="Default access rule" id="h-rule" note=|| "A key’s own rule comes first, then this, then none.">
            {governing(default_rule, rule)}
        </Statement>
    }
}

fn governing(rule: DefaultRule, form: Form<SaveDefaultRule>) -> impl IntoView {
    let DefaultRule { chosen, options, name, says, governs, is_off, is_locked, has_rules } = rule;
    if is_locked {
        let off = is_off.then_some(" It is off now.");
        return view! {
            <div class="profile__fields">
                <Notice sign=Sign::Plain>
                    <b>{name}</b> " is set by an admin, and only an admin may change it." {off}
                </Notice>
                <p>{says}</p>
                <p class="muted">{governs}</p>
            </div>
        }
        .into_any();
    }
    let none = (!has_rules).then(|| {
        view! {
            <p class="muted">"There is no rule that is on to choose. " <a href="/rules">"Make one under Quota rules"</a> "."</p>
        }
    });
    view! {
        <PostForm form=form.state class="profile__fields" novalidate=true>
            <FormProblem form=form.state/>
            <SelectField form=form.state field="rule_id" label="Rule of keys that have none of their own" value=chosen options
                hint=move || governs.clone()/>
            <p>{says}</p>
            <p class="muted">"A rule that is switched off restricts nobody, and is not suggested here."</p>
            {none}
            <p><Submit form=form.state>"Save default rule"</Submit></p>
        </PostForm>
    }
    .into_any()
}
