//! Providers over HTTP.

use super::in_both_offices;
use crate::domain::id::ProviderId;
use crate::tests::upstream::{self, Upstream};
use serde_json::{Value, json};

const SECRET: &str = "sk-upstream-0123456789abcdef";

fn provider() -> Value {
    json!({"name":"openai","kind":"openai","base_url":"https://api.openai.com/v1/","credentials":[SECRET]})
}

#[tokio::test]
async fn credentials_go_in_and_are_only_ever_read_back_masked() {
    in_both_offices(async |office| {
        let made = office.admin.post("/providers", provider()).await;
        assert_eq!(made.status, 201);
        let body = made.json();
        let expected = json!({"id":body["id"],"name":"openai","kind":"openai","base_url":"https://api.openai.com/v1",
            "credentials":["sk-…cdef"],"enabled":true,"usage_option":true,"responses":null,
            "timeouts":{"connect_ms":null,"first_byte_ms":null,"idle_ms":null,"total_ms":null},"max_concurrency":null,
            "created_at":"2026-11-20T14:00:00Z"});
        assert_eq!(body, expected);
        let path = format!("/providers/{}", body["id"].as_str().unwrap());
        for answer in [made, office.admin.get(&path).await, office.admin.get("/providers").await] {
            assert!(!answer.body.contains(SECRET));
        }
        assert_eq!(office.admin.get(&path).await.json(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_patch_keeps_credentials_that_it_does_not_name_and_null_clears_them() {
    in_both_offices(async |office| {
        let made = office.admin.post("/providers", provider()).await.json();
        let id = made["id"].as_str().unwrap();
        let path = format!("/providers/{id}");
        let stored = || async {
            let store = office.app.store.providers().await.unwrap();
            let sealed = store.into_iter().find(|one| one.provider.id == ProviderId::from(id)).unwrap();
            serde_json::from_str::<Vec<String>>(&office.app.master.open(&sealed.sealed_credentials).unwrap()).unwrap()
        };
        let renamed = office.admin.patch(&path, json!({"name":"other"})).await.json();
        assert_eq!((&renamed["name"], stored().await), (&json!("other"), vec![SECRET.to_owned()]));
        let mut whole = renamed.clone();
        whole["enabled"] = json!(false);
        assert_eq!(
            office.admin.patch(&path, whole.clone()).await.json(),
            whole,
            "an object is sent back as it was read"
        );
        assert_eq!(stored().await, [SECRET]);
        office.admin.patch(&path, json!({"credentials":["sk-new-credential"]})).await;
        assert_eq!(stored().await, ["sk-new-credential"]);
        assert_eq!(office.admin.patch(&path, json!({"credentials":null})).await.json()["credentials"], json!([]));
        assert_eq!(stored().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn providers_are_for_admins_alone() {
    in_both_offices(async |office| {
        for answer in [
            office.user.get("/providers").await,
            office.user.get("/providers/builtin").await,
            office.user.get("/providers/builtin/health").await,
            office.user.post("/providers", provider()).await,
            office.user.patch("/providers/builtin", json!({"enabled":false})).await,
            office.user.delete("/providers/builtin").await,
            office.user.post("/providers/builtin/test", json!({})).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden".to_owned()));
        }
    })
    .await;
}

#[tokio::test]
async fn a_provider_may_speak_any_of_the_apis() {
    in_both_offices(async |office| {
        for kind in ["openai", "azure", "anthropic", "gemini"] {
            let made = office
                .admin
                .post("/providers", json!({"name":kind,"kind":kind,"base_url":"https://example.com"}))
                .await;
            assert_eq!((made.status.as_u16(), &made.json()["kind"]), (201, &json!(kind)));
        }
    })
    .await;
}

#[tokio::test]
async fn each_bad_field_of_a_provider_is_named() {
    in_both_offices(async |office| {
        for (change, status, field) in [
            (json!({"name":null}), 400, "name"),
            (json!({"name":"builtin"}), 409, "name"),
            (json!({"kind":"carrier pigeon"}), 400, "kind"),
            (json!({"base_url":"nowhere"}), 400, "base_url"),
            (json!({"base_url":"http://169.254.169.254/v1"}), 400, "base_url"),
            (json!({"credentials":["two\nlines"]}), 400, "credentials"),
            (json!({"credentials":"sk-one"}), 400, "credentials"),
            (json!({"colour":"red"}), 400, "colour"),
            (json!({"timeouts":{"connect_ms":0}}), 400, "timeouts.connect_ms"),
            (json!({"timeouts":{"total_ms":1_800_001}}), 400, "timeouts.total_ms"),
            (json!({"max_concurrency":0}), 400, "max_concurrency"),
        ] {
            let mut body = provider();
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let refused = office.admin.post("/providers", body).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (status, vec![field.to_owned()]), "{change}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_provider_is_tested_and_deleted_only_when_no_model_needs_it() {
    in_both_offices(async |office| {
        let tested = office.admin.post("/providers/builtin/test", json!({})).await;
        assert_eq!((tested.status.as_u16(), &tested.json()["ok"]), (200, &json!(true)));
        // Port 9 of loopback: nobody listens.
        let body = json!({"name":"gone","kind":"openai","base_url":"http://127.0.0.1:9/v1"});
        let made = office.admin.post("/providers", body).await.json();
        let path = format!("/providers/{}", made["id"].as_str().unwrap());
        let tested = office.admin.post(&format!("{path}/test"), json!({})).await;
        assert_eq!((tested.status.as_u16(), &tested.json()["ok"]), (200, &json!(false)));
        assert_eq!(office.admin.delete("/providers/builtin").await.code(), "conflict");
        assert_eq!(office.admin.delete(&path).await.status, 204);
        assert_eq!(office.admin.get(&path).await.status, 404);
        assert_eq!(office.admin.post("/providers/nothing/test", json!({})).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_provider_says_how_long_it_is_waited_for_and_how_it_fares() {
    in_both_offices(async |office| {
        let mut body = provider();
        body["timeouts"] = json!({"connect_ms":500,"idle_ms":20_000});
        body["max_concurrency"] = json!(8);
        let made = office.admin.post("/providers", body).await.json();
        let path = format!("/providers/{}", made["id"].as_str().unwrap());
        let patch = json!({"timeouts":{"connect_ms":null,"total_ms":60_000},"max_concurrency":null});
        let patched = office.admin.patch(&path, patch).await.json();
        let timeouts = json!({"connect_ms":null,"first_byte_ms":null,"idle_ms":20_000,"total_ms":60_000});
        assert_eq!((&patched["timeouts"], &patched["max_concurrency"]), (&timeouts, &json!(null)));
        assert_eq!(office.admin.get(&path).await.json(), patched);
        let health = office.admin.get(&format!("{path}/health")).await.json();
        let well = json!({"state":"healthy","until":null,"last_error":null,"in_flight":0,
            "recent":{"calls":0,"failures":0,"seconds":60},
            "credentials":[{"credential":"sk-…cdef","state":"healthy","until":null}],"models":[]});
        assert_eq!(health, well);
        assert_eq!(office.admin.get("/providers/nothing/health").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn the_page_of_providers_says_how_each_fares_and_what_disabling_it_would_do() {
    in_both_offices(async |office| {
        let (gateway, admin) = (&office.app.gateway, &office.app.admin);
        let failing = Upstream::start(|| upstream::json(500, "{}")).await;
        office.app.model("gpt", &failing.base_url).await;
        let key = office.app.key(|_| {}).await;
        for _ in 0..3 {
            office.app.chat(&key.secret, json!({ "model": "gpt", "messages": [] })).await;
        }
        office.app.idle().await;
        let id = gateway.model("gpt").unwrap().routes[0].provider_id.clone();
        let rows = crate::page::providers::rows(gateway, admin, id.as_str()).await.unwrap();
        let row = rows.into_iter().find(|row| row.id == id.as_str()).unwrap();
        assert_eq!(row.faring.word, "Partly down");
        assert_eq!(
            row.faring.notes,
            ["upstream-model: until today 14:00:05", "3 of 3 calls failed in the last minute"]
        );
        assert_eq!(row.faring.last, "answered 500 Internal Server Error, just now");
        let would =
            ["Nobody else serves gpt: its calls would be refused.", "It has served 3 calls in the last 24 hours."];
        assert_eq!(row.would, would);
    })
    .await;
}

#[tokio::test]
async fn a_provider_is_tested_with_one_tiny_call_of_a_model_that_has_a_route_to_it() {
    in_both_offices(async |office| {
        let said = r#"{"choices":[{"message":{"content":"OK"}}],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#;
        let works = Upstream::start(move || upstream::json(200, said)).await;
        let broke =
            Upstream::start(|| upstream::json(429, r#"{"error":{"message":"You have no credit left."}}"#)).await;
        office.app.model("works", &works.base_url).await;
        office.app.model("broke", &broke.base_url).await;
        let providers = office.app.gateway.providers(&office.app.admin).unwrap();
        let path = |model: &str| {
            let name = format!("provider of {model}");
            format!("/providers/{}/test", providers.iter().find(|known| known.name == name).unwrap().id)
        };
        let listed = office.admin.post(&path("works"), json!({})).await.json();
        assert_eq!(
            (listed["ok"].clone(), works.asked().len()),
            (json!(false), 0),
            "it has no list, and nothing was spent"
        );
        let tested = office.admin.post(&path("works"), json!({"model":"works"})).await.json();
        assert_eq!(tested["ok"], true);
        assert!(tested["message"].as_str().unwrap().ends_with("upstream-model answered “OK”, 9 tokens in and 1 out."));
        let sent: Value = serde_json::from_slice(&works.asked()[0].body).unwrap();
        assert_eq!((&sent["max_tokens"], works.asked().len()), (&json!(16), 1));
        let tested = office.admin.post(&path("broke"), json!({"model":"broke"})).await.json();
        assert_eq!(tested["ok"], false);
        assert!(tested["message"].as_str().unwrap().ends_with("429 Too Many Requests: You have no credit left."));
        for (body, field) in [
            (json!({"model":"broke"}), "model"),
            (json!({"model":"nothing"}), "model"),
            (json!({"colour":"red"}), "colour"),
        ] {
            assert_eq!(office.admin.post(&path("works"), body).await.fields(), [field]);
        }
        let calls = office.app.gateway.logs(&office.app.admin, Default::default()).await.unwrap();
        assert!(calls.data.is_empty(), "no key made these calls");
    })
    .await;
}
