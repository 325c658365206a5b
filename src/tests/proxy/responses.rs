//! Callers of OpenAI's Responses API: the built-in provider, providers that speak it themselves, and those that do not.

use crate::domain::provider::{ProviderKind, ProviderSpec};
use crate::domain::usage::{Usage, UsageSource};
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Mutex;

async fn ask(app: &TestApp, secret: &str, body: &Value) -> Answer {
    Answer::read(app.post(secret, "/v1/responses", body.to_string()).await).await
}

fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))).collect()
}

/// A model whose provider speaks the Responses API, though nobody could tell from its address.
async fn model_that_speaks_it(app: &TestApp, name: &str, upstream: &Upstream) {
    app.model(name, &upstream.base_url).await;
    let providers = app.gateway.providers(&app.admin).expect("providers");
    let known = providers.into_iter().find(|known| known.name == format!("provider of {name}")).expect("a provider");
    let spec = ProviderSpec { responses: Some(true), ..ProviderSpec::from(&known) };
    app.gateway.edit_provider(&app.admin, &known.id, spec).await.expect("edited");
}

#[tokio::test]
async fn echo_answers_callers_of_the_responses_api_and_its_words_are_its_tokens() {
    on_both(|app| async move {
        let key = app.key(|_| ()).await;
        let body = json!({ "model": "tollgate/echo", "instructions": "be brief", "max_output_tokens": 20, "input": [
            { "role": "user", "content": "unheard" }, { "role": "assistant", "content": "so" },
            { "role": "user", "content": [{ "type": "input_text", "text": "one two three" }] }] });
        let answer = ask(&app, &key.secret, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let said = answer.json();
        let id = answer.header("x-request-id");
        let item = json!({ "id": format!("msg_{id}_0"), "type": "message", "status": "completed", "role": "assistant",
            "content": [{ "type": "output_text", "text": "one two three", "annotations": [], "logprobs": [] }] });
        assert_eq!((&said["id"], &said["object"]), (&json!(format!("resp_{id}")), &json!("response")));
        assert_eq!((&said["status"], &said["output"]), (&json!("completed"), &json!([item])));
        assert_eq!((&said["usage"]["input_tokens"], &said["usage"]["output_tokens"]), (&json!(7), &json!(3)));
        assert_eq!((&said["instructions"], &said["max_output_tokens"]), (&json!("be brief"), &json!(20)));
        // 7 words in at 1 credit a million, 3 out at 2.
        assert_eq!(answer.header("x-tollgate-cost"), "0.000013000");
        let row = app.row(&answer).await;
        assert_eq!((row.usage, row.arrival.dialect.as_str()), (Usage::new(7, 3), "responses"));
        assert_eq!(row.arrival.endpoint, "/v1/responses");
    })
    .await;
}

#[tokio::test]
async fn echo_streams_to_callers_of_the_responses_api_event_by_event() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100)).await;
    let body = json!({ "model": "tollgate/echo", "input": "one two three", "max_output_tokens": 2, "stream": true });
    let answer = ask(&app, &key.secret, &body).await;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let events = events(&answer.body);
    let names: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let due = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.incomplete",
    ];
    assert_eq!(names, due, "{}", answer.body);
    let last = &events.last().expect("an event")["response"];
    assert_eq!(last["incomplete_details"], json!({ "reason": "max_output_tokens" }));
    assert_eq!(last["usage"]["total_tokens"], 5);
    assert_eq!((app.row(&answer).await.usage, app.first_meter(&key).await), (Usage::new(3, 2), (5, 0)));
}

const WHOLE: &str = r#"{ "id":"resp_1", "object":"response", "status":"completed", "odd": 1e3,
    "output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"hi"}]}],
    "usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40},"output_tokens":10,
        "output_tokens_details":{"reasoning_tokens":6},"total_tokens":110} }"#;

#[tokio::test]
async fn bytes_pass_untouched_to_a_provider_that_speaks_the_responses_api_and_back() {
    on_both(|app| async move {
        let upstream = Upstream::start(|| upstream::json(200, WHOLE)).await;
        model_that_speaks_it(&app, "gpt", &upstream).await;
        let azure = upstream.base_url.trim_end_matches("/v1").to_owned();
        app.model_of(ProviderKind::Azure, "azure", "gpt-x", &azure).await;
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
        for (model, upstream_model, path) in
            [("gpt", "upstream-model", "/v1/responses"), ("azure", "gpt-x", "/openai/v1/responses")]
        {
            let body = format!(
                r#"{{"model":"{model}","max_output_tokens":  50,"input":"hi","tools":[{{"type":"custom","name":"x"}}],"unheard_of":[1,  2]}}"#
            );
            let request = Request::post("/v1/responses").header("authorization", format!("Bearer {}", key.secret));
            let request = request.header("openai-beta", "new-1").body(Body::from(body.clone())).expect("a request");
            let answer = Answer::read(app.send(request).await).await;
            assert_eq!(answer.body, WHOLE, "{model}");
            // 60 x 2.50 + 40 x 1.25 + 10 x 10, per million.
            assert_eq!(answer.header("x-tollgate-cost"), "0.000300000");
            let asked = upstream.asked().pop().expect("asked");
            let due = body.replace(&format!("\"{model}\""), &format!("\"{upstream_model}\""));
            assert_eq!((asked.path.as_str(), &asked.body[..]), (path, due.as_bytes()));
            assert_eq!(asked.headers["openai-beta"], "new-1");
            let usage = Usage { input: 100, cached_input: 40, output: 10, reasoning: 6, ..Usage::default() };
            let row = app.row(&answer).await;
            assert_eq!((row.usage, row.usage_source), (usage, Some(UsageSource::Upstream)));
        }
        // Under limits a bound is written where there is none.
        ask(&app, &key.secret, &json!({ "model": "gpt", "input": "hi" })).await;
        let sent: Value = serde_json::from_slice(&upstream.asked().pop().expect("asked").body).expect("JSON");
        assert_eq!(sent, json!({ "model": "upstream-model", "input": "hi", "max_output_tokens": 4_096 }));
        assert_eq!(app.first_meter(&key).await, (330, 0));
    })
    .await;
}

fn stream(last: &str, usage: &str) -> String {
    format!(
        "event: response.created\ndata: {{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{{\"id\":\"resp_1\",\"usage\":null}}}}\n\n\
         : a comment\r\n\r\n\
         event: response.output_text.delta\ndata: {{\"type\": \"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"hello there\"}}\n\n\
         event: {last}\ndata: {{\"type\":\"{last}\",\"sequence_number\":2,\"response\":{{\"id\":\"resp_1\",\"usage\":{usage}}}}}\n\n"
    )
}

#[tokio::test]
async fn a_stream_passes_untouched_and_is_charged_what_its_last_event_says() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let usage = r#"{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":5}}"#;
    let said = Usage { input: 9, cached_input: 4, output: 7, reasoning: 5, ..Usage::default() };
    for (number, (last, usage, due, source)) in [
        ("response.completed", usage, said, UsageSource::Upstream),
        ("response.incomplete", usage, said, UsageSource::Upstream),
        ("response.failed", usage, said, UsageSource::Upstream),
        // It does not say: what was relayed is counted, eleven letters.
        ("response.failed", "null", Usage::new(15, 3), UsageSource::Estimated),
    ]
    .into_iter()
    .enumerate()
    {
        let body = stream(last, usage);
        let sent = body.clone();
        let upstream = Upstream::start(move || upstream::events(sent.clone())).await;
        let name = format!("gpt-{number}");
        model_that_speaks_it(&app, &name, &upstream).await;
        let request = json!({ "model": name, "input": "hi", "stream": true });
        let answer = ask(&app, &key.secret, &request).await;
        assert_eq!(answer.body, body);
        let row = app.row(&answer).await;
        let due = if source == UsageSource::Estimated {
            Usage::new((request.to_string().len() as u64).div_ceil(4), due.output)
        } else {
            due
        };
        assert_eq!((row.usage, row.usage_source), (due, Some(source)), "{last}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_the_apis_own_error_event_whoever_serves_it() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let chat = "data: {\"choices\":[{\"delta\":{\"content\":\"hello there\"}}]}\n\n";
    let own = stream("response.in_progress", "null");
    for (name, speaks_it, given) in [("own", true, own.as_str()), ("chat", false, chat)] {
        let (send, body) = upstream::by_hand();
        let body = Mutex::new(Some(body));
        let upstream =
            Upstream::start(move || upstream::events(body.lock().expect("whole").take().expect("one call"))).await;
        match speaks_it {
            true => model_that_speaks_it(&app, name, &upstream).await,
            false => app.model(name, &upstream.base_url).await,
        }
        send.send(Ok(given.to_owned().into())).expect("open");
        let request = json!({ "model": name, "input": "hi", "stream": true }).to_string();
        let mut response = app.post(&key.secret, "/v1/responses", request).await;
        response.body_mut().frame().await.expect("open").expect("whole");
        send.send(Err(std::io::Error::other("cut"))).expect("open");
        let answer = Answer::read(response).await;
        let said = events(&answer.body);
        let error = said.iter().find(|event| event["type"] == "error").unwrap_or_else(|| panic!("{}", answer.body));
        assert_eq!((&error["code"], &error["error"]["type"]), (&json!("upstream_failed"), &json!("upstream_error")));
        if speaks_it {
            // After three events of the provider's own.
            assert_eq!(error["sequence_number"], 3);
        } else {
            let failed = said.last().expect("an event");
            assert_eq!((&failed["type"], &failed["response"]["status"]), (&json!("response.failed"), &json!("failed")));
            assert_eq!(failed["response"]["error"]["code"], "upstream_failed");
        }
        let row = app.row(&answer).await;
        assert_eq!((row.status, row.usage.output, row.usage_source), (502, 3, Some(UsageSource::Estimated)), "{name}");
    }
}

#[tokio::test]
async fn a_provider_that_says_it_failed_is_told_in_the_apis_own_words() {
    let app = TestApp::sqlite().await;
    let body =
        "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"error\":{\"message\":\"Overloaded\"}}\n\n";
    let upstream = Upstream::start(move || upstream::events(body)).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let answer = ask(&app, &key.secret, &json!({ "model": "gpt", "input": "hi", "stream": true })).await;
    let said = events(&answer.body);
    let [.., error, failed] = said.as_slice() else { panic!("{}", answer.body) };
    assert!(error["message"].as_str().is_some_and(|message| message.contains("Overloaded")), "{error}");
    assert_eq!(failed["type"], "response.failed");
}

#[tokio::test]
async fn whoever_leaves_pays_for_what_was_relayed_and_holds_nothing() {
    on_both(|app| async move {
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(1_000_000)).await;
        let mut paid = 0;
        for stop_after in 1..=10 {
            let request =
                json!({ "model": "tollgate/fill", "stream": true, "max_output_tokens": 10, "input": "go on" });
            let mut response = app.post(&key.secret, "/v1/responses", request.to_string()).await.into_body();
            for _ in 0..stop_after {
                response.frame().await.expect("open").expect("whole");
            }
            drop(response);
            app.idle().await;
            let (settled, held) = app.first_meter(&key).await;
            assert_eq!(held, 0);
            assert!((2 + stop_after..=12).contains(&(settled - paid)), "{} after {stop_after}", settled - paid);
            paid = settled;
        }
    })
    .await;
}

#[tokio::test]
async fn what_the_gateway_cannot_answer_for_is_refused_with_the_field_named() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, WHOLE)).await;
    model_that_speaks_it(&app, "own", &upstream).await;
    let chat = Upstream::start(|| upstream::json(200, r#"{"choices":[]}"#)).await;
    app.model("chat", &chat.base_url).await;
    let (free, bound) = (app.key(|_| ()).await, app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await);
    let search = json!([{ "type": "web_search" }]);
    for (secret, model, fields, param) in [
        (&free.secret, "own", json!({ "background": true }), Some("background")),
        (&free.secret, "own", json!({ "tools": search }), None),
        (&bound.secret, "own", json!({ "tools": search }), Some("tools")),
        (&bound.secret, "own", json!({ "prompt": { "id": "p" } }), Some("prompt")),
        (&bound.secret, "own", json!({ "max_output_tokens": 0 }), Some("max_output_tokens")),
        (&free.secret, "own", json!({ "previous_response_id": "resp_1" }), None),
        // Nobody has said how much the model takes.
        (&bound.secret, "own", json!({ "previous_response_id": "resp_1" }), Some("input")),
        (&free.secret, "chat", json!({ "previous_response_id": "resp_1" }), Some("previous_response_id")),
        (&free.secret, "chat", json!({ "tools": search }), Some("tools[0].type")),
        (&free.secret, "chat", json!({ "input": [{ "type": "item_reference", "id": "msg_1" }] }), Some("input[0].id")),
        (&free.secret, "chat", json!({ "input": 7 }), Some("input")),
    ] {
        let mut body = json!({ "model": model, "input": "hi" });
        fields.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
        let answer = ask(&app, secret, &body).await;
        let error = answer.json()["error"].clone();
        let due = if param.is_some() { 400 } else { 200 };
        assert_eq!((answer.status.as_u16(), error["param"].as_str()), (due, param), "{body} {error}");
    }
    for path in ["/v1/responses/resp_1", "/v1/responses/resp_1/input_items"] {
        let request = Request::get(path).header("authorization", format!("Bearer {}", free.secret));
        let answer = Answer::read(app.send(request.body(Body::empty()).expect("a request")).await).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "unknown_url"), "{}", answer.body);
    }
}

#[tokio::test]
async fn what_went_before_at_the_provider_holds_the_models_context_and_is_charged_what_it_was() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, WHOLE)).await;
    model_that_speaks_it(&app, "own", &upstream).await;
    let mut model = (*app.gateway.model("own").expect("a model")).clone();
    model.context_length = Some(5_000);
    app.gateway.edit_model(&app.admin, "own", model).await.expect("edited");
    let body = json!({ "model": "own", "input": "hi", "previous_response_id": "resp_1", "max_output_tokens": 10 });
    let short = app.key(|spec| spec.limits.monthly_tokens = Some(5_000)).await;
    assert_eq!(ask(&app, &short.secret, &body).await.status, 402);
    let enough = app.key(|spec| spec.limits.monthly_tokens = Some(5_010)).await;
    assert_eq!(ask(&app, &enough.secret, &body).await.status, 200);
    assert_eq!(app.first_meter(&enough).await, (110, 0));
}

/// A thought, a text and a call, as an OpenAI-compatible provider says them.
const THOUGHT: &str = r#"{"choices":[{"finish_reason":"tool_calls","message":{"content":"Let me look.","reasoning":"Hm.",
    "tool_calls":[{"id":"call_a","function":{"name":"weather","arguments":"{}"}}]}}],
    "usage":{"prompt_tokens":5,"completion_tokens":2}}"#;

#[tokio::test]
async fn an_item_of_an_earlier_answer_may_be_sent_back_by_its_id_by_the_key_that_it_was_said_to() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, THOUGHT)).await;
    app.model("gpt", &upstream.base_url).await;
    let (key, other) = (app.key(|_| ()).await, app.key(|_| ()).await);
    let answer = ask(&app, &key.secret, &json!({ "model": "gpt", "input": "weather" })).await.json();
    let ids: Vec<&Value> = answer["output"].as_array().expect("items").iter().map(|item| &item["id"]).collect();
    let next = json!({ "model": "gpt", "input": [
        { "role": "user", "content": "weather" },
        { "type": "item_reference", "id": ids[0] }, { "id": ids[1] }, { "type": "item_reference", "id": ids[2] },
        { "type": "function_call_output", "call_id": "call_a", "output": "mild" }] });
    let again = ask(&app, &key.secret, &next).await;
    assert_eq!((again.status.as_u16(), again.header("x-tollgate-left-out")), (200, "input[1]"), "{}", again.body);
    let sent: Value = serde_json::from_slice(&upstream.asked().pop().expect("asked").body).expect("JSON");
    let call = json!({ "id": "call_a", "type": "function", "function": { "name": "weather", "arguments": "{}" } });
    assert_eq!(
        sent["messages"],
        json!([{ "role": "user", "content": "weather" },
            { "role": "assistant", "content": "Let me look.", "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "call_a", "content": "mild" }])
    );
    let stranger = ask(&app, &other.secret, &next).await;
    assert_eq!((stranger.status.as_u16(), &stranger.json()["error"]["param"]), (400, &json!("input[1].id")));
    // Streamed, the same; and nothing is kept for whoever does not want it.
    let stream = |store: bool| json!({ "model": "tollgate/echo", "input": "one", "stream": true, "store": store });
    for (store, status) in [(true, 200), (false, 400)] {
        let said = events(&ask(&app, &key.secret, &stream(store)).await.body);
        let id = said.last().expect("an event")["response"]["output"][0]["id"].clone();
        let next = json!({ "model": "gpt", "input": [{ "type": "item_reference", "id": id }] });
        assert_eq!(ask(&app, &key.secret, &next).await.status.as_u16(), status, "{store}");
    }
}

#[tokio::test]
async fn an_identical_call_is_answered_from_memory_unless_it_adds_to_a_conversation() {
    let app = TestApp::sqlite().await;
    let body = stream("response.completed", r#"null,"error": null"#);
    let upstream = Upstream::start(move || upstream::events(body.clone())).await;
    model_that_speaks_it(&app, "own", &upstream).await;
    let key = app.key(|spec| spec.cache_ttl_seconds = Some(60)).await;
    for (model, fields, due) in [
        ("tollgate/echo", json!({}), ["miss", "hit"]),
        ("own", json!({}), ["miss", "hit"]),
        ("own", json!({ "conversation": "conv_1" }), ["", ""]),
    ] {
        let mut body = json!({ "model": model, "input": "hi", "stream": true });
        fields.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
        let first = ask(&app, &key.secret, &body).await;
        let again = ask(&app, &key.secret, &body).await;
        assert_eq!([first.header("x-tollgate-cache"), again.header("x-tollgate-cache")], due, "{body}");
        assert_eq!(first.body, again.body);
    }
}

#[tokio::test]
async fn refusals_are_written_as_openais() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.rpm = Some(1)).await;
    let body = json!({ "model": "tollgate/echo", "input": "hi" });
    let first = ask(&app, &key.secret, &body).await;
    assert_eq!((first.status.as_u16(), first.header("x-ratelimit-limit-requests")), (200, "1"));
    let answer = ask(&app, &key.secret, &body).await;
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status.as_u16(), &error["type"]), (429, &json!("rate_limit_error")));
    assert_eq!((&error["code"], &error["tollgate"]["limit"]), (&json!("rate_limit_exceeded"), &json!("rpm")));
    let missing = ask(&app, &key.secret, &json!({ "model": "nobody", "input": "hi" })).await;
    assert_eq!((missing.status.as_u16(), missing.code().as_str()), (404, "model_not_found"));
}
