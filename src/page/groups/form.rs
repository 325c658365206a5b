//! The form of a group and what comes of it: how it is read, and what is said of keys that move and meters that are reset.

use super::{Wording, a, sentence, some};
use crate::console::form::{read_count, read_credits};
use crate::console::groups::dialogs::{Fields, Notes};
use crate::console::groups::edit::{Written, WrittenQuota};
use crate::console::groups::reset::Resettable;
use crate::console::ui::money::{amount, grouped};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::group::{Group, GroupQuota, GroupSpec};
use crate::domain::id::{GroupId, KeyId};
use crate::domain::key::Reset;
use crate::domain::limit::{Limit, Measure};
use crate::domain::problem::{Check, Problem, ProblemKind};
use crate::gateway::Gateway;
use crate::gateway::batch::Done;
use crate::gateway::groups::Populated;
use crate::gateway::reset::AfterReset;

/// Names that are said in full; of more, only how many there are.
const NAMES: usize = 5;

/// What a dialog shows: `new` with the keys that are to be in the group, `edit` or `delete` of the group `of`.
///
/// # Errors
/// Where there is no such group for this account.
pub async fn fields(gateway: &Gateway, by: &Account, what: String, of: String) -> Result<Fields, Problem> {
    let wording = Wording::new(by, gateway.clock().now());
    if what == "new" {
        let keys = selected(&of);
        let done = gateway.keys_by_id(by, &keys).await.map_err(unfielded)?;
        let names: Vec<&str> = done.iter().filter_map(|done| Some(done.key.as_ref().ok()?.name.as_str())).collect();
        let written = Written { timezone: by.timezone.clone(), ..write(None) };
        let note = Notes { keys: of, moves: moves(&names, done.len()), ..Notes::default() };
        let says = sentence(&GroupSpec::named(""));
        return Ok(Fields { what, id: String::new(), written, says, note });
    }
    let Populated { group, keys, .. } = gateway.group(by, &GroupId(of)).await?;
    let (says, pending) = match what.as_str() {
        "delete" => (stayed(keys), String::new()),
        _ => (sentence(&group.spec()), wording.pending(&group, &group.in_force(wording.at))),
    };
    let note = Notes { pending, ..Notes::default() };
    Ok(Fields { what, id: group.id.0.clone(), written: write(Some(&group)), says, note })
}

/// “Tokens a month”.
pub(super) fn label(limit: &Limit) -> String {
    let measure = match limit.measure {
        Measure::Tokens => "Tokens",
        Measure::Credits => "Credits",
        Measure::Requests => "Requests",
    };
    format!("{measure} {}", a(limit.period))
}

impl Wording {
    /// What an edit in the middle of a period has changed, and when it will be in force; blank where all is.
    pub(super) fn pending(&self, group: &Group, in_force: &[Limit]) -> String {
        let written = group.ceilings();
        let other = |limit: &&Limit| {
            written
                .iter()
                .any(|new| new.name == limit.name && (new.period, new.zone.name()) != (limit.period, limit.zone.name()))
        };
        let Some(old) = in_force.iter().find(other) else { return String::new() };
        let until = old.period.end(self.at, &old.zone).map(|at| self.moment(at)).unwrap_or_default();
        format!(
            "It was edited in the middle of a period: until {until} it still counts {} in {}.",
            a(old.period),
            old.zone.name()
        )
    }
}

/// A group as its form shows it.
fn write(group: Option<&Group>) -> Written {
    let quota = group.and_then(|group| group.quota);
    Written {
        name: group.map(|group| group.name.clone()).unwrap_or_default(),
        description: group.map(|group| group.description.clone()).unwrap_or_default(),
        quota: WrittenQuota {
            tokens: quota.and_then(|quota| quota.tokens).map(|tokens| tokens.to_string()).unwrap_or_default(),
            credits: quota.and_then(|quota| quota.credits).map(|credits| credits.to_string()).unwrap_or_default(),
            period: quota.map_or(Reset::Monthly, |quota| quota.period).as_str().to_owned(),
        },
        timezone: group.map(|group| group.timezone.clone()).unwrap_or_default(),
    }
}

/// Reads a form. What it does not show stays as it was.
///
/// # Errors
/// Every field that cannot be read or will not do, at once.
pub fn read(written: &Written, known: Option<&Group>) -> Result<GroupSpec, Problem> {
    let mut check = Check::default();
    let tokens = read_count(&mut check, "quota.tokens", &written.quota.tokens);
    let credits = read_credits(&mut check, "quota.credits", &written.quota.credits);
    let period = match written.quota.period.as_str() {
        "" => Some(Reset::Monthly),
        text => Reset::parse(text),
    };
    check.that(period.is_some(), "quota.period", "Choose a day, a week, a month, or once.");
    let is_bounded = tokens.is_some() || credits.is_some();
    let spec = GroupSpec {
        name: written.name.trim().to_owned(),
        account_id: known.map(|group| group.account_id.clone()),
        // Browsers end lines as mail does.
        description: written.description.replace("\r\n", "\n").trim().to_owned(),
        quota: period.filter(|_| is_bounded).map(|period| GroupQuota { tokens, credits, period }),
        timezone: written.timezone.trim().to_owned(),
    };
    // What the domain says of the rest, so that all is said at once.
    for problem in spec.check().err().into_iter().flat_map(|problem| problem.fields) {
        check.that(false, &problem.field, problem.message);
    }
    check.done()?;
    Ok(spec)
}

/// Ids with commas between them.
pub fn selected(text: &str) -> Vec<KeyId> {
    text.split(',').map(str::trim).filter(|id| !id.is_empty()).map(KeyId::from).collect()
}

/// # Errors
/// Where one of the keys is not there.
pub fn all_there(done: &[Done]) -> Result<(), Problem> {
    match done.iter().filter(|done| done.key.is_err()).count() {
        0 => Ok(()),
        missing => {
            let message = format!("{} of the {} chosen keys cannot be found. Choose them again.", missing, done.len());
            Err(Problem::new(ProblemKind::NotFound, message))
        }
    }
}

/// The same problem, for a form that has no field of the name that it has.
pub fn unfielded(problem: Problem) -> Problem {
    Problem { fields: Vec::new(), ..problem }
}

/// “Moves 3 keys into it: a, b and c.” Blank for none.
fn moves(names: &[&str], chosen: usize) -> String {
    if chosen == 0 {
        return String::new();
    }
    let there = some(names.len() as u64, "key", "keys");
    let gone = match chosen - names.len() {
        0 => String::new(),
        gone => format!(" {gone} of those chosen cannot be found."),
    };
    format!("Moves {there} into it{}.{gone} Each keeps its secret, its own limits and its history.", listed(names))
}

/// “: a, b and c”; blank where they are too many.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => format!(": {only}"),
        [first @ .., last] if names.len() <= NAMES => format!(": {} and {last}", first.join(", ")),
        _ => String::new(),
    }
}

/// What became of keys that were to be moved: “2 of 3 keys are in team-search now. web stays where it was: …”.
pub fn moved(done: &[Done], group: &str) -> String {
    let names: Vec<&str> = done.iter().filter_map(|done| Some(done.key.as_ref().ok()?.name.as_str())).collect();
    let stayed: Vec<&Done> = done.iter().filter(|done| done.key.is_err()).collect();
    let Some(Done { key: Err(first), .. }) = stayed.first() else {
        let is = if names.len() == 1 { "is" } else { "are" };
        return format!("{} {is} in {group} now.", some(names.len() as u64, "key", "keys"));
    };
    let stays = if stayed.len() == 1 { "One stays where it was" } else { "The others stay where they were" };
    format!("{} of {} keys are in {group} now. {stays}: {}", names.len(), done.len(), first.message)
}

/// What becomes of the keys of a group that is deleted.
pub fn stayed(keys: u64) -> String {
    match keys {
        0 => "It has no keys.".to_owned(),
        1 => "Its 1 key stays, in no group: from its next call on only its own limits bound it.".to_owned(),
        keys => format!(
            "Its {} keys stay, in no group: from their next calls on only their own limits bound them.",
            grouped(i64::try_from(keys).unwrap_or(i64::MAX))
        ),
    }
}

fn figure(measure: Measure, value: i64) -> String {
    match measure {
        Measure::Credits => {
            let decimals = if value != 0 && value.unsigned_abs() < 10_000_000 { 6 } else { 2 };
            format!("{} credits", amount(Credits::from_nanos(value), decimals))
        }
        Measure::Tokens => format!("{} tokens", grouped(value)),
        Measure::Requests => format!("{} requests", grouped(value)),
    }
}

/// What can be reset of a group, and what that would take off.
///
/// # Errors
/// Where there is no such group for this account.
pub async fn resettable(gateway: &Gateway, by: &Account, id: &GroupId) -> Result<Resettable, Problem> {
    let group = gateway.group(by, id).await?.group;
    let limits = group.in_force(gateway.clock().now());
    let standings = gateway.stand(&limits).await?;
    let settled: Vec<String> =
        standings.iter().map(|standing| figure(standing.limit.measure, standing.reading.settled)).collect();
    let says = match settled.as_slice() {
        [] => "This group has no quota, so there is nothing to reset.".to_owned(),
        settled => {
            format!("{} are counted so far. They are taken off, and its keys open at once.", settled.join(" and "))
        }
    };
    Ok(Resettable { says, limits: limits.iter().map(|limit| (limit.name.to_owned(), label(limit))).collect() })
}

/// “12.40 credits are taken off.”
pub fn taken_off(after: &[AfterReset]) -> String {
    let figures: Vec<String> =
        after.iter().map(|after| figure(after.standing.limit.measure, after.taken_off)).collect();
    match figures.as_slice() {
        [] => "There was nothing to reset.".to_owned(),
        figures => format!("{} are taken off.", figures.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(tokens: &str, credits: &str, period: &str) -> Written {
        let quota = WrittenQuota { tokens: tokens.into(), credits: credits.into(), period: period.into() };
        Written { name: " team ".into(), description: "a\r\nb ".into(), quota, timezone: "UTC".into() }
    }

    #[test]
    fn a_form_is_read_as_it_is_written_and_a_blank_quota_is_unlimited() {
        let spec = read(&written("200k", "1,000.50", "weekly"), None).expect("it is right");
        assert_eq!((spec.name.as_str(), spec.description.as_str()), ("team", "a\nb"));
        let credits = Credits::parse("1000.5");
        assert_eq!(spec.quota, Some(GroupQuota { tokens: Some(200_000), credits, period: Reset::Weekly }));
        assert_eq!(read(&written("", " ", "daily"), None).expect("it is right").quota, None);
        assert_eq!(
            read(&written("0", "", ""), None).expect("it is right").quota.map(|quota| quota.period),
            Some(Reset::Monthly)
        );
    }

    #[test]
    fn all_that_is_wrong_with_a_form_is_said_at_once() {
        let long = "x".repeat(201);
        let wrong = Written { name: long, timezone: "Mars/Olympus".into(), ..written("-1", "12.5.1", "hourly") };
        let problem = read(&wrong, None).expect_err("it is wrong");
        let fields: Vec<&str> = problem.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["quota.tokens", "quota.credits", "quota.period", "name", "timezone"]);
        for (tokens, credits) in [("99999999999999999999", ""), ("", "99999999999999"), ("1e9", ""), ("", "１２")] {
            assert_eq!(
                read(&written(tokens, credits, "daily"), None).expect_err("it is wrong").fields.len(),
                1,
                "{tokens}{credits}"
            );
        }
        let problem = read(&Written { timezone: "é".repeat(5_000), ..written("", "", "") }, None).expect_err("no zone");
        assert!(problem.message.len() < 200, "{}", problem.message);
    }

    #[test]
    fn what_moves_and_what_stays_is_said() {
        assert_eq!(moves(&[], 0), "");
        let keeps = "Each keeps its secret, its own limits and its history.";
        assert_eq!(moves(&["a", "b"], 2), format!("Moves 2 keys into it: a and b. {keeps}"));
        assert_eq!(moves(&["a"], 3), format!("Moves 1 key into it: a. 2 of those chosen cannot be found. {keeps}"));
        assert_eq!(
            stayed(1_200),
            "Its 1,200 keys stay, in no group: from their next calls on only their own limits bound them."
        );
    }
}
