//! Groups over HTTP: made, shared, moved between, counted.

use super::{fill, in_both_offices};
use crate::domain::account::Account;
use crate::domain::group::GroupSpec;
use crate::domain::id::{GroupId, KeyId};
use crate::domain::problem::ProblemKind;
use crate::domain::time::Time;
use crate::gateway::groups::{GroupOrder, GroupQuery, Populated};
use crate::page::groups::one;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

#[tokio::test]
async fn the_contracts_own_group_is_taken_and_read_back() {
    in_both_offices(async |office| {
        let body = json!({"name":"team-search","description":"","quota":{"tokens":1_000_000,"credits":"200.00",
            "period":"monthly"},"timezone":"UTC"});
        let made = office.user.post("/groups", body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let made = made.json();
        let expected = json!({"id":made["id"],"account_id":office.user.account.id.as_str(),"name":"team-search",
            "description":"","quota":{"tokens":1_000_000,"credits":"200.00","period":"monthly"},"timezone":"UTC",
            "created_at":"2026-11-20T14:00:00Z","key_count":0});
        assert_eq!(made, expected);
        let path = format!("/groups/{}", made["id"].as_str().unwrap());
        assert_eq!(office.user.get(&path).await.json(), expected);
        let patch = json!({"quota":{"tokens":null,"period":"weekly"},"timezone":"UTC+8","key_count":7});
        let after = office.user.patch(&path, patch).await.json();
        assert_eq!(after["quota"], json!({"tokens":null,"credits":"200.00","period":"weekly"}));
        assert_eq!((&after["timezone"], &after["key_count"]), (&json!("UTC+8"), &json!(0)));
        assert_eq!(office.user.patch(&path, json!({"quota":null})).await.json()["quota"], Value::Null);
        assert_eq!(office.user.patch(&path, json!({"id":"x"})).await.fields(), ["id"]);
        assert_eq!(office.user.delete(&path).await.status, 204);
        assert_eq!(office.user.get(&path).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_name_in_use_is_named_and_another_account_may_use_it() {
    in_both_offices(async |office| {
        office.user.made("/groups", json!({"name":"search"})).await;
        office.admin.made("/groups", json!({"name":"search"})).await;
        let other = office.user.made("/groups", json!({"name":"other"})).await;
        for refused in [
            office.user.post("/groups", json!({"name":" search "})).await,
            office.user.patch(&format!("/groups/{other}"), json!({"name":"search"})).await,
        ] {
            assert_eq!((refused.code(), refused.fields()), ("conflict".to_owned(), vec!["name".to_owned()]));
        }
        for (body, field) in [
            (json!({"name":"x","quota":{"tokens":1}}), "quota.period"),
            (json!({"name":"x","quota":{"credits":"-1","period":"daily"}}), "quota.credits"),
            (json!({"name":"x","timezone":"Mars"}), "timezone"),
            (json!({"name":"x","account_id":"nobody"}), "account_id"),
        ] {
            let refused = office.admin.post("/groups", body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec![field.to_owned()]), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_user_sees_and_binds_only_their_own_groups() {
    in_both_offices(async |office| {
        let theirs = office.admin.made("/groups", json!({"name":"theirs"})).await;
        let own = office.user.made("/groups", json!({"name":"own"})).await;
        let path = format!("/groups/{theirs}");
        let key = office.user.key(json!({"name":"web","group_id":own})).await;
        for answer in [
            office.user.get(&path).await,
            office.user.patch(&path, json!({"name":"mine"})).await,
            office.user.delete(&path).await,
            office.user.post(&format!("{path}/keys"), json!({"ids":[key]})).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found".to_owned()));
        }
        for refused in [
            office.user.post("/keys", json!({"name":"x","group_id":theirs})).await,
            office.user.patch(&format!("/keys/{key}"), json!({"group_id":theirs})).await,
        ] {
            assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["group_id".to_owned()]));
        }
        assert_eq!(office.user.get("/groups").await.column("id"), std::slice::from_ref(&own));
        assert_eq!(office.admin.get("/groups").await.column("id").len(), 2);
        // What an admin has bound stays when the owner edits something else.
        office.admin.patch(&format!("/keys/{key}"), json!({"group_id":theirs})).await;
        let after = office.user.patch(&format!("/keys/{key}"), json!({"name":"renamed"})).await.json();
        assert_eq!((&after["name"], &after["group_id"]), (&json!("renamed"), &json!(theirs)));
        assert_eq!(
            office.user.post("/groups", json!({"name":"x","account_id":office.admin.account.id.as_str()})).await.code(),
            "forbidden"
        );
    })
    .await;
}

#[tokio::test]
async fn keys_are_put_into_a_group_one_by_one_and_leave_it_when_it_is_deleted() {
    in_both_offices(async |office| {
        let group = office.admin.made("/groups", json!({"name":"all"})).await;
        let (first, second) = (office.admin.key(json!({"name":"a"})).await, office.user.key(json!({"name":"b"})).await);
        let revoked = office.admin.key(json!({"name":"c","group_id":group})).await;
        office.admin.delete(&format!("/keys/{revoked}")).await;
        let ids = json!({"ids":[first, second, "nobody", revoked]});
        let done = office.admin.post(&format!("/groups/{group}/keys"), ids).await;
        assert_eq!(done.column("id"), [first.as_str(), &second, "nobody", &revoked], "one element an id");
        let done = done.json();
        for place in [0, 1] {
            assert_eq!(done["data"][place]["key"]["group_id"], json!(group), "across accounts, too");
            assert_eq!(done["data"][place]["error"], Value::Null);
        }
        assert_eq!(done["data"][2]["error"]["code"], "not_found");
        assert_eq!(done["data"][3]["error"]["code"], "conflict");
        let path = format!("/groups/{group}");
        assert_eq!(office.admin.get(&path).await.json()["key_count"], 2, "revoked keys are not counted");
        assert_eq!(office.admin.get(&format!("/keys?group_id={group}&status=active")).await.column("id").len(), 2);
        assert_eq!(office.admin.delete(&path).await.status, 204);
        assert_eq!(office.user.get(&format!("/keys/{second}")).await.json()["group_id"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn pages_hold_every_group_once() {
    in_both_offices(async |office| {
        let mut made = Vec::new();
        for number in 0..5 {
            office.app.clock.wind(Duration::from_secs(number % 2));
            made.push(office.admin.made("/groups", json!({"name":format!("group {number}")})).await);
        }
        let first = office.admin.get("/groups?limit=3").await;
        let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
        let second = office.admin.get(&format!("/groups?limit=3&cursor={cursor}")).await;
        assert_eq!(second.json()["next_cursor"], Value::Null);
        let mut seen = [first.column("id"), second.column("id")].concat();
        seen.sort();
        made.sort();
        assert_eq!(seen, made);
        assert_eq!(office.admin.get("/groups?status=active").await.code(), "unknown_field");
    })
    .await;
}

#[tokio::test]
async fn what_a_group_used_is_told_by_group_and_moving_a_key_rewrites_no_history() {
    in_both_offices(async |office| {
        let group = office.admin.made("/groups", json!({"name":"g"})).await;
        let (key, secret) = office.admin.key_and_secret(json!({"name":"web","group_id":group})).await;
        let in_group = office.app.chat(&secret, fill(3)).await;
        office.admin.patch(&format!("/keys/{key}"), json!({"group_id":null})).await;
        office.app.chat(&secret, fill(3)).await;
        office.app.idle().await;
        office.app.clock.wind(Duration::from_secs(900));
        let rows = office.admin.get("/usage?by=group").await.json()["data"].clone();
        let costs = rows.as_array().unwrap().iter().map(|row| (row["group_id"].clone(), row["cost"].clone()));
        let expected = [(Value::Null, json!("0.000007000")), (json!(group), json!("0.000007000"))];
        assert_eq!(costs.collect::<Vec<_>>(), expected);
        let narrowed = office.admin.get(&format!("/usage?by=key&group_id={group}")).await.json()["data"].clone();
        assert_eq!((narrowed.as_array().unwrap().len(), &narrowed[0]["requests"]), (1, &json!(1)));
        let logged = office.admin.get(&format!("/logs?group_id={group}")).await;
        assert_eq!(logged.column("id"), [in_group.header("x-request-id")]);
        assert_eq!(logged.column("group_id"), [group]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_never_writes_back_what_another_has_just_changed() {
    in_both_offices(async |office| {
        let body = json!({"name":"g","quota":{"credits":"1","period":"daily"}});
        let id = GroupId(office.user.made("/groups", body).await);
        let (gateway, by) = (&office.app.gateway, &office.user.account);
        let renamed = |known: &Populated| Ok(GroupSpec { name: "renamed".to_owned(), ..known.group.spec() });
        let overtaken = |known: &Populated| {
            let unbounded = |known: &Populated| Ok(GroupSpec { quota: None, ..known.group.spec() });
            block_in_place(|| Handle::current().block_on(gateway.edit_group(by, &id, unbounded)))?;
            renamed(known)
        };
        let refused = gateway.edit_group(by, &id, overtaken).await.expect_err("it was overtaken");
        assert_eq!(refused.kind, ProblemKind::Meanwhile);
        let now = gateway.group(by, &id).await.expect("it is there").group;
        assert_eq!((now.name.as_str(), now.quota), ("g", None), "the first edit stands, and nothing of the second");
        let now = gateway.edit_group(by, &id, renamed).await.expect("alone it passes").group;
        assert_eq!((now.name.as_str(), now.quota), ("renamed", None));

        let path = format!("/groups/{id}");
        for round in 0..10 {
            let (name, quota) = (format!("round {round}"), json!({"tokens":round,"credits":null,"period":"weekly"}));
            let (one, other) = tokio::join!(
                office.user.patch(&path, json!({"name":name})),
                office.user.patch(&path, json!({"quota":quota})),
            );
            let after = office.user.get(&path).await.json();
            for (answer, field, value) in [(one, "name", json!(name)), (other, "quota", quota)] {
                match answer.status.as_u16() {
                    200 => assert_eq!(after[field], value, "what was answered as done is done"),
                    status => assert_eq!((status, answer.code()), (409, "conflict".to_owned()), "{}", answer.body),
                }
            }
        }
        let gone = |_: &Populated| {
            block_in_place(|| Handle::current().block_on(gateway.delete_group(by, &id)))?;
            Ok(GroupSpec::named("back"))
        };
        let refused = gateway.edit_group(by, &id, gone).await.expect_err("it was deleted");
        assert_eq!(refused.kind, ProblemKind::NotFound);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_searched_and_sorted_and_each_of_its_pages_holds_every_group_once() {
    in_both_offices(async |office| {
        let (gateway, by) = (&office.app.gateway, &office.admin.account);
        // By name, by keys and by what was spent they come in other orders.
        for (name, keys, words) in
            [("delta", 1, 9), ("Alpha.1", 3, 5), ("beta_x", 0, 0), ("charlie", 2, 9), ("beta%", 2, 1)]
        {
            office.app.clock.wind(Duration::from_secs(1));
            let group = office.admin.made("/groups", json!({"name":name})).await;
            for key in 0..keys {
                let (_, secret) = office.admin.key_and_secret(json!({"name":"k","group_id":group})).await;
                if key == 0 && words > 0 {
                    assert_eq!(office.app.chat(&secret, fill(words)).await.status, 200);
                }
            }
        }
        office.app.clock.wind(Duration::from_secs(1));
        office.user.made("/groups", json!({"name":"echo"})).await;
        office.app.idle().await;
        let month = Some(Time::parse("2026-11-01T00:00:00Z").unwrap());
        let names = async |by: &Account, order: GroupOrder, ascending: bool, search: &str| {
            let search = Some(search.to_owned());
            let query = GroupQuery { search, order, ascending, spent_since: month, limit: 2, ..GroupQuery::default() };
            let mut page = gateway.groups(by, query.clone()).await.expect("a page");
            let mut names = Vec::new();
            loop {
                names.extend(page.data.into_iter().map(|known| known.group.name));
                let Some(cursor) = page.next.take() else { return names };
                page = gateway.groups(by, GroupQuery { cursor: Some(cursor), ..query.clone() }).await.expect("a page");
            }
        };
        let reversed = |mut names: Vec<String>| {
            names.reverse();
            names
        };
        for (order, expected) in [
            (GroupOrder::Age, ["delta", "Alpha.1", "beta_x", "charlie", "beta%", "echo"]),
            (GroupOrder::Name, ["Alpha.1", "beta%", "beta_x", "charlie", "delta", "echo"]),
            (GroupOrder::Keys, ["beta_x", "echo", "delta", "charlie", "beta%", "Alpha.1"]),
            (GroupOrder::Spent, ["beta_x", "echo", "beta%", "Alpha.1", "delta", "charlie"]),
        ] {
            assert_eq!(names(by, order, true, "").await, expected, "{order:?}");
            assert_eq!(reversed(names(by, order, false, " ").await), expected, "{order:?}");
        }
        assert_eq!(names(by, GroupOrder::Name, true, "BETA").await, ["beta%", "beta_x"]);
        assert_eq!(names(by, GroupOrder::Name, true, "a%").await, ["beta%"]);
        assert_eq!(names(by, GroupOrder::Name, true, "_").await, ["beta_x"]);
        assert_eq!(names(&office.user.account, GroupOrder::Spent, false, "").await, ["echo"]);
        for (order, cursor) in [(GroupOrder::Spent, "x.y"), (GroupOrder::Name, "nothing")] {
            let query = GroupQuery { order, cursor: Some(cursor.to_owned()), ..GroupQuery::default() };
            let refused = gateway.groups(by, query).await.expect_err("no place");
            assert_eq!(refused.fields[0].field, "cursor");
        }
        let query = GroupQuery { spent_since: month, ..GroupQuery::default() };
        let spent = gateway.groups(by, query).await.expect("a page").data;
        assert_eq!(spent.last().map(|known| (known.keys, known.spent.to_string())), Some((1, "0.000019".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn the_page_of_a_group_tells_what_each_key_used_of_it_and_all_of_it_is_the_total() {
    in_both_offices(async |office| {
        let (gateway, by) = (&office.app.gateway, &office.admin.account);
        // Past the beginning of the quarter hour in which the calls are counted.
        office.app.clock.wind(Duration::from_secs(1));
        let body = json!({"name":"g","quota":{"credits":"0.0001","period":"weekly"},"timezone":"Asia/Tokyo"});
        let group = office.admin.made("/groups", body).await;
        let mut keys = Vec::new();
        for (name, words) in [("web", 10), ("batch", 20)] {
            office.app.clock.wind(Duration::from_secs(1));
            let (key, secret) = office.admin.key_and_secret(json!({"name":name,"group_id":group})).await;
            assert_eq!(office.app.chat(&secret, fill(words)).await.status, 200);
            keys.push((key, secret));
        }
        let refused = office.app.chat(&keys[0].1, fill(20)).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (402, "quota_exceeded".to_owned()));
        assert!(refused.body.contains("Group \\\"g\\\""), "it names the group: {}", refused.body);
        let (_, outside) = office.admin.key_and_secret(json!({"name":"outside"})).await;
        assert_eq!(office.app.chat(&outside, fill(20)).await.status, 200, "a key outside goes on");
        office.app.idle().await;
        let id = GroupId(group.clone());
        let page = async |span: &str| one::page(gateway, by, &id, span, String::new()).await.expect("a page");
        let told = page("").await;
        // 1 + 2 x words millionths each.
        assert_eq!((told.total.credits.to_string(), told.total.calls.as_str()), ("0.000062".to_owned(), "3"));
        assert_eq!(told.total.trouble_note, "1 refused, 0 failed");
        let (shared, time) = told.used.expect("there were calls");
        let lines: Vec<_> = shared.lines.iter().map(|line| (line.name.as_str(), line.figures.join(" "))).collect();
        let expected = [("batch", "1 21 0.000041 66.1 %"), ("web", "2 11 0.000021 33.9 %")];
        assert_eq!(lines, expected.map(|(name, figures)| (name, figures.to_owned())));
        assert_eq!((shared.total.join(" ").as_str(), shared.shared.as_str()), ("3 32 0.000062 100.0 %", "credits"));
        assert_eq!(told.meters.iter().map(|meter| meter.budget.settled).collect::<Vec<_>>(), [62_000]);
        assert_eq!(told.meters[0].fate.1, "blocks, reopens 22 Nov 15:00");
        assert_eq!(told.members.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["batch", "web"]);
        let logs = format!("/logs?group={group}");
        assert!(time.lines.iter().all(|line| line.href.as_ref().is_some_and(|href| href.starts_with(&logs))));
        assert!(time.svg.contains(&logs), "what is charted is in the logs");
        let spans: Vec<_> = told.spans.iter().map(|(name, label)| (name.as_str(), label.as_str())).collect();
        assert_eq!(spans, [("month", "This month"), ("period", "The quota’s week")]);
        let week = page("period").await;
        assert_eq!((week.span.as_str(), week.total.credits), ("period", told.total.credits));
        assert_eq!(week.stretch, "This week to date, Asia/Tokyo, UTC+9");

        // A key that leaves keeps its secret, and what it used stays where it was used.
        let left = gateway.leave_group(by, &id, &KeyId(keys[1].0.clone())).await.expect("out");
        assert_eq!((left.group_id, left.id.as_str()), (None, keys[1].0.as_str()));
        assert_eq!(office.app.chat(&keys[1].1, fill(20)).await.status, 200, "only its own limits bound it now");
        office.app.idle().await;
        let told = page("").await;
        assert_eq!(told.total.credits.to_string(), "0.000062");
        let (shared, _) = told.used.expect("there were calls");
        let rows: Vec<_> = shared.lines.iter().map(|row| (row.name.as_str(), row.sub.as_str())).collect();
        assert_eq!(rows, [("batch", "not in the group any more"), ("web", "")]);
        let again = gateway.leave_group(by, &id, &KeyId(keys[1].0.clone())).await.expect_err("it is out");
        assert_eq!(again.kind, ProblemKind::Meanwhile);
        assert_eq!(
            one::page(gateway, &office.user.account, &id, "", String::new()).await.expect_err("not theirs").kind,
            ProblemKind::NotFound
        );
    })
    .await;
}

#[tokio::test]
async fn keys_to_add_are_those_one_may_move_and_what_an_admin_put_there_is_counted_and_not_shown() {
    in_both_offices(async |office| {
        let gateway = &office.app.gateway;
        let own = office.user.made("/groups", json!({"name":"own"})).await;
        let other = office.user.made("/groups", json!({"name":"other"})).await;
        office.user.key(json!({"name":"inside","group_id":own})).await;
        office.user.key(json!({"name":"Elsewhere","group_id":other})).await;
        office.app.clock.wind(Duration::from_secs(1));
        office.user.key(json!({"name":"free"})).await;
        let revoked = office.user.key(json!({"name":"revoked"})).await;
        office.user.delete(&format!("/keys/{revoked}")).await;
        let theirs = office.admin.key(json!({"name":"theirs"})).await;
        let id = GroupId(own.clone());
        let places = async |by: &Account, find: &str| {
            let rows = one::outside(gateway, by, &id, find).await.expect("keys").rows;
            rows.into_iter().map(|row| format!("{} {}", row.name, row.place)).collect::<Vec<_>>()
        };
        assert_eq!(places(&office.user.account, "").await, ["free in no group", "Elsewhere in other"]);
        assert_eq!(places(&office.user.account, "ELSE").await, ["Elsewhere in other"]);
        assert_eq!(places(&office.user.account, "theirs").await, [""; 0]);
        assert_eq!(places(&office.admin.account, "theirs").await, ["theirs in no group"]);
        assert_eq!(places(&office.admin.account, "else").await, ["Elsewhere user’s, in other"]);
        assert_eq!(gateway.count_unseen_keys(&office.user.account, &id).await.expect("a count"), 0);
        office.admin.post(&format!("/groups/{own}/keys"), json!({"ids":[theirs]})).await;
        let page = async |by: &Account| one::page(gateway, by, &id, "", String::new()).await.expect("a page");
        let members = page(&office.user.account).await.members;
        assert_eq!(members.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["inside"]);
        assert!(members.unseen.contains("1 key of other accounts"), "{}", members.unseen);
        let members = page(&office.admin.account).await.members;
        assert_eq!((members.rows.len(), members.unseen.as_str()), (2, ""));
    })
    .await;
}

#[tokio::test]
async fn five_keys_that_share_a_group_are_named_and_the_others_are_one() {
    in_both_offices(async |office| {
        // Past the beginning of the quarter hour in which the calls are counted.
        office.app.clock.wind(Duration::from_secs(1));
        let group = office.admin.made("/groups", json!({"name":"g"})).await;
        for number in 1..=8 {
            let body = json!({"name":format!("key {number}"),"group_id":group});
            let (_, secret) = office.admin.key_and_secret(body).await;
            assert_eq!(office.app.chat(&secret, fill(number)).await.status, 200);
            office.app.idle().await;
            let by = &office.admin.account;
            let told = one::page(&office.app.gateway, by, &GroupId(group.clone()), "", String::new()).await;
            let (keys, _) = told.expect("a page").used.expect("there were calls");
            let rows = &keys.lines;
            // A sixth that is alone is named, too.
            let named = if number <= 6 { number } else { 5 };
            assert_eq!(rows.iter().filter(|row| row.href.is_some()).count() as u64, named);
            assert_eq!(rows.len() as u64, named + u64::from(number > named));
            assert_eq!(keys.shares.iter().map(|share| share.thousandths).sum::<i64>(), 1_000);
            let mut inks: Vec<u8> = rows.iter().map(|row| row.ink).collect();
            inks.sort_unstable();
            inks.dedup();
            assert_eq!(inks.len(), rows.len(), "no two alike");
            if number == 8 {
                assert_eq!((rows[0].name.as_str(), rows[5].name.as_str()), ("key 8", "3 others"));
            }
        }
    })
    .await;
}
