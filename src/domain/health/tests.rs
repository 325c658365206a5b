//! What is held against a provider, and for how long.

use super::*;
use proptest::prelude::*;

fn at(seconds: u64) -> Time {
    Time::EPOCH.plus(Duration::from_secs(1_000_000 + seconds))
}

fn want<'a>(credentials: usize, tried: &'a [usize]) -> Want<'a> {
    Want { model: "m", credentials, tried, most: None }
}

fn refused(everywhere: bool) -> Outcome {
    Outcome::Refused { everywhere, said: "answered 401".to_owned() }
}

#[test]
fn credentials_are_used_in_turn() {
    let mut health = Health::default();
    let mut used = Vec::new();
    for _ in 0..5 {
        let Outlook::Open { credential } = health.outlook(want(3, &[]), at(0)) else { panic!("open") };
        health.begin("m", credential, at(0));
        used.push(credential.expect("one of three"));
    }
    assert_eq!(used, [0, 1, 2, 0, 1]);
}

#[test]
fn a_refused_credential_is_left_alone_for_an_hour_or_until_the_provider_is_edited() {
    let mut health = Health::default();
    health.note("m", Some(0), &refused(true), at(0));
    assert_eq!(health.outlook(want(2, &[]), at(0)), Outlook::Open { credential: Some(1) });
    let other = Want { model: "other", ..want(1, &[]) };
    assert!(matches!(health.outlook(other, at(3_599)), Outlook::Closed { why: Closed::Refused, .. }));
    assert_eq!(health.outlook(other, at(3_600)), Outlook::Open { credential: Some(0) });
    health.forget();
    assert_eq!(health.outlook(other, at(0)), Outlook::Open { credential: Some(0) });
}

#[test]
fn what_one_call_may_have_brought_on_sets_a_credential_aside_for_a_second_and_longer_each_time() {
    let mut health = Health::default();
    let mut now = 0;
    for wait in [1, 2, 4, 8] {
        health.note("m", Some(0), &refused(false), at(now));
        let closed = Outlook::Closed { why: Closed::Refused, until: at(now + wait), credential: Some(0) };
        assert_eq!(health.outlook(want(1, &[]), at(now)), closed);
        now += wait;
        assert_eq!(health.outlook(want(1, &[]), at(now)), Outlook::Open { credential: Some(0) });
    }
    health.note("m", Some(0), &Outcome::Served, at(now));
    health.note("m", Some(0), &refused(false), at(now));
    assert_eq!(health.outlook(want(1, &[]), at(now + 1)), Outlook::Open { credential: Some(0) });
}

#[test]
fn a_limited_credential_rests_for_as_long_as_it_was_told_and_only_for_that_model() {
    let mut health = Health::default();
    health.note("m", Some(0), &Outcome::Limited(Some(Duration::from_secs(20))), at(0));
    let closed = Outlook::Closed { why: Closed::Limited, until: at(20), credential: Some(0) };
    assert_eq!(health.outlook(want(1, &[]), at(19)), closed);
    assert_eq!(health.outlook(want(1, &[]), at(20)), Outlook::Open { credential: Some(0) });
    assert_eq!(health.outlook(Want { model: "other", ..want(1, &[]) }, at(0)), Outlook::Open { credential: Some(0) });
    // A word that reaches farther than a minute is asked again after one.
    health.note("m", Some(0), &Outcome::Limited(Some(Duration::from_secs(86_400))), at(100));
    assert_eq!(health.outlook(want(1, &[]), at(160)), Outlook::Open { credential: Some(0) });
}

#[test]
fn what_cannot_be_connected_to_is_closed_for_all_models_and_what_fails_for_its_own() {
    let mut health = Health::default();
    (0..3).for_each(|_| health.note("m", Some(0), &Outcome::Failed("answered 500".to_owned()), at(0)));
    assert!(matches!(health.outlook(want(1, &[]), at(0)), Outlook::Closed { why: Closed::Cooling, .. }));
    let other = Want { model: "other", ..want(1, &[]) };
    assert_eq!(health.outlook(other, at(0)), Outlook::Open { credential: Some(0) });
    (0..3).for_each(|_| health.note("m", Some(0), &Outcome::Unreached("refused".to_owned()), at(0)));
    assert!(matches!(health.outlook(other, at(0)), Outlook::Closed { why: Closed::Cooling, .. }));
}

#[test]
fn a_full_provider_says_so_until_a_place_is_free() {
    let mut health = Health::default();
    health.begin("m", None, at(0));
    let full = Want { most: Some(1), ..want(0, &[]) };
    assert_eq!(health.outlook(full, at(0)), Outlook::Full);
    health.ended();
    assert_eq!(health.outlook(full, at(0)), Outlook::Open { credential: None });
}

#[test]
fn retry_after_is_read_as_seconds_or_as_a_date() {
    let now = Time::parse("2026-11-20T14:00:00Z").expect("a time");
    for (value, wait) in [
        ("30", Some(30)),
        (" 0 ", Some(0)),
        ("Fri, 20 Nov 2026 14:01:40 GMT", Some(100)),
        ("Fri, 20 Nov 2026 13:00:00 GMT", Some(0)),
        ("-5", None),
        ("soon", None),
    ] {
        assert_eq!(retry_after(value, now), wait.map(Duration::from_secs), "{value}");
    }
}

fn outcome(number: u8, seconds: u64) -> Outcome {
    match number {
        0 => Outcome::Served,
        1 => Outcome::Failed("answered 500".to_owned()),
        2 => Outcome::Unreached("refused".to_owned()),
        3 => Outcome::Limited((seconds.is_multiple_of(2)).then(|| Duration::from_secs(seconds * 100))),
        _ => refused(seconds.is_multiple_of(2)),
    }
}

proptest! {
    /// Whatever happens, no way stays closed for ever, no place is lost, and an untried credential is always named.
    #[test]
    fn no_schedule_loses_a_place_or_a_way(
        steps in prop::collection::vec((0_u8..7, 0_usize..3, 0_u64..50), 1..150),
    ) {
        let (mut health, mut now, mut flying) = (Health::default(), 0, 0_u32);
        for (step, place, wait) in steps {
            now += wait;
            match step {
                0..=4 => health.note("m", Some(place), &outcome(step, wait), at(now)),
                5 => {
                    health.begin("m", Some(place), at(now));
                    flying += 1;
                }
                _ if flying > 0 => {
                    health.dropped("m");
                    health.ended();
                    flying -= 1;
                }
                _ => health.forget(),
            }
            prop_assert_eq!(health.report(3, None, at(now)).in_flight, flying);
            let credential = match health.outlook(want(3, &[place]), at(now)) {
                Outlook::Open { credential } | Outlook::Closed { credential, .. } => credential,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert!(credential.is_some_and(|named| named < 3 && named != place));
            prop_assert_eq!(health.outlook(want(3, &[0, 1, 2]), at(now)), Outlook::Spent);
            let open = health.outlook(want(3, &[]), at(now + 4_000));
            let is_open = matches!(open, Outlook::Open { .. });
            prop_assert!(is_open, "still {open:?}");
        }
    }
}
