//! Groups and rules as a caller meets them.

use crate::domain::credits::Credits;
use crate::domain::group::{GroupQuota, GroupSpec};
use crate::domain::hours::Hours;
use crate::domain::id::{GroupId, KeyId, RuleId};
use crate::domain::key::Reset;
use crate::domain::rule::{RulePeriod, RuleQuota, RuleSpec};
use crate::tests::app::{Answer, TestApp, on_both};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::time::Duration;

/// 21 millionths of a credit, 11 tokens.
fn call() -> Value {
    json!({ "model": "tollgate/fill", "max_tokens": 10, "messages": [{ "role": "user", "content": "go" }] })
}

impl TestApp {
    /// A rule that allows so many calls a day.
    async fn rule_of(&self, name: &str, calls: i64) -> RuleId {
        let credits = Credits::from_nanos(calls * 21_000);
        let quota = Some(RuleQuota { credits, period: RulePeriod::Daily });
        self.rule(RuleSpec { quota, ..RuleSpec::named(name) }).await
    }

    async fn rule(&self, spec: RuleSpec) -> RuleId {
        self.gateway.create_rule(&self.admin, spec).await.expect("a rule").rule.id
    }

    async fn default_rule(&self, rule: Option<&RuleId>) {
        self.gateway.set_default_rule(&self.admin, None, rule).await.expect("set");
    }

    async fn bind(&self, key: &KeyId, rule: Option<RuleId>) {
        let spec = self.gateway.key(&self.admin, key).await.expect("a key").spec();
        let spec = crate::domain::key::KeySpec { rule_id: rule, ..spec };
        self.gateway.edit_key(&self.admin, key, spec).await.expect("bound");
    }

    async fn switch(&self, rule: &RuleId, enabled: bool) {
        let known = self.gateway.rule(&self.admin, rule).await.expect("a rule");
        let spec = RuleSpec { enabled, ..known.rule.spec() };
        self.gateway.edit_rule(&self.admin, &known, spec).await.expect("switched");
    }

    async fn group(&self, name: &str, quota: GroupQuota) -> GroupId {
        let spec = GroupSpec { quota: Some(quota), ..GroupSpec::named(name) };
        self.gateway.create_group(&self.admin, spec).await.expect("a group").group.id
    }

    /// The name of the rule that refuses the key's next call; `None` where it passes.
    async fn refusing_rule(&self, secret: &str) -> Option<String> {
        let answer = self.chat(secret, call()).await;
        self.idle().await;
        match answer.status.as_u16() {
            200 => None,
            402 => Some(answer.json()["error"]["tollgate"]["rule"].as_str().expect("a rule").to_owned()),
            other => panic!("{other}: {}", answer.body),
        }
    }
}

#[tokio::test]
async fn a_keys_own_rule_goes_before_its_accounts_default_and_without_either_nothing_restricts() {
    on_both(async |app| {
        let (own, default) = (app.rule_of("own", 1).await, app.rule_of("default", 2).await);
        app.default_rule(Some(&default)).await;
        let key = app.key(|spec| spec.rule_id = Some(own.clone())).await;
        let refuses = async || app.refusing_rule(&key.secret).await;
        assert_eq!(refuses().await, None);
        assert_eq!(refuses().await.as_deref(), Some("own"), "one call a day by its own rule");
        app.bind(&key.key.id, None).await;
        assert_eq!(refuses().await, None, "two by the default, of which one is used: the meter is the key's");
        assert_eq!(refuses().await.as_deref(), Some("default"));
        app.default_rule(None).await;
        assert_eq!(refuses().await, None, "no rule, no restriction");

        app.bind(&key.key.id, Some(own.clone())).await;
        app.default_rule(Some(&default)).await;
        assert_eq!(refuses().await.as_deref(), Some("own"));
        app.switch(&own, false).await;
        assert_eq!(refuses().await, None, "a rule that is switched off restricts nobody");
        assert_eq!(refuses().await, None, "and does not fall back to the default, which would refuse");
        let known = app.gateway.rule(&app.admin, &own).await.expect("a rule");
        assert_eq!(known.references.bound, 1, "it keeps its bindings");
        app.switch(&own, true).await;
        assert_eq!(refuses().await.as_deref(), Some("own"));
        app.clock.wind(Duration::from_hours(10));
        assert_eq!(refuses().await, None, "the day is over");
    })
    .await;
}

#[tokio::test]
async fn a_rule_counts_each_key_that_it_governs_for_itself() {
    on_both(async |app| {
        let rule = app.rule_of("each", 1).await;
        app.default_rule(Some(&rule)).await;
        let (first, second) = (app.key(|_| ()).await, app.key(|_| ()).await);
        for key in [&first, &second] {
            assert_eq!(app.refusing_rule(&key.secret).await, None);
            assert_eq!(app.refusing_rule(&key.secret).await.as_deref(), Some("each"));
        }
    })
    .await;
}

#[tokio::test]
async fn outside_its_rules_hours_a_key_is_told_when_they_begin() {
    on_both(async |app| {
        // It is Friday, 14:00 in UTC: 22:00 in Shanghai.
        let hours: Hours = serde_json::from_value(json!({
            "timezone": "Asia/Shanghai", "weekdays": ["mon", "fri"], "ranges": ["08:00-20:00"],
        }))
        .expect("hours");
        let rule = app.rule(RuleSpec { hours: Some(hours), ..RuleSpec::named("office hours") }).await;
        let key = app.key(|spec| spec.rule_id = Some(rule.clone())).await;
        let refused = app.chat(&key.secret, call()).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "outside_allowed_hours"));
        let error = refused.json()["error"].clone();
        assert_eq!(error["type"], "permission_error");
        let told = json!({"scope":"key","limit":"hours","rule":"office hours","timezone":"Asia/Shanghai",
            "opens_at":"2026-11-23T00:00:00Z"});
        assert_eq!(error["tollgate"], told);
        assert_eq!(refused.header("retry-after"), (58 * 3_600).to_string());
        let row = app.row(&refused).await;
        assert_eq!(
            row.refusal.expect("why").closed.expect("hours").opens_at.map(|at| at.to_string()).as_deref(),
            Some("2026-11-23T00:00:00Z")
        );

        app.clock.wind(Duration::from_hours(58));
        assert_eq!(app.chat(&key.secret, call()).await.status, 200, "at the very instant");
        app.clock.wind(Duration::from_hours(12));
        assert_eq!(app.chat(&key.secret, call()).await.code(), "outside_allowed_hours", "the end is not included");
        app.switch(&rule, false).await;
        assert_eq!(app.chat(&key.secret, call()).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_groups_quota_is_shared_by_its_keys_and_follows_who_is_in_it() {
    on_both(async |app| {
        let quota = GroupQuota { tokens: Some(33), credits: None, period: Reset::Daily };
        let group = app.group("team", quota).await;
        let (first, second) = (
            app.key(|spec| spec.group_id = Some(group.clone())).await,
            app.key(|spec| spec.group_id = Some(group.clone())).await,
        );
        let outside = app.key(|_| ()).await;
        for key in [&first, &second, &outside, &second] {
            assert_eq!(app.chat(&key.secret, call()).await.status, 200);
            app.idle().await;
        }
        for key in [&first, &second] {
            let refused = app.chat(&key.secret, call()).await;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (402, "quota_exceeded"));
            let error = refused.json()["error"].clone();
            let told = ["scope", "limit", "max", "used"].map(|name| error["tollgate"][name].clone());
            assert_eq!(told, [json!("group"), json!("group_tokens"), json!(33), json!(33)]);
            assert!(error["message"].as_str().expect("text").starts_with("Group \"team\" of key"), "{error}");
        }
        assert_eq!(app.chat(&outside.secret, call()).await.status, 200, "other keys go on");
        let own = Request::get("/api/user/token").header("authorization", format!("Bearer {}", first.secret));
        let own = Answer::read(app.send(own.body(Body::empty()).expect("a request")).await).await.json();
        assert_eq!(
            (&own["data"]["group"], &own["data"]["limits"][0]["limit"]),
            (&json!("team"), &json!("group_tokens"))
        );
        // A group that is deleted bounds nobody, on the very next call.
        app.gateway.delete_group(&app.admin, &group).await.expect("deleted");
        assert_eq!(app.chat(&first.secret, call()).await.status, 200);
    })
    .await;
}
