//! Several ways to one model: what the first one did is not forgotten when the next one fails otherwise.

use crate::domain::model::Route;
use crate::tests::app::on_both;
use crate::tests::upstream::{self, Upstream};
use serde_json::json;

#[tokio::test]
async fn a_call_that_reached_one_upstream_is_a_request_though_the_next_cannot_be_connected_to() {
    on_both(|app| async move {
        let failing = Upstream::start(|| upstream::json(500, "{}")).await;
        app.model("gpt", &failing.base_url).await;
        // Nobody listens on port 1.
        app.model("nobody", "http://127.0.0.1:1/v1").await;
        let mut model = (*app.gateway.model("gpt").expect("a model")).clone();
        let nobody = app.gateway.model("nobody").expect("a model").routes[0].clone();
        model.routes.push(Route { priority: 1, ..nobody });
        app.gateway.edit_model(&app.admin, "gpt", model).await.expect("edited");
        let key = app.key(|spec| spec.limits.rpm = Some(5)).await;
        let answer = app.chat(&key.secret, json!({ "model": "gpt", "messages": [] })).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "upstream_failed"));
        let row = app.row(&answer).await;
        assert_eq!((row.attempts.len(), row.cost.nanos(), failing.asked().len()), (2, 0, 1));
        assert_eq!(app.first_meter(&key).await, (1, 0));
        // A call that reached nobody at all is none.
        let answer = app.chat(&key.secret, json!({ "model": "nobody", "messages": [] })).await;
        assert_eq!(app.row(&answer).await.status, 502);
        assert_eq!(app.first_meter(&key).await, (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_while_the_upstream_is_being_connected_to_is_charged_nothing() {
    on_both(|app| async move {
        // It takes the connection and never shakes hands: nothing of the request can have been sent.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        app.model("gpt", &format!("https://{address}/v1")).await;
        let key = app.key(|spec| spec.limits.rpm = Some(5)).await;
        let call = json!({ "model": "gpt", "stream": true, "messages": [] }).to_string();
        let held;
        {
            let mut waiting = std::pin::pin!(app.post(&key.secret, "/v1/chat/completions", call));
            tokio::select! {
                _ = &mut waiting => panic!("nothing has answered"),
                connection = listener.accept() => held = connection.expect("a connection"),
            }
        }
        app.idle().await;
        drop(held);
        let rows = app.gateway.logs(&app.admin, crate::gateway::usage::LogQuery::default()).await.expect("logs").data;
        assert_eq!((rows[0].status, rows[0].cost.nanos(), rows[0].usage.total()), (499, 0, 0));
        assert_eq!(app.first_meter(&key).await, (0, 0));
    })
    .await;
}
