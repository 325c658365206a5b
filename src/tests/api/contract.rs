//! What holds for every route: who may ask, how refusals look, and that the document tells the truth.

use super::{Office, in_both_offices};
use crate::api;
use crate::tests::app::Answer;
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tower::ServiceExt;

async fn ask(office: &Office, request: axum::http::request::Builder) -> Answer {
    let request = request.body(Body::empty()).unwrap();
    Answer::read(office.admin.router.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn nobody_gets_in_without_a_management_token() {
    in_both_offices(async |office| {
        let key = office.app.key(|_| ()).await.secret;
        let wrong =
            ["", "tg-mgmt-wrong", "Bearer", "Bearer tg-mgmt-wrong", "Basic dXNlcjpwYXNz", &format!("Bearer {key}")];
        let document = serde_json::to_value(api::openapi()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                for header in wrong {
                    let request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
                    let answer = ask(&office, request.header("authorization", header)).await;
                    assert_eq!(answer.status, 401, "{method} {path} with {header:?}");
                    assert_eq!(answer.json()["error"]["type"], "authentication_error");
                    assert_eq!(answer.code(), "invalid_management_token");
                    assert_eq!(answer.header("www-authenticate"), "Bearer");
                }
            }
        }
        let answer = ask(&office, Request::get("/api/v1/keys").header("authorization", format!("Bearer {key}"))).await;
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains("cannot manage"));
    })
    .await;
}

#[tokio::test]
async fn a_management_token_is_taken_whatever_the_case_of_its_scheme() {
    in_both_offices(async |office| {
        let header = format!("bearer {}", office.user.token);
        assert_eq!(ask(&office, Request::get("/api/v1/keys").header("authorization", header)).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told_why() {
    in_both_offices(async |office| {
        for (body, code) in [
            (String::new(), "invalid_body"),
            ("{".to_owned(), "invalid_body"),
            ("[]".to_owned(), "invalid_body"),
            ("null".to_owned(), "invalid_body"),
            ("{\"name\":\"x\"} more".to_owned(), "invalid_body"),
            ("[".repeat(100_000), "invalid_body"),
        ] {
            let refused = office.admin.ask(Method::POST, "/keys", body).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (400, code.to_owned()), "{}", refused.body);
            assert_eq!(refused.json()["error"]["param"], Value::Null);
        }
        let large = json!({"name":"x".repeat(1 << 20)});
        let refused = office.admin.post("/keys", large).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (413, "body_too_large".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_answered_in_json() {
    in_both_offices(async |office| {
        for path in ["/nothing", "/keys/a/b", "/keys/", "/"] {
            let answer = office.admin.get(path).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found".to_owned()), "{path}");
        }
        let answer = ask(&office, Request::get("/api/nothing")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found".to_owned()));
        let answer = office.admin.ask(Method::PUT, "/keys", Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (405, "method_not_allowed".to_owned()));
        assert_eq!(answer.header("allow"), "GET,HEAD,POST");
        assert_eq!(office.admin.get("/keys/%FF").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn the_document_and_its_page_are_public_and_name_every_route() {
    in_both_offices(async |office| {
        let answer = ask(&office, Request::get("/api/v1/openapi.json")).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
        let document = answer.json();
        let mut routes = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            routes.extend(item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let expected = [
            "GET /keys",
            "POST /keys",
            "GET /keys/export",
            "GET /keys/{id}",
            "PATCH /keys/{id}",
            "DELETE /keys/{id}",
            "POST /keys/{id}/restore",
            "POST /keys/{id}/rotate",
            "POST /keys/{id}/reset",
            "POST /keys/batch",
            "POST /keys/batch-get",
            "GET /groups",
            "POST /groups",
            "GET /groups/{id}",
            "PATCH /groups/{id}",
            "DELETE /groups/{id}",
            "POST /groups/{id}/keys",
            "POST /groups/{id}/reset",
            "GET /rules",
            "POST /rules",
            "GET /rules/{id}",
            "PATCH /rules/{id}",
            "DELETE /rules/{id}",
            "POST /rules/preview",
            "POST /rules/{id}/impact",
            "PUT /account/default-rule",
            "GET /accounts",
            "GET /accounts/{id}",
            "PATCH /accounts/{id}",
            "POST /accounts/{id}/adjust",
            "POST /accounts/{id}/reset",
            "PUT /accounts/{id}/subscription",
            "DELETE /accounts/{id}/subscription",
            "POST /explain",
            "GET /models",
            "POST /models",
            "GET /models/{name}",
            "PATCH /models/{name}",
            "DELETE /models/{name}",
            "GET /models/{name}/prices",
            "POST /models/{name}/prices",
            "GET /models/known",
            "POST /models/import-prices",
            "GET /providers",
            "POST /providers",
            "GET /providers/{id}",
            "GET /providers/{id}/health",
            "PATCH /providers/{id}",
            "DELETE /providers/{id}",
            "POST /providers/{id}/test",
            "GET /logs",
            "GET /logs/{request_id}",
            "GET /usage",
        ];
        let expected = expected.iter().map(|route| route.replace(" /", " /api/v1/")).collect::<BTreeSet<_>>();
        assert_eq!(routes, expected);
        let page = ask(&office, Request::get("/docs")).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("<script") && !page.body.contains("style="), "nothing inline");
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(page.body.contains(path), "{path}");
        }
    })
    .await;
}

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere_and_every_operation_names_its_refusals() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    assert_eq!(document["security"], json!([{"management_token":[]}]));
    assert_eq!(document["components"]["securitySchemes"]["management_token"]["scheme"], "bearer");
    let mut operations = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(
                operations.insert(operation["operationId"].to_string()),
                "each operation has its own id: {operation}"
            );
            for status in ["400", "401", "403", "404", "500", "503"] {
                assert!(operation["responses"][status].is_object(), "{operation}");
            }
            assert!(operation["summary"].is_string(), "{operation}");
        }
    }
}

/// The names of a JSON object's members, or of a described object's properties.
fn names(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap_or_else(|| panic!("an object: {value}")).keys().cloned().collect()
}

#[tokio::test]
async fn the_document_describes_the_very_fields_that_are_sent_and_taken() {
    in_both_offices(async |office| {
        let document = serde_json::to_value(api::openapi()).unwrap();
        let described = |name: &str| names(&document["components"]["schemas"][name]["properties"]);
        let key =
            office.admin.post("/keys", json!({"name":"x","limits":{"token_quota":{"max":1,"reset":"daily"}}})).await;
        let key = key.json()["key"].clone();
        assert_eq!(names(&key), described("Key"));
        assert_eq!(names(&key["limits"]), described("KeyLimits"));
        assert_eq!(names(&key["limits"]["token_quota"]), described("TokenQuota"));
        let model = office.admin.get("/models/tollgate/echo").await.json();
        assert_eq!(names(&model), described("Model"));
        assert_eq!(names(&model["routes"][0]), described("Route"));
        assert_eq!(names(&office.admin.get("/providers/builtin").await.json()), described("Provider"));
        let group = json!({"name":"g","quota":{"tokens":1,"credits":"1","period":"daily"}});
        let group = office.admin.post("/groups", group).await.json();
        assert_eq!(names(&group), described("Group"));
        assert_eq!(names(&group["quota"]), described("GroupQuota"));
        let hours = json!({"timezone":"UTC","weekdays":["mon"],"ranges":["08:00-20:00"]});
        let rule = json!({"name":"r","quota":{"credits":"1","period":"daily"},"hours":hours});
        let rule = office.admin.post("/rules", rule).await.json();
        assert_eq!(names(&rule), described("Rule"));
        assert_eq!(names(&rule["quota"]), described("RuleQuota"));
        assert_eq!(names(&rule["hours"]), described("Hours"));
        let path = format!("/accounts/{}", office.user.account.id);
        let account = office.admin.put(&format!("{path}/subscription"), json!({"credits":"1"})).await.json();
        assert_eq!(names(&account), described("Account"));
        assert_eq!(names(&account["subscription"]), described("Subscription"));
        assert_eq!(names(&account["limits"]), described("KeyLimits"));

        // What may be sent: the API itself lists the fields it knows when it meets one that it does not.
        for (path, schemas) in [
            ("/keys", ["KeyFields", "KeyPatch"]),
            ("/models", ["Model", "ModelPatch"]),
            ("/providers", ["ProviderFields", "ProviderPatch"]),
            ("/groups", ["GroupFields", "GroupPatch"]),
            ("/rules", ["RuleFields", "RulePatch"]),
        ] {
            let refused = office.admin.post(path, json!({"no such field":1})).await.json();
            let message = refused["error"]["message"].as_str().unwrap();
            let known = message.split("Known here: ").nth(1).unwrap().split('`').skip(1).step_by(2);
            let known: BTreeSet<String> = known.map(str::to_owned).collect();
            for schema in schemas {
                assert_eq!(known, described(schema), "{schema}");
            }
        }
    })
    .await;
}
