//! The page of prices: what its forms do, as its server functions do it.

use crate::page::prices::{added, compared, imported, page};
use crate::tests::app::on_both;

const SNAPSHOT: &str = "snapshot";

#[tokio::test]
async fn a_list_is_compared_and_what_is_ticked_is_taken_over_as_it_was_shown() {
    on_both(|app| async move {
        let (gateway, admin) = (&app.gateway, &app.admin);
        app.model("gpt-4o", "http://127.0.0.1:9/v1").await;
        app.price("gpt-4o", r#"{"input":"5","output":"15"}"#).await;
        let compare =
            |search: &'static str| compared(gateway, admin, SNAPSHOT.into(), String::new(), String::new(), search);
        let told = compare("gpt-4o").await.expect("a difference");
        let row = told.rows.iter().find(|row| row.name == "gpt-4o").expect("a row");
        assert_eq!((row.is_new, &row.old), (false, &vec!["input 5.00".to_owned(), "output 15.00".to_owned()]));
        assert_eq!(row.new, ["input 2.50", "cached_input 1.25", "output 10.00"]);
        assert!(told.rows.iter().all(|row| row.name.contains("gpt-4o")), "only what was searched for");
        let take = |digest: String, names: [&str; 2], create| {
            let names = names.map(str::to_owned).to_vec();
            async move {
                imported(gateway, admin, SNAPSHOT.into(), String::new(), String::new(), &digest, names, create).await
            }
        };
        let names = ["gpt-4o", "gpt-4o-mini"];
        assert_eq!(take(told.digest.clone(), names, false).await.expect_err("not asked for").fields[0].field, "create");
        // Somebody else changes a price meanwhile: the difference is another, and is to be looked at again.
        app.price("gpt-4o", r#"{"input":"2.50","cached_input":"1.25","output":"10.00"}"#).await;
        assert!(take(told.digest, names, true).await.is_err());
        let told = compare("").await.expect("a difference");
        let said = take(told.digest, names, true).await.expect("taken over");
        assert_eq!(said, "Prices taken over: 0. Models made: 1.");
        assert!(gateway.model("gpt-4o-mini").is_some_and(|model| model.price.is_some() && model.routes.is_empty()));
    })
    .await;
}

#[tokio::test]
async fn a_version_is_written_in_lines_and_begins_by_the_clock_of_whoever_writes_it() {
    on_both(|app| async move {
        let (gateway, admin) = (&app.gateway, &app.admin);
        let add = |price: &'static str, at: &'static str| added(gateway, admin, "tollgate/fill", price, at);
        assert_eq!(add("input 2\noutput 3\nper_request 0.01", "").await.expect("added"), "Version 2 is in force.");
        let said = add("free", "2026-11-21T09:00").await.expect("added");
        assert_eq!(said, "Version 3 takes effect tomorrow 09:00.");
        for (price, at, field) in [
            ("input 2", "", "price"),
            ("input two\noutput 3", "", "price"),
            ("free", "soon", "starts_at"),
            ("free", "2026-11-20T13:00", "starts_at"),
        ] {
            assert_eq!(add(price, at).await.expect_err(price).fields[0].field, field, "{price} {at}");
        }
        let shown = page(gateway, admin, "tollgate/fill".to_owned()).await.expect("a page");
        let states: Vec<_> = shown.rows.iter().map(|row| (row.version, row.standing.as_str())).collect();
        assert_eq!(states, [(3, "upcoming"), (2, "in_force"), (1, "past")]);
        assert_eq!(shown.lines, "input 2.00\noutput 3.00\nper_request 0.01");
    })
    .await;
}
