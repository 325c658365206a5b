//! Versions of prices over HTTP, and prices from the field's public files.

use super::{Office, fill, in_both_offices};
use crate::domain::time::Time;
use crate::tests::app::Answer;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use std::time::Duration;

const LIST: &str = include_str!("../../domain/price_list/tests/litellm.json");

/// Calls the built-in model for one word in, ten out; its cost, basis and version as its row says.
async fn call(office: &Office, secret: &str) -> (String, Value) {
    let answer = Answer::read(office.app.post(secret, "/v1/chat/completions", fill(10).to_string()).await).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let row = office.admin.get(&format!("/logs/{}", answer.header("x-request-id"))).await.json();
    (row["cost"].as_str().expect("a cost").to_owned(), row["price_version"].clone())
}

#[tokio::test]
async fn a_price_has_versions_and_a_call_keeps_the_one_it_was_charged_by() {
    in_both_offices(async |office| {
        let (_, secret) = office.admin.key_and_secret(json!({"name":"web"})).await;
        let path = "/models/tollgate/fill";
        assert_eq!(call(&office, &secret).await, ("0.000021000".to_owned(), json!(1)));
        // An edit of the price is a version; an edit of anything else is none.
        office.admin.patch(path, json!({"display_name":"Fill it"})).await;
        office.admin.patch(path, json!({"price":{"output":"3"}})).await;
        assert_eq!(call(&office, &secret).await, ("0.000031000".to_owned(), json!(2)));
        // One that is to come takes effect by itself.
        let tomorrow = office.app.clock.now().plus(Duration::from_hours(24));
        let price = json!({"input":"1","output":"5"});
        let added = office.admin.post(&format!("{path}/prices"), json!({"price":price,"starts_at":tomorrow})).await;
        assert_eq!((added.status, &added.json()["version"]), (StatusCode::CREATED, &json!(3)));
        assert_eq!(added.json()["standing"], "upcoming");
        office.app.clock.wind(Duration::from_hours(24) - Duration::from_micros(1));
        assert_eq!(call(&office, &secret).await, ("0.000031000".to_owned(), json!(2)));
        office.app.clock.wind(Duration::from_micros(1));
        assert_eq!(call(&office, &secret).await, ("0.000051000".to_owned(), json!(3)));
        assert_eq!(office.user.get(path).await.json()["price"], json!({"input":"1.00","output":"5.00"}));
        // All are told, the newest first, and what was charged stays.
        let listed = office.user.get(&format!("{path}/prices")).await.json();
        let told = |name: &str| -> Vec<Value> {
            listed["data"].as_array().expect("a list").iter().map(|row| row[name].clone()).collect()
        };
        assert_eq!(told("version"), [json!(3), json!(2), json!(1)]);
        assert_eq!(told("standing"), [json!("in_force"), json!("past"), json!("past")]);
        assert_eq!(told("source"), [json!("entered"), json!("entered"), json!("built in")]);
        assert_eq!(told("created_by"), [Value::Null, Value::Null, Value::Null], "people are for admins");
        let rows = office.admin.get("/logs").await.json();
        let versions = rows["data"].as_array().expect("rows").iter().map(|row| row["price_version"].as_u64());
        let mut versions: Vec<_> = versions.collect();
        // Two of the calls came at the same instant.
        versions.sort_unstable();
        assert_eq!(versions, [Some(1), Some(2), Some(2), Some(3)]);
    })
    .await;
}

#[tokio::test]
async fn a_version_that_begins_in_the_past_or_is_no_price_is_refused_and_one_may_take_the_price_away() {
    in_both_offices(async |office| {
        let path = "/models/tollgate/fill/prices";
        let past = Time::parse("2026-11-20T13:59:59Z").expect("a time");
        let refused = office.admin.post(path, json!({"price":"free","starts_at":past})).await;
        assert_eq!((refused.status, refused.fields()), (StatusCode::BAD_REQUEST, vec!["starts_at".to_owned()]));
        for (body, field) in [(json!({"price":{"input":"1"}}), "price"), (json!({}), "price")] {
            assert_eq!(office.admin.post(path, body).await.fields(), [field]);
        }
        assert_eq!(office.user.post(path, json!({"price":"free"})).await.status, StatusCode::FORBIDDEN);
        assert_eq!(
            office.admin.post("/models/none/prices", json!({"price":"free"})).await.status,
            StatusCode::NOT_FOUND
        );
        assert_eq!(office.admin.get("/models/none/prices").await.status, StatusCode::NOT_FOUND);
        let (_, secret) = office.admin.key_and_secret(json!({"name":"web"})).await;
        assert_eq!(office.admin.post(path, json!({"price":null})).await.status, StatusCode::CREATED);
        let answer = Answer::read(office.app.post(&secret, "/v1/chat/completions", fill(1).to_string()).await).await;
        assert_eq!(answer.status, 404, "{}", answer.body);
        // A model of the same name that is made anew goes on counting.
        office.admin.delete("/models/tollgate/fill").await;
        office.admin.post("/models", json!({"name":"tollgate/fill","price":"free"})).await;
        let listed = office.admin.get(path).await.json();
        assert_eq!((&listed["data"][0]["version"], &listed["data"][0]["price"]), (&json!(3), &json!("free")));
    })
    .await;
}

async fn import(office: &Office, fields: Value) -> Answer {
    let mut body = json!({"format":"litellm"});
    body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    // The file goes as it is: its numbers must not be read on the way.
    let text = body.to_string();
    let text = format!("{},\"file\":{LIST}}}", text.strip_suffix('}').expect("an object"));
    office.admin.ask(axum::http::Method::POST, "/models/import-prices", text).await
}

#[tokio::test]
async fn an_import_tells_the_difference_first_and_takes_over_what_is_chosen_of_it() {
    in_both_offices(async |office| {
        office.admin.post("/models", json!({"name":"gpt-4o","price":{"input":"5","output":"15"}})).await;
        let same = json!({"per_second":"0.0001"});
        office.admin.post("/models", json!({"name":"whisper-1","price":same})).await;
        office.admin.post("/models", json!({"name":"pro"})).await;
        let told = import(&office, json!({"as":{"gemini/gemini-2.5-pro":"pro"}})).await;
        assert_eq!(told.status, 200, "{}", told.body);
        let told = told.json();
        let changed = told["changed"].as_array().expect("a list");
        assert_eq!(
            changed[0],
            json!({"name":"gpt-4o","old":{"input":"5.00","output":"15.00"},
                "new":{"input":"2.50","cached_input":"1.25","output":"10.00"},"left_out":[]})
        );
        assert_eq!((&changed[1]["name"], &changed[1]["old"]), (&json!("pro"), &Value::Null));
        assert_eq!((changed.len(), &told["unchanged"], &told["dry_run"]), (2, &json!(1), &json!(true)));
        let added = told["added"].as_array().expect("a list");
        assert!(
            added.iter().any(|model| model["name"] == "tts-1") && told["skipped"].as_array().expect("a list").len() > 5
        );
        let price = async |name: &str| office.admin.get(&format!("/models/{name}")).await.json()["price"].clone();
        assert_eq!(price("gpt-4o").await, json!({"input":"5.00","output":"15.00"}), "nothing has changed");

        // Only what is named, and models that are not here only where that is asked for.
        for (fields, at_fault) in [
            (json!({"dry_run":false}), vec!["names"]),
            (json!({"dry_run":false,"names":["no-such"]}), vec!["names"]),
            (json!({"dry_run":false,"names":["gpt-4o","tts-1"]}), vec!["create"]),
            (json!({"dry_run":false,"names":["ollama/codegeex4"]}), vec!["names"]),
        ] {
            assert_eq!(import(&office, fields.clone()).await.fields(), at_fault, "{fields}");
        }
        assert_eq!(price("gpt-4o").await, json!({"input":"5.00","output":"15.00"}), "all or nothing");
        let done = import(&office, json!({"dry_run":false,"names":["gpt-4o","tts-1","whisper-1"],"create":true})).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!(price("gpt-4o").await, json!({"input":"2.50","cached_input":"1.25","output":"10.00"}));
        assert_eq!(price("pro").await, Value::Null);
        let made = office.admin.get("/models/tts-1").await.json();
        assert_eq!((&made["routes"], &made["capabilities"]), (&json!([]), &json!(["audio"])));
        assert_eq!(made["price"], json!({"per_million_characters":"15.00"}));
        let versions = office.admin.get("/models/gpt-4o/prices").await.json();
        assert_eq!((&versions["data"][0]["source"], &versions["data"][0]["version"]), (&json!("litellm"), &json!(2)));
        let again = import(&office, json!({"dry_run":false,"names":["gpt-4o"]})).await.json();
        assert_eq!((&again["changed"], &again["unchanged"]), (&json!([]), &json!(1)), "a second time changes nothing");
        assert_eq!(office.user.post("/models/import-prices", json!({"format":"snapshot"})).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_fetched_through_the_checks_of_every_way_out() {
    in_both_offices(async |office| {
        let router = axum::Router::new()
            .route("/prices.json", get(async || LIST))
            .route("/page.html", get(async || "<html>"))
            .route("/moved", get(async || axum::response::Redirect::to("/prices.json")))
            .route("/endless", get(async || "x".repeat(17 << 20)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let ask =
            async |url: String| office.admin.post("/models/import-prices", json!({"format":"litellm","url":url})).await;
        let told = ask(format!("{base}/prices.json")).await;
        assert_eq!(told.status, 200, "{}", told.body);
        assert!(told.json()["added"].as_array().expect("a list").len() > 10);
        for url in [
            format!("{base}/page.html"),
            format!("{base}/moved"),
            format!("{base}/none"),
            format!("{base}/endless"),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "not a url".to_owned(),
        ] {
            let refused = ask(url.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["url".to_owned()]), "{url}");
        }
        let neither = office.admin.post("/models/import-prices", json!({"format":"litellm"})).await;
        assert_eq!(neither.fields(), ["url"]);
        let unknown = office.admin.post("/models/import-prices", json!({"format":"litellm","dry":true})).await;
        assert_eq!(unknown.fields(), ["dry"]);
    })
    .await;
}

#[tokio::test]
async fn well_known_models_ship_with_their_facts_and_prices_and_can_be_taken_over() {
    in_both_offices(async |office| {
        let known = office.admin.get("/models/known?q=GPT-4O-MINI").await.json();
        let models = known["data"].as_array().expect("a list");
        let mini = models.iter().find(|model| model["name"] == "gpt-4o-mini").expect("a well-known model");
        assert_eq!((&mini["context_length"], &mini["provider"]), (&json!(128_000), &json!("openai")));
        assert_eq!(mini["price"], json!({"input":"0.15","cached_input":"0.075","output":"0.60","per_search":"0.025"}));
        assert!(
            known["source"].as_str().is_some_and(|source| source.contains("LiteLLM")) && known["date"] == "2026-11-20"
        );
        assert_eq!(office.user.get("/models/known").await.status, StatusCode::FORBIDDEN);
        let fields = json!({"format":"snapshot","dry_run":false,"names":["gpt-4o-mini"],"create":true});
        let done = office.admin.post("/models/import-prices", fields).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert_eq!(office.admin.get("/models/gpt-4o-mini").await.json()["price"], mini["price"]);
    })
    .await;
}
