//! `Idempotency-Key`: a repeated request is done once and answered the same.

use super::{Office, Program, in_both_offices};
use crate::store::Store;
use crate::tests::app::Answer;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt;

impl Program {
    async fn post_with(&self, key: &str, path: &str, body: &Value) -> Answer {
        let request = Request::post(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .expect("a request");
        Answer::read(self.router.clone().oneshot(request).await.expect("the router never fails")).await
    }
}

async fn names(office: &Office) -> usize {
    office.admin.get("/keys").await.column("name").len()
}

#[tokio::test]
async fn a_repeated_request_is_done_once_and_answered_the_same_without_the_secret() {
    in_both_offices(async |office| {
        let body = json!({"name":"web"});
        let first = office.user.post_with("a", "/keys", &body).await;
        assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, ""));
        let (first, secret) = (first.json(), first.json()["secret"].as_str().expect("a secret").to_owned());
        let again = office.user.post_with("a", "/keys", &body).await;
        assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, "true"));
        assert_eq!((again.header("content-type"), again.header("cache-control")), ("application/json", "no-store"));
        assert_eq!(again.json(), json!({"key": first["key"]}));
        assert!(!again.body.contains(&secret));
        assert_eq!(names(&office).await, 1);

        let rotate = format!("/keys/{}/rotate", first["key"]["id"].as_str().unwrap());
        let rotated = office.user.post_with("a", &rotate, &json!({})).await.json();
        let again = office.user.post_with("a", &rotate, &json!({})).await.json();
        assert_eq!((&rotated["key"], &again["secret"]), (&again["key"], &Value::Null), "another path, another request");
        let new = rotated["secret"].as_str().unwrap();
        assert!(office.app.gateway.authenticate(new).await.is_ok(), "rotated once");
        let other = office.admin.post_with("a", "/keys", &body).await;
        assert_eq!((other.status.as_u16(), names(&office).await), (201, 2), "another account's key is another");

        office.app.clock.wind(Duration::from_secs(86_399));
        assert_eq!(office.user.post_with("a", "/keys", &body).await.json()["key"], first["key"]);
        office.app.clock.wind(Duration::from_secs(1));
        assert!(office.user.post_with("a", "/keys", &body).await.json()["secret"].is_string(), "a day has passed");
        office.app.clock.wind(Duration::from_secs(86_400));
        office.app.store.delete_expired(office.app.clock.now()).await.unwrap();
        assert_eq!(office.user.post_with("a", "/keys", &body).await.status, 201);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_comes_with_another_body_or_is_none_is_refused() {
    in_both_offices(async |office| {
        let refused = office.user.post_with("a", "/keys", &json!({})).await;
        assert_eq!(refused.fields(), ["name"]);
        let again = office.user.post_with("a", "/keys", &json!({})).await;
        assert_eq!((again.status.as_u16(), again.body), (400, refused.body), "a refusal is an answer, too");
        let other = office.user.post_with("a", "/keys", &json!({"name":"web"})).await;
        assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_key_reused".to_owned()));
        for key in ["", " ", &"x".repeat(256)] {
            let refused = office.user.post_with(key, "/keys", &json!({"name":"web"})).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["idempotency-key".to_owned()]));
        }
        let large = office.user.post_with("b", "/keys", &json!({"name":"x".repeat(1 << 20)})).await;
        assert_eq!((large.status.as_u16(), large.code()), (413, "body_too_large".to_owned()));
        let nobody = Program {
            token: "tg-mgmt-wrong".to_owned(),
            account: office.user.account.clone(),
            router: office.user.router.clone(),
        };
        assert_eq!(nobody.post_with("a", "/keys", &json!({})).await.status, 401);
        assert_eq!(names(&office).await, 0);
    })
    .await;
}

#[tokio::test]
async fn of_requests_at_once_one_is_done_and_the_others_are_told_to_wait_or_how_it_ended() {
    in_both_offices(async |office| {
        let path = format!("/accounts/{}/adjust", office.user.account.id);
        let body = json!({"amount":"5"});
        let asked = (0..8).map(|_| office.admin.post_with("pay", &path, &body));
        for answer in futures::future::join_all(asked).await {
            match answer.status.as_u16() {
                200 => assert_eq!(answer.json()["balance"], "5.00"),
                409 => {
                    assert_eq!((answer.code().as_str(), answer.header("retry-after")), ("idempotency_conflict", "1"))
                }
                other => panic!("{other}: {}", answer.body),
            }
        }
        assert_eq!(office.admin.post_with("pay", &path, &body).await.header("idempotent-replayed"), "true");
        let account = office.admin.get(&format!("/accounts/{}", office.user.account.id)).await.json();
        assert_eq!(account["balance"], "5.00");
    })
    .await;
}

#[tokio::test]
async fn a_request_that_broke_off_with_its_process_is_not_done_again() {
    in_both_offices(async |office| {
        let body = json!({"name":"web"}).to_string();
        let turn = office.app.gateway.turn(&office.user.account, "/api/v1/keys", "a", body.as_bytes()).await.unwrap();
        assert!(matches!(turn, crate::gateway::repeat::Turn::First(_)));
        let ask = async || office.user.post_with("a", "/keys", &json!({"name":"web"})).await;
        assert_eq!((ask().await.status.as_u16(), ask().await.header("retry-after")), (409, "1"));
        office.app.clock.wind(Duration::from_secs(60));
        let refused = ask().await;
        assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("idempotency_conflict", ""));
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains("another key"));
        assert_eq!(names(&office).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_failed_here_is_not_done_again_and_what_only_met_another_is() {
    in_both_offices(async |office| {
        let (gateway, user) = (&office.app.gateway, &office.user.account);
        let body = json!({"name":"web"});
        let text = body.to_string();
        let begin = async |key: &str| match gateway.turn(user, "/api/v1/keys", key, text.as_bytes()).await.unwrap() {
            crate::gateway::repeat::Turn::First(first) => first,
            other => panic!("{other:?}"),
        };
        gateway.answered(&begin("failed").await, Some((503, "{}"))).await;
        let refused = office.user.post_with("failed", "/keys", &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "idempotency_conflict".to_owned()));
        assert!(refused.body.contains("Look whether"), "{}", refused.body);

        let key = office.user.key(json!({"name":"met"})).await;
        let batch = json!({"ids":[key],"action":"disable"});
        let mut tx = office.app.store.begin().await.unwrap();
        let floor = crate::domain::key::KeySpec::named("");
        Store::set_admin_spec(&mut tx, &key.as_str().into(), Some(&floor)).await.unwrap();
        // SQLite has one writer, which the request's own row needs: there, it begins only when this is over.
        let edit = office.user.post_with("met", "/keys/batch", &batch);
        let change = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            tx.commit().await.unwrap();
        };
        let (met, ()) = tokio::join!(edit, change);
        assert_eq!(met.status.as_u16(), if office.app.store.is_shared() { 409 } else { 200 }, "{}", met.body);
        let again = office.user.post_with("met", "/keys/batch", &batch).await;
        assert_eq!(again.status, 200, "{}", again.body);
    })
    .await;
}

#[tokio::test]
async fn a_long_path_is_known_again_as_a_short_one_is() {
    in_both_offices(async |office| {
        // What no index would hold, however well it is packed.
        let noise: String =
            (0..6_000_u64).map(|n| char::from(b'a' + (n * n * 2_654_435_761 % 9_973 % 26) as u8)).collect();
        let path = format!("/keys?{noise}");
        let body = json!({"name":"web"});
        let first = office.user.post_with("a", &path, &body).await;
        assert_ne!(first.status, 503, "{}", first.body);
        let again = office.user.post_with("a", &path, &body).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (first.status, "true"));
        let other = office.user.post_with("a", &format!("{path}x"), &body).await;
        assert_eq!(other.header("idempotent-replayed"), "", "another path, another request");
    })
    .await;
}
