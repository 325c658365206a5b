//! The store on both databases: what is written is read back the same.

use crate::domain::call::{Arrival, Bound, Settlement};
use crate::domain::credits::Credits;
use crate::domain::id::CallId;
use crate::domain::key::{Reset, TokenQuota};
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use crate::domain::wallet::Funding;
use crate::store::calls::CallFilter;
use crate::store::key_lists::{KeyFilter, KeyPlace, KeySort};
use crate::store::{Store, StoreError};
use crate::tests::app::{TestApp, on_both};
use std::time::Duration;

#[tokio::test]
async fn a_key_with_every_field_reads_back_the_same() {
    on_both(|app| async move {
        let issued = app
            .key(|spec| {
                spec.expires_at = Time::parse("2027-01-01T00:00:00Z");
                spec.models = vec!["a/b".to_owned(), "c \"d\"".to_owned()];
                spec.ip_allowlist = vec!["10.0.0.0/8".to_owned()];
                spec.endpoints = vec!["/v1/models".to_owned()];
                spec.timezone = "Europe/Berlin".to_owned();
                spec.limits.token_quota = Some(TokenQuota { max: 5, reset: Reset::Weekly });
                spec.limits.max_cost_per_request = Credits::parse("0.000000001");
                spec.limits.credit_quota = Credits::parse("12.5");
            })
            .await;
        assert_eq!(app.store.key(&issued.key.id).await.expect("read"), Some(issued.key));
    })
    .await;
}

#[tokio::test]
async fn lists_page_without_gaps_or_repeats_even_when_times_are_equal() {
    on_both(|app| async move {
        for number in 0..7 {
            app.key(|spec| spec.name = format!("key {number} 100%_!")).await;
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let filter =
                KeyFilter { after: after.clone(), limit: 3, search: Some("100%_!".to_owned()), ..KeyFilter::default() };
            let page = app.store.keys(&filter).await.expect("a page");
            let Some(last) = page.last() else { break };
            after = Some(KeyPlace::of(last, KeySort::Created));
            seen.extend(page.into_iter().map(|key| key.id));
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (7, 7));
    })
    .await;
}

fn arrival(app: &TestApp, id: &str) -> Arrival {
    Arrival {
        id: id.into(),
        at: app.clock.now(),
        key_id: "k".into(),
        key_name: "web".to_owned(),
        account_id: "a".into(),
        group_id: Some("g".into()),
        funding: Funding::None,
        endpoint: "/v1/chat/completions".to_owned(),
        dialect: "openai".to_owned(),
        model: "m".to_owned(),
        stream: true,
        client_ip: "127.0.0.1".to_owned(),
        user_agent: "test".to_owned(),
        client_request_id: Some("mine".to_owned()),
    }
}

#[tokio::test]
async fn a_second_delivery_of_a_settlement_changes_nothing() {
    on_both(|app| async move {
        let arrival = arrival(&app, "call");
        let bound = Bound { input: 3, output: 4, cost: Credits::from_nanos(5), ..Bound::default() };
        let settlement = Settlement::interrupted(&arrival, &bound);
        let mut tx = app.store.begin().await.expect("tx");
        Store::insert_pending(&mut tx, &arrival, &bound, &"n".into()).await.expect("pending");
        assert!(Store::settle_call(&mut tx, &settlement).await.expect("settled"));
        assert!(!Store::settle_call(&mut tx, &settlement).await.expect("settled"));
        assert!(Store::pending_calls(&mut tx, None).await.expect("read").is_empty());
        tx.commit().await.expect("committed");
    })
    .await;
}

#[tokio::test]
async fn a_second_delivery_of_a_refusal_changes_nothing_and_a_call_is_never_written_down_twice() {
    on_both(|app| async move {
        let arrival = arrival(&app, "call");
        let refusal = Refusal::books_unavailable();
        let mut tx = app.store.begin().await.expect("tx");
        assert!(Store::insert_refused(&mut tx, &arrival, &refusal).await.expect("written"));
        assert!(!Store::insert_refused(&mut tx, &arrival, &refusal).await.expect("written"));
        let again = Store::insert_pending(&mut tx, &arrival, &Bound::default(), &"n".into()).await;
        assert!(matches!(again, Err(StoreError::Taken)), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn the_logs_can_be_filtered_by_everything_at_once_and_read_towards_newer_calls() {
    on_both(|app| async move {
        let mut tx = app.store.begin().await.expect("tx");
        let mut places = Vec::new();
        for number in 0..5 {
            let arrival = arrival(&app, &format!("call-{number}"));
            Store::insert_pending(&mut tx, &arrival, &Bound::default(), &"n".into()).await.expect("pending");
            places.push((arrival.at, arrival.id));
            app.clock.wind(Duration::from_secs(1));
        }
        tx.commit().await.expect("committed");
        let filter = CallFilter {
            account_id: Some("a".into()),
            key_id: Some("k".into()),
            group_id: Some("g".into()),
            model: Some("m".to_owned()),
            endpoint: Some("/v1/chat/completions".to_owned()),
            status: Some((0, 99)),
            request_id: Some("mine".to_owned()),
            from: Some(places[0].0),
            to: Some(app.clock.now()),
            after: Some(places[4].clone()),
            limit: 10,
            ..CallFilter::default()
        };
        let ids =
            |calls: Vec<crate::domain::call::Call>| calls.into_iter().map(|call| call.arrival.id.0).collect::<Vec<_>>();
        let older = ids(app.store.calls(&filter).await.expect("read"));
        assert_eq!(older, ["call-3", "call-2", "call-1", "call-0"]);
        let newer = CallFilter { before: Some(places[1].clone()), limit: 2, ..CallFilter::default() };
        assert_eq!(ids(app.store.calls(&newer).await.expect("read")), ["call-3", "call-2"]);
        assert_eq!(app.store.call(&CallId::from("nobody")).await.expect("read"), None);
    })
    .await;
}

#[tokio::test]
async fn a_taken_email_is_named_as_taken() {
    on_both(|app| async move {
        let mut tx = app.store.begin().await.expect("tx");
        let twin = crate::domain::account::Account { id: "other".into(), ..app.admin.clone() };
        let error = Store::insert_account(&mut tx, &twin, None).await.expect_err("taken");
        assert!(matches!(error, StoreError::Taken), "{error}");
    })
    .await;
}

#[tokio::test]
async fn every_change_moves_the_version() {
    on_both(|app| async move {
        let before = app.store.version().await.expect("read");
        app.key(|_| ()).await;
        assert_eq!(app.store.version().await.expect("read"), before + 1);
    })
    .await;
}
