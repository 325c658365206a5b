//! Exports over HTTP.

use super::in_both_offices;
use crate::domain::key::KeyState;
use crate::gateway::batch::Action;
use crate::gateway::issue::KeyQuery;
use serde_json::json;

#[tokio::test]
async fn an_export_holds_what_a_list_shows_and_never_a_secret() {
    in_both_offices(async |office| {
        let group = office.user.made("/groups", json!({"name":"g"})).await;
        let body = json!({"name":"=HYPERLINK(\"x\"), \"two\"","group_id":group,"models":["a","b"],
            "limits":{"rpm":60,"monthly_spend":"2.5","token_quota":{"max":9,"reset":"weekly"}}});
        let (id, secret) = office.user.key_and_secret(body).await;
        office.admin.key(json!({"name":"another's"})).await;
        let path = format!("/keys/{id}");
        let key = office.user.get(&path).await.json();
        let export = office.user.get("/keys/export?format=csv").await;
        assert_eq!((export.status.as_u16(), export.header("cache-control")), (200, "no-store"));
        assert_eq!(export.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert_eq!(export.header("content-disposition"), "attachment; filename=\"keys.csv\"");
        let header = "id,name,hint,status,account_id,group_id,rule_id,expires_at,models,ip_allowlist,endpoints,\
            timezone,rpm,tpm,rpd,token_quota_max,token_quota_reset,monthly_tokens,monthly_spend,credit_quota,\
            max_tokens_per_request,max_cost_per_request,cache_ttl_seconds,created_at,last_used_at,revoked_at";
        let row = format!(
            "{id},\"'=HYPERLINK(\"\"x\"\"), \"\"two\"\"\",{},active,{},{group},,,a;b,,,UTC,60,,,9,weekly,,2.50,,,,,2026-11-20T14:00:00Z,,",
            key["hint"].as_str().unwrap(),
            office.user.account.id
        );
        assert_eq!(export.body, format!("{header}\r\n{row}\r\n"));

        let export = office.user.get("/keys/export?format=json").await;
        assert_eq!(export.header("content-type"), "application/json");
        assert_eq!(export.header("content-disposition"), "attachment; filename=\"keys.json\"");
        assert_eq!(export.json(), json!({"data":[key]}));
        for export in [export, office.admin.get("/keys/export").await] {
            assert!(!export.body.contains(&secret));
        }
        let account = &office.user.account.id;
        for (query, rows) in [
            ("status=active".to_owned(), 2),
            ("status=revoked".to_owned(), 0),
            ("search=another".to_owned(), 1),
            (format!("group_id={group}"), 1),
            (format!("account_id={account}&rule_id=none"), 0),
        ] {
            let export = office.admin.get(&format!("/keys/export?format=json&{query}")).await;
            assert_eq!(export.column("id").len(), rows, "{query}");
            assert_eq!(office.admin.get(&format!("/keys?{query}")).await.column("id").len(), rows);
        }
        for (query, code) in [("format=xml", "invalid_field"), ("limit=1", "unknown_field")] {
            let refused = office.admin.get(&format!("/keys/export?{query}")).await;
            assert_eq!((refused.status.as_u16(), refused.code()), (400, code.to_owned()));
        }
    })
    .await;
}

#[tokio::test]
async fn an_export_goes_on_over_all_pages() {
    in_both_offices(async |office| {
        for number in 0..1_005 {
            let mut spec = crate::domain::key::KeySpec::named(&format!("key {number}"));
            spec.account_id = Some(office.user.account.id.clone());
            office.app.gateway.create_key(&office.admin.account, spec).await.expect("a key");
        }
        let mut names = office.user.get("/keys/export?format=json").await.column("name");
        assert_eq!(names.len(), 1_005);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 1_005, "each once");
        let lines = office.user.get("/keys/export").await;
        assert_eq!(lines.body.lines().count(), 1_006, "the header stands once");

        // However many there are, they are changed a thousand at a time, and each answers for itself.
        let (gateway, user) = (&office.app.gateway, &office.user.account);
        let mut ids = gateway.key_ids(user, &KeyQuery::default()).await.expect("ids");
        assert_eq!(ids.len(), 1_005);
        ids.insert(2, "nobody".into());
        let done = gateway.change_any_keys(user, &ids, &Action::Disable).await.expect("done");
        assert_eq!(done.iter().map(|done| &done.id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
        let failed: Vec<usize> = (0..done.len()).filter(|at| done[*at].key.is_err()).collect();
        assert_eq!(failed, [2]);
        let off = KeyQuery { state: Some(KeyState::Disabled), ..KeyQuery::default() };
        assert_eq!(gateway.list_keys(user, off).await.expect("a page").total, 1_005);
    })
    .await;
}
