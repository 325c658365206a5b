//! What is done with keys from their list: at once, or after a question that its dialog asks.

use super::question::{MANY, Whose};
use super::sought::Sought;
use super::{Wording, budget, counted, in_words};
use crate::console::tokens::ask::{Changed, Told};
use crate::console::tokens::created::Created;
use crate::console::ui::place::Place;
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::key::{Key, KeyStatus};
use crate::domain::problem::{Problem, ProblemKind};
use crate::gateway::Gateway;
use crate::gateway::batch::{Action, Done};
use crate::gateway::issue::Issued;

/// A revocation of more keys than this is undone from the list of what is revoked.
const UNDOABLE: usize = 50;
/// How many keys that stay as they were are named.
const NAMED: usize = 5;
/// How many keys an address can name.
const ADDRESSABLE: usize = 100;

/// What was sent from the list or one of its dialogs.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// What to do; with a colon and ids, to do with those.
    pub act: String,
    /// What is ticked.
    pub ids: Vec<String>,
    /// Whether instead all are meant that the filters find.
    pub all: bool,
    /// The list's address.
    pub back: String,
    /// Whom a dialog was about, as its address had it: it has been asked.
    pub whose: String,
    pub choice: String,
    pub confirm: String,
}

/// What becomes of it.
pub enum Outcome {
    /// It has to be asked first, there.
    Leads(String),
    Done {
        changed: Changed,
        /// Where to go on; the page stays where it is, where that is `None`.
        then: Option<String>,
    },
}

/// Does what was asked for.
///
/// # Errors
/// Where nothing is ticked, the number was not typed, or nothing could be done.
pub async fn change(gateway: &Gateway, by: &Account, posted: Posted) -> Result<Outcome, Problem> {
    let (act, own) = match posted.act.split_once(':') {
        Some((act, ids)) => (act, Some(ids)),
        None => (posted.act.as_str(), None),
    };
    if act == "restore" {
        let changed = restore(gateway, by, own.unwrap_or_default()).await?;
        return Ok(Outcome::Done { changed, then: None });
    }
    let back = back(&posted.back);
    let asked = !posted.whose.is_empty();
    let text = match (own, asked) {
        (Some(ids), _) => ids.to_owned(),
        (None, true) => posted.whose.clone(),
        (None, false) if posted.all => "all".to_owned(),
        (None, false) => posted.ids.join(","),
    };
    if text.is_empty() {
        return Err(Problem::new(ProblemKind::Invalid, "Tick at least one token first."));
    }
    if act == "rotate" {
        return rotate(gateway, by, &text.as_str().into(), &posted.choice).await;
    }
    let ids = Whose::read(&text).ids(gateway, by, &Sought::read(&posted.back)).await?;
    if act == "group" {
        if ids.len() > ADDRESSABLE {
            let message = format!("Make the group first, then move {} into it.", counted(ids.len() as u64));
            return Err(Problem::new(ProblemKind::Invalid, message));
        }
        let ids = ids.iter().map(KeyId::as_str).collect::<Vec<_>>().join(",");
        return Ok(Outcome::Leads(Place::new("/groups").with("new", "1").with("keys", ids).href()));
    }
    let choice = Some(posted.choice.clone()).filter(|choice| !choice.is_empty());
    let action = match act {
        "revoke" => Action::Revoke,
        "enable" => Action::Enable,
        "disable" => Action::Disable,
        "move" => Action::Move(choice.map(Into::into)),
        "bind" => Action::Bind(choice.map(Into::into)),
        _ => return Err(Problem::field("act", "That cannot be done with a token.")),
    };
    let is_plain = matches!(action, Action::Enable | Action::Disable) && ids.len() <= MANY;
    if !asked && !is_plain {
        let joint = if back.contains('?') { '&' } else { '?' };
        return Ok(Outcome::Leads(format!("{back}{joint}{act}={}", crate::console::ui::place::encode(&text))));
    }
    if ids.len() > MANY && posted.confirm.trim() != ids.len().to_string() {
        let message = format!("Type {} to confirm: so many tokens are changed.", ids.len());
        return Err(Problem::field("confirm", message));
    }
    let changed = apply(gateway, by, &ids, &action).await?;
    Ok(Outcome::Done { changed, then: asked.then_some(back) })
}

/// The list's own address; nobody is led elsewhere.
fn back(address: &str) -> String {
    let own = crate::console::sign_in::own_path(address);
    if own == "/tokens" || own.starts_with("/tokens?") { own.to_owned() } else { "/tokens".to_owned() }
}

async fn apply(gateway: &Gateway, by: &Account, ids: &[KeyId], action: &Action) -> Result<Changed, Problem> {
    let before = match action {
        Action::Revoke if ids.len() <= UNDOABLE => gateway.keys_by_id(by, ids).await?,
        _ => Vec::new(),
    };
    let done = gateway.change_any_keys(by, ids, action).await.map_err(|problem| {
        // What was chosen in the dialog has one field, whatever it is called elsewhere.
        match problem.fields.first() {
            Some(_) => Problem { kind: problem.kind, ..Problem::field("choice", problem.message) },
            None => problem,
        }
    })?;
    let changed: Vec<&Key> = done.iter().filter_map(|done| done.key.as_ref().ok()).collect();
    let failed: Vec<&Done> = done.iter().filter(|done| done.key.is_err()).collect();
    if let ([], [Done { key: Err(problem), .. }]) = (changed.as_slice(), failed.as_slice()) {
        return Err(Problem::new(problem.kind, problem.message.clone()));
    }
    let says = match changed.as_slice() {
        [] => "Nothing was changed.".to_owned(),
        [key] => format!("Key {} {}", key.name, became(action, true)),
        many => format!("{} {}", counted(many.len() as u64), became(action, false)),
    };
    let trouble = trouble(gateway, by, &failed).await?;
    // A key that was revoked already stays so when this is undone.
    let undo: Vec<String> = before
        .iter()
        .filter_map(|done| done.key.as_ref().ok())
        .filter(|key| key.status != KeyStatus::Revoked && changed.iter().any(|changed| changed.id == key.id))
        .map(|key| format!("{}{}", key.id, if key.status == KeyStatus::Disabled { "!" } else { "" }))
        .collect();
    if undo.is_empty() && trouble.is_empty() {
        return Ok(Changed::saying(says));
    }
    let undo = if undo.is_empty() { String::new() } else { format!("restore:{}", undo.join(",")) };
    Ok(Changed::telling(&Told { says, trouble, undo }))
}

fn became(action: &Action, is_one: bool) -> &'static str {
    match (action, is_one) {
        (Action::Revoke, true) => "is revoked; its next call is refused.",
        (Action::Revoke, false) => "are revoked; their next calls are refused.",
        (Action::Disable, true) => "is disabled; its next call is refused.",
        (Action::Disable, false) => "are disabled; their next calls are refused.",
        (Action::Enable, true) => "is enabled.",
        (Action::Enable, false) => "are enabled.",
        (Action::Move(Some(_)), true) => "is moved; its next call counts for the group.",
        (Action::Move(Some(_)), false) => "are moved; their next calls count for the group.",
        (Action::Move(None), true) => "is in no group now.",
        (Action::Move(None), false) => "are in no group now.",
        (Action::Bind(Some(_)), true) => "is bound; the rule acts on its next call.",
        (Action::Bind(Some(_)), false) => "are bound; the rule acts on their next calls.",
        (Action::Bind(None), true) => "inherits its account’s default rule.",
        (Action::Bind(None), false) => "inherit their accounts’ default rules.",
    }
}

/// Those that stay as they were, by name, and why.
async fn trouble(gateway: &Gateway, by: &Account, failed: &[&Done]) -> Result<String, Problem> {
    if failed.is_empty() {
        return Ok(String::new());
    }
    let ids: Vec<KeyId> = failed.iter().take(NAMED).map(|done| done.id.clone()).collect();
    let named = gateway.keys_by_id(by, &ids).await?.into_iter();
    let said = named.zip(failed).map(|(named, done)| {
        let name = named.key.map_or_else(|_| "one that is not there".to_owned(), |key| key.name);
        let why = done.key.as_ref().err().map_or("", |problem| problem.message.as_str());
        format!("{name}: {why}")
    });
    let said = said.collect::<Vec<_>>().join(" ");
    let more = match failed.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" And {more} more."),
    };
    Ok(format!("{} stayed as before. {said}{more}", counted(failed.len() as u64)))
}

/// Undoes revocations. An id with an exclamation mark was disabled before.
async fn restore(gateway: &Gateway, by: &Account, ids: &str) -> Result<Changed, Problem> {
    let mut names = Vec::new();
    for id in ids.split(',').filter(|id| !id.is_empty()) {
        let (id, status) = match id.strip_suffix('!') {
            Some(id) => (id, KeyStatus::Disabled),
            None => (id, KeyStatus::Active),
        };
        names.push(gateway.restore_key_as(by, &id.into(), status).await?.name);
    }
    let message = match names.as_slice() {
        [] => return Err(Problem::not_found("key")),
        [name] => format!("Key {name} is restored."),
        many => format!("{} are restored.", counted(many.len() as u64)),
    };
    Ok(Changed::saying(message))
}

async fn rotate(gateway: &Gateway, by: &Account, id: &KeyId, grace: &str) -> Result<Outcome, Problem> {
    let seconds = grace.parse().map_err(|_| Problem::field("choice", "Choose how long the old secret works on."))?;
    let issued = gateway.rotate_key(by, id, seconds).await?;
    let wording = Wording::new(by, gateway.clock().now());
    let until = gateway.clock().now().plus(std::time::Duration::from_secs(seconds));
    let says = match seconds {
        0 => "The old secret is refused from now on.".to_owned(),
        _ => format!("The old secret works until {}.", wording.moment(until)),
    };
    let created = created(gateway, by, issued).await?;
    let title = format!("{} has a new secret", created.name);
    let created = Created { title, says, is_rotated: true, ..created };
    Ok(Outcome::Done { changed: Changed::showing(&created), then: None })
}

/// What is shown once of a key that has a new secret.
///
/// # Errors
/// When the database fails.
pub async fn created(gateway: &Gateway, by: &Account, issued: Issued) -> Result<Created, Problem> {
    let Issued { key, secret } = issued;
    let wording = Wording::new(by, gateway.clock().now());
    let overseen = gateway.oversee(vec![key.clone()]).await?;
    let tightest = overseen.first().and_then(|overseen| overseen.tightest());
    Ok(Created {
        title: format!("{} is ready", key.name),
        says: in_words(&key),
        line: tightest.map(|meter| (budget(meter), wording.fate(meter))),
        snippets: snippets(&crate::page::origin(), &secret, &callable(gateway, &key)),
        id: key.id.0,
        name: key.name,
        secret,
        is_rotated: false,
    })
}

/// The first call in several languages, as it works where it is pasted.
fn snippets(origin: &str, secret: &str, model: &str) -> Vec<(String, String)> {
    let curl = format!(
        "curl {origin}/v1/chat/completions \\\n  -H \"Authorization: Bearer {secret}\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    );
    let python = format!(
        "from openai import OpenAI\n\nclient = OpenAI(\n    base_url=\"{origin}/v1\",\n    api_key=\"{secret}\",\n)\nanswer = client.chat.completions.create(\n    model=\"{model}\",\n    messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}],\n)\nprint(answer.choices[0].message.content)"
    );
    let node = format!(
        "import OpenAI from \"openai\";\n\nconst client = new OpenAI({{\n  baseURL: \"{origin}/v1\",\n  apiKey: \"{secret}\",\n}});\nconst answer = await client.chat.completions.create({{\n  model: \"{model}\",\n  messages: [{{ role: \"user\", content: \"Hello\" }}],\n}});\nconsole.log(answer.choices[0].message.content);"
    );
    [("curl", curl), ("Python", python), ("Node", node)]
        .into_iter()
        .map(|(language, text)| (language.to_owned(), text))
        .collect()
}

/// A model that the key's first call can name: one that is there, where any is.
fn callable(gateway: &Gateway, key: &Key) -> String {
    let models = gateway.models();
    let mut served = models.iter().filter(|model| model.enabled && model.price.is_some());
    let first = served.clone().find(|model| key.allows_model(&model.name) && model.name == "tollgate/echo");
    let first = first.or_else(|| served.find(|model| key.allows_model(&model.name)));
    first.map(|model| model.name.clone()).or_else(|| key.models.first().cloned()).unwrap_or_default()
}
