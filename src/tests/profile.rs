//! What the profile shows and changes: the rule that keys inherit, and the zone that times are told in.

use super::app::{TestApp, on_both};
use crate::console::profile::DefaultRule;
use crate::domain::account::{Account, Role};
use crate::domain::id::RuleId;
use crate::domain::rule::RuleSpec;
use crate::page::profile::page;

async fn rule(app: &TestApp, name: &str, enabled: bool) -> RuleId {
    let spec = RuleSpec { enabled, ..RuleSpec::named(name) };
    app.gateway.create_rule(&app.admin, spec).await.expect("a rule").rule.id
}

async fn default_rule(app: &TestApp, account: &Account) -> DefaultRule {
    page(&app.gateway, account).await.expect("a profile").default_rule
}

fn labels(rule: &DefaultRule) -> Vec<&str> {
    rule.options.iter().map(|(_, label)| label.as_str()).collect()
}

#[tokio::test]
async fn a_rule_that_is_off_is_not_suggested_and_is_shown_where_it_is_the_one_that_is_set() {
    on_both(async |app| {
        let (on, off) = (rule(&app, "on", true).await, rule(&app, "off", false).await);
        app.key(|_| ()).await;
        app.key(|spec| spec.rule_id = Some(on.clone())).await;
        let before = default_rule(&app, &app.admin).await;
        assert_eq!((labels(&before), before.chosen.as_str()), (vec!["None", "on"], ""));
        assert!(before.governs.starts_with("1 key has no rule"), "{}", before.governs);
        let set = app.gateway.set_default_rule(&app.admin, None, Some(&off)).await.expect("set");
        let after = default_rule(&app, &set).await;
        assert_eq!(labels(&after), ["None", "on", "off (off, restricts nobody)"]);
        assert_eq!((&after.chosen, after.is_off), (&off.0, true));
        assert!(after.says.starts_with("Off, restricts nobody."), "{}", after.says);
    })
    .await;
}

#[tokio::test]
async fn what_an_admin_has_set_is_named_to_those_it_governs_and_locked() {
    on_both(async |app| {
        let user = app.gateway.create_account("user@example.com", "", Role::User, "unused").await.expect("a user");
        let theirs = rule(&app, "office hours", true).await;
        let set = app.gateway.set_default_rule(&app.admin, Some(&user.id), Some(&theirs)).await.expect("set");
        let shown = default_rule(&app, &set).await;
        assert_eq!((shown.name.as_str(), shown.is_locked, shown.has_rules), ("office hours", true, false));
        assert!(app.gateway.set_default_rule(&set, None, None).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_zone_that_is_none_is_told_in_short_and_changes_nothing() {
    on_both(async |app| {
        for bad in ["", " ", "Mars/Olympus", "UTC+99", "\0", &"x".repeat(100_000)] {
            let refused = app.gateway.set_timezone(&app.admin, bad).await.expect_err("no zone");
            assert_eq!(refused.fields[0].field, "timezone");
            assert!(refused.message.len() < 150, "{}", refused.message);
        }
        app.gateway.set_timezone(&app.admin, " UTC+5:30 ").await.expect("a zone");
        let account = app.gateway.account(&app.admin.id).await.expect("read").expect("there");
        assert_eq!(account.timezone, "UTC+5:30");
        // It is 14:00 in UTC.
        assert_eq!(page(&app.gateway, &account).await.expect("a profile").now, "Fri 20 Nov 2026, 19:30");
    })
    .await;
}
