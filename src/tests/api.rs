//! What the management API promises, asked over HTTP on each database.

mod accounts;
mod admin_locked;
mod batches;
mod chain;
mod contract;
mod explain;
mod exports;
mod groups;
mod idempotency;
mod impact;
mod keys;
mod logs;
mod models;
mod prices;
mod providers;
mod resets;
mod rotations;
mod rules;
mod usage;

use super::app::{Answer, TestApp, on_both};
use crate::api;
use crate::domain::account::{Account, Role};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use std::future::Future;
use tower::ServiceExt;

/// A program that manages, by its token.
struct Program {
    router: Router,
    account: Account,
    token: String,
}

/// An admin's program and an ordinary user's, on one gateway.
struct Office {
    app: TestApp,
    admin: Program,
    user: Program,
}

async fn in_both_offices<F: Future<Output = ()>>(test: impl Fn(Office) -> F) {
    on_both(async |app| {
        let user = app.gateway.create_account("user@example.com", "", Role::User, "unused").await.expect("a user");
        let office = Office { admin: Program::of(&app, &app.admin).await, user: Program::of(&app, &user).await, app };
        test(office).await;
    })
    .await;
}

impl Program {
    async fn of(app: &TestApp, account: &Account) -> Self {
        let token = app.gateway.create_management_token(account, "test").await.expect("a token");
        Self { router: api::router(app.gateway.clone()), account: account.clone(), token }
    }

    async fn ask(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .body(body.into())
            .expect("a request");
        Answer::read(self.router.clone().oneshot(request).await.expect("the router never fails")).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, Body::empty()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, body.to_string()).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, body.to_string()).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, body.to_string()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, Body::empty()).await
    }

    /// Makes a key and answers its id.
    async fn key(&self, body: Value) -> String {
        self.key_and_secret(body).await.0
    }

    /// Makes a key and answers its id and its secret.
    async fn key_and_secret(&self, body: Value) -> (String, String) {
        let made = self.post("/keys", body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&made.json()["key"]["id"]), text(&made.json()["secret"]))
    }

    /// Makes what a path lists, and answers its id.
    async fn made(&self, path: &str, body: Value) -> String {
        let made = self.post(path, body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["id"].as_str().expect("an id").to_owned()
    }
}

/// A call that uses one token of input and so many of output: 1 + 2 x words millionths of a credit.
fn fill(words: u64) -> Value {
    json!({ "model": "tollgate/fill", "max_tokens": words, "messages": [{ "role": "user", "content": "go" }] })
}

impl Answer {
    /// The fields at fault, by their paths.
    fn fields(&self) -> Vec<String> {
        let body = self.json();
        let fields = body["error"]["fields"].as_array().expect("fields");
        fields.iter().map(|field| field["field"].as_str().expect("a path").to_owned()).collect()
    }

    /// One member of each row of a list.
    fn column(&self, name: &str) -> Vec<String> {
        let body = self.json();
        let rows = body["data"].as_array().unwrap_or_else(|| panic!("a list: {}", self.body));
        rows.iter().map(|row| row[name].as_str().unwrap_or_default().to_owned()).collect()
    }
}
