//! What the catalogue says of its models: narrowed, ordered and paged by the server, measured here, priced for one's own calls.

use super::app::{TestApp, on_both};
use super::upstream::{self, Upstream};
use crate::console::models::Asked;
use crate::console::models::told::{ModelList, PriceTold};
use crate::domain::account::{Account, Role};
use crate::domain::model::Model;
use crate::domain::price::Price;
use crate::page::models::{list, one};
use serde_json::{Value, json};
use std::time::Duration;

async fn add(app: &TestApp, model: Value) {
    let model: Model = serde_json::from_value(model).expect("a model");
    app.gateway.create_model(&app.admin, model).await.expect("made");
}

fn routed(name: &str, price: Value) -> Value {
    json!({ "name": name, "price": price, "routes": [{ "provider_id": "builtin", "upstream_model": "tollgate/echo" }] })
}

fn each(input: &str, output: &str) -> Value {
    json!({ "input": input, "output": output })
}

async fn page(app: &TestApp, by: &Account, change: impl FnOnce(&mut Asked)) -> ModelList {
    let mut asked = Asked::default();
    change(&mut asked);
    list::page(&app.gateway, by, &asked).await.expect("a page")
}

fn names(list: &ModelList) -> Vec<&str> {
    list.rows.iter().map(|row| row.name.as_str()).collect()
}

#[tokio::test]
async fn the_catalogue_is_narrowed_ordered_and_paged_by_the_server() {
    on_both(async |app| {
        let mut long = routed("lab/long", each("3", "9"));
        long["context_length"] = json!(1_000_000);
        long["capabilities"] = json!(["chat", "vision"]);
        add(&app, long).await;
        add(&app, routed("lab/dear", each("20", "90"))).await;
        add(&app, routed("lab/free", json!("free"))).await;
        add(&app, json!({ "name": "lab/unpriced", "routes": [{ "provider_id": "builtin" }] })).await;
        add(&app, json!({ "name": "lab/unserved", "price": "free" })).await;
        let lab = |asked: &mut Asked| asked.q = "LAB/".into();
        let sorted = async |sort: &str| {
            let list = page(&app, &app.admin, |asked| {
                lab(asked);
                asked.sort = sort.into();
            })
            .await;
            names(&list).into_iter().map(|name| name.trim_start_matches("lab/").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(sorted("").await, ["dear", "free", "long", "unpriced", "unserved"]);
        assert_eq!(sorted("-name").await, ["unserved", "unpriced", "long", "free", "dear"]);
        assert_eq!(sorted("price").await, ["free", "unserved", "long", "dear", "unpriced"]);
        assert_eq!(sorted("-price").await, ["dear", "long", "free", "unserved", "unpriced"], "what has none is last");
        assert_eq!(sorted("-context").await[0], "long");
        let able = page(&app, &app.admin, |asked| asked.can = "vision".into()).await;
        assert_eq!(names(&able), ["lab/long"]);
        let shut = page(&app, &app.admin, |asked| asked.callable = "no".into()).await;
        let why: Vec<&str> = shut.rows.iter().map(|row| row.why.as_str()).collect();
        assert_eq!(
            (names(&shut), why),
            (vec!["lab/unpriced", "lab/unserved"], vec!["it has no price", "it has no route"])
        );
        assert_eq!(shut.rows[0].price, PriceTold::Missing);
        for bad in ["callable", "sort", "days"] {
            let mut asked = Asked::default();
            match bad {
                "callable" => asked.callable = "odd".into(),
                "sort" => asked.sort = "odd".into(),
                _ => asked.days = "5".into(),
            }
            let problem = list::page(&app.gateway, &app.admin, &asked).await.expect_err("unknown");
            assert_eq!(problem.fields[0].field, bad);
        }
    })
    .await;
}

#[tokio::test]
async fn pages_meet_in_every_order_and_each_model_is_on_one_of_them() {
    on_both(async |app| {
        for at in 0..120 {
            add(&app, routed(&format!("m{at:03}"), each(&(at % 7).to_string(), "1"))).await;
        }
        for sort in ["", "-name", "price", "-price", "latency"] {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let list = page(&app, &app.admin, |asked| {
                    (asked.sort, asked.after) = (sort.into(), after.clone());
                })
                .await;
                assert!(list.rows.len() <= 50);
                assert_eq!(list.newer.is_some(), !after.is_empty());
                seen.extend(names(&list).into_iter().map(str::to_owned));
                match list.older {
                    Some(next) => after = next,
                    None => break,
                }
            }
            assert_eq!(seen.len(), 122, "{sort}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 122, "{sort}");
        }
    })
    .await;
}

#[tokio::test]
async fn latency_and_errors_are_measured_here_over_everyones_calls_and_a_week_leaves_out_what_is_older() {
    on_both(async |app| {
        let clock = app.clock.clone();
        let slow = Upstream::start(move || {
            clock.wind(Duration::from_millis(400));
            upstream::json(
                200,
                r#"{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
            )
        })
        .await;
        app.model("measured", &slow.base_url).await;
        let key = app.key(|_| ()).await;
        let ask = json!({ "model": "measured", "messages": [{ "role": "user", "content": "hi" }] });
        app.chat(&key.secret, ask.clone()).await;
        app.clock.wind(Duration::from_hours(24 * 10));
        let provider = app.gateway.providers(&app.admin).expect("an admin")[1].clone();
        assert_eq!(provider.name, "provider of measured");
        app.chat(&key.secret, ask.clone()).await;
        // A client that left is a call that failed.
        let down = Upstream::start(|| upstream::json(500, "{}")).await;
        app.model("down", &down.base_url).await;
        app.chat(&key.secret, json!({ "model": "down", "messages": [] })).await;
        app.gateway.settled().await.expect("the books");
        let user = app.gateway.create_account("user@example.com", "", Role::User, "unused").await.expect("a user");
        let row = async |days: &str, name: &str| {
            let list = page(&app, &user, |asked| {
                (asked.q, asked.days) = (name.into(), days.into());
            })
            .await;
            (list.rows[0].first_byte.clone(), list.rows[0].errors.clone())
        };
        assert_eq!(row("", "measured").await, ("400 ms".to_owned(), "0.0 %".to_owned()));
        assert_eq!(row("7", "down").await, ("—".to_owned(), "100.0 %".to_owned()));
        assert_eq!(app.gateway.performance(30).await.expect("told")["measured"].calls, 2);
        assert_eq!(app.gateway.performance(7).await.expect("told")["measured"].calls, 1);
        assert_eq!(row("", "tollgate/echo").await, ("—".to_owned(), "—".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn ones_own_last_thirty_days_are_priced_anew_as_one_sum_and_nobody_elses() {
    on_both(async |app| {
        let user = app.gateway.create_account("user@example.com", "", Role::User, "unused").await.expect("a user");
        let own = app.key(|spec| spec.account_id = Some(user.id.clone())).await;
        let theirs = app.key(|_| ()).await;
        let fill = |words: u64| json!({ "model": "tollgate/fill", "max_tokens": words, "messages": [{ "role": "user", "content": "a b c" }] });
        // Three tokens in and twenty out: 43 millionths. What is older than 30 days does not count.
        app.chat(&own.secret, fill(500)).await;
        app.clock.wind(Duration::from_hours(24 * 31));
        app.chat(&own.secret, fill(20)).await;
        app.chat(&theirs.secret, fill(1_000)).await;
        app.gateway.settled().await.expect("the books");
        add(&app, routed("lab/other", each("0.50", "1.25"))).await;
        let price: Price = serde_json::from_value(each("0.50", "1.25")).expect("a price");
        let used = app.gateway.own_use(&user).await.expect("told");
        assert_eq!(used.iter().map(|used| used.cost.nanos()).sum::<i64>(), 43_000);
        // 3 x 0.50 + 20 x 1.25, in millionths.
        assert_eq!(price.cost(&used[0].usage).nanos(), 26_500);
        let list = page(&app, &user, |asked| asked.q = "lab/".into()).await;
        assert_eq!((list.whose.as_str(), list.spent.as_deref()), ("Your last 30 days", Some("0.000043")));
        assert_eq!((list.rows[0].would.as_str(), list.rows[0].change.as_str()), ("0.000027", "−38.4 %"));
        let page = one::page(&app.gateway, &user, "lab/other", "").await.expect("a page");
        assert_eq!((page.own.then.as_str(), page.own.now.as_str()), ("0.000043", "0.000027"));
        let of = one::page(&app.gateway, &user, "lab/other", "tollgate/fill").await.expect("a page");
        assert_eq!(of.own.now, page.own.now);
        let nothing = one::page(&app.gateway, &user, "lab/other", "tollgate/echo").await.expect("a page");
        assert!(nothing.own.sum.is_empty() && nothing.own.nothing.contains("tollgate/echo"));
        let everyone = one::page(&app.gateway, &app.admin, "lab/other", "").await.expect("a page");
        assert_eq!(everyone.own.whose, "Everyone’s last 30 days");
        assert_eq!(everyone.own.then, "0.002046");
        assert!(one::page(&app.gateway, &user, "lab/nothing", "").await.is_err());
    })
    .await;
}

#[tokio::test]
async fn each_reader_is_told_how_many_of_their_keys_may_call_a_model() {
    on_both(async |app| {
        let user = app.gateway.create_account("user@example.com", "", Role::User, "unused").await.expect("a user");
        for models in [vec![], vec!["tollgate/echo".to_owned()], vec!["tollgate/echo".to_owned()]] {
            app.key(|spec| (spec.account_id, spec.models) = (Some(user.id.clone()), models)).await;
        }
        app.key(|_| ()).await;
        let told = page(&app, &user, |_| ()).await;
        let why: Vec<&str> = told.rows.iter().map(|row| row.why.as_str()).collect();
        assert_eq!(
            (names(&told), why),
            (vec!["tollgate/echo", "tollgate/fill"], vec!["all 3 of your keys", "1 of your keys"])
        );
        let stranger = app.gateway.create_account("new@example.com", "", Role::User, "unused").await.expect("a user");
        let mine = page(&app, &stranger, |asked| asked.callable = "mine".into()).await;
        assert!(mine.rows.is_empty(), "whoever has no key can call nothing");
    })
    .await;
}

#[tokio::test]
async fn three_models_at_most_stand_beside_each_other_and_the_best_is_marked() {
    on_both(async |app| {
        add(&app, routed("a", each("1", "4"))).await;
        add(&app, routed("b", each("2", "3"))).await;
        let list =
            page(&app, &app.admin, |asked| asked.compare = "a,b,nothing,tollgate/echo,tollgate/fill".into()).await;
        let compared = list.compared.expect("a comparison");
        assert_eq!(compared.names, ["a", "b", "tollgate/echo"]);
        let fact = |label: &str| compared.facts.iter().find(|fact| fact.label == label).expect("a fact").values.clone();
        let value = |text: &str, is_best| (text.to_owned(), is_best);
        assert_eq!(fact("Input / M"), [value("1.00", true), value("2.00", false), value("1.00", true)]);
        assert_eq!(fact("Output / M"), [value("4.00", false), value("3.00", false), value("2.00", true)]);
        assert!(page(&app, &app.admin, |asked| asked.compare = "nothing".into()).await.compared.is_none());
    })
    .await;
}
