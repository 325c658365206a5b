//! Models over HTTP.

use super::in_both_offices;
use axum::http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_model_is_made_read_changed_and_deleted_by_a_name_with_slashes() {
    in_both_offices(async |office| {
        let model = json!({"name":"lab/one/gpt","display_name":"One","context_length":8192,"max_output_tokens":null,
            "capabilities":["chat"],"price":{"input":"2.50","cached_input":"1.25","output":"10.00"},
            "routes":[{"provider_id":"builtin","upstream_model":"tollgate/echo","weight":1,"priority":0}],
            "fallbacks":["tollgate/echo"],"enabled":true});
        let made = office.admin.post("/models", model.clone()).await;
        assert_eq!((made.status.as_u16(), made.json()), (201, model.clone()));
        assert_eq!(office.user.get("/models/lab/one/gpt").await.json(), model, "everyone may read the catalogue");
        assert_eq!(office.user.get("/models/lab%2Fone%2Fgpt").await.json(), model, "however the slash is written");
        let after =
            office.admin.patch("/models/lab/one/gpt", json!({"price":{"cached_input":null,"output":"9"}})).await;
        assert_eq!(after.json()["price"], json!({"input":"2.50","output":"9.00"}));
        assert_eq!(after.json()["routes"], model["routes"]);
        assert_eq!(office.admin.delete("/models/lab/one/gpt").await.status, StatusCode::NO_CONTENT);
        for answer in [
            office.admin.get("/models/lab/one/gpt").await,
            office.admin.patch("/models/lab/one/gpt", json!({})).await,
            office.admin.delete("/models/lab/one/gpt").await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
        }
    })
    .await;
}

#[tokio::test]
async fn a_price_may_be_written_in_either_form_or_be_free_or_absent() {
    in_both_offices(async |office| {
        office.admin.post("/models", json!({"name":"m","price":"free"})).await;
        for (price, read) in [
            (json!({"rate":"2.50","completion_multiplier":"4"}), json!({"input":"2.50","output":"10.00"})),
            (json!({"rate":"1","completion_multiplier":"2"}), json!({"input":"1.00","output":"2.00"})),
            (json!("free"), json!("free")),
            (json!({"input":"1","output":"2"}), json!({"input":"1.00","output":"2.00"})),
            (Value::Null, Value::Null),
        ] {
            let after = office.admin.patch("/models/m", json!({"price":price})).await;
            assert_eq!(after.json()["price"], read, "{price}: {}", after.body);
        }
        for price in
            [json!("cheap"), json!({"input":"1"}), json!({"input":1,"output":2}), json!({"input":"-1","output":"0"})]
        {
            let refused = office.admin.patch("/models/m", json!({"price":price})).await;
            assert_eq!(refused.fields(), ["price"], "{price}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_bad_field_of_a_model_is_named() {
    in_both_offices(async |office| {
        for (body, status, fields) in [
            (json!({"name":"a b"}), 400, vec!["name"]),
            (json!({"name":"tollgate/echo"}), 409, vec!["name"]),
            (
                json!({"name":"m","context_length":0,"capabilities":["flying"]}),
                400,
                vec!["context_length", "capabilities"],
            ),
            (json!({"name":"m","routes":[{"provider_id":"nobody"}]}), 400, vec!["routes"]),
            (json!({"name":"m","routes":[{"provider_id":"builtin","speed":1}]}), 400, vec!["routes[0].speed"]),
            (json!({"name":"m","routes":[{}]}), 400, vec!["routes[0].provider_id"]),
            (json!({"name":"m","enabled":"yes"}), 400, vec!["enabled"]),
        ] {
            let refused = office.admin.post("/models", body.clone()).await;
            assert_eq!(
                (refused.status.as_u16(), refused.fields()),
                (status, fields.iter().map(ToString::to_string).collect()),
                "{body}"
            );
        }
        assert_eq!(office.admin.patch("/models/tollgate/echo", json!({"name":"other"})).await.fields(), ["name"]);
    })
    .await;
}

#[tokio::test]
async fn only_admins_write_the_catalogue() {
    in_both_offices(async |office| {
        for answer in [
            office.user.post("/models", json!({"name":"m"})).await,
            office.user.patch("/models/tollgate/echo", json!({"enabled":false})).await,
            office.user.delete("/models/tollgate/echo").await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden".to_owned()));
        }
        let page = office.user.get("/models?limit=1").await;
        assert_eq!(page.column("name"), ["tollgate/echo"]);
        let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
        let last = office.user.get(&format!("/models?limit=1&cursor={cursor}")).await;
        assert_eq!(last.column("name"), ["tollgate/fill"]);
        assert_eq!(last.json()["next_cursor"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_model_is_told_with_how_it_does_here_where_that_is_asked() {
    in_both_offices(async |office| {
        let (_, secret) = office.user.key_and_secret(json!({"name":"own"})).await;
        office.app.chat(&secret, super::fill(20)).await;
        office.app.chat(&office.app.key(|_| ()).await.secret, super::fill(1_000)).await;
        office.app.gateway.settled().await.unwrap();
        let plain = office.user.get("/models/tollgate/fill").await.json();
        assert!(plain.get("stats").is_none());
        let told = office.user.get("/models/tollgate/fill?stats=7d").await.json();
        let own = json!({"cost":"0.000041000","would_cost":"0.000041000"});
        assert_eq!(told["stats"], json!({"days":7,"first_byte_ms":0,"total_ms":0,"error_rate":0.0,"own":own}));
        let listed = office.user.get("/models?stats=30d").await.json();
        assert_eq!(listed["data"][0]["stats"]["first_byte_ms"], Value::Null, "nobody called it");
        assert_eq!(listed["data"][1]["stats"]["own"], own);
        assert_eq!(office.user.get("/models?stats=1d").await.fields(), ["stats"]);
    })
    .await;
}
