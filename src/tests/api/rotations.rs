//! Rotations: the old secret beside the new one for a while, and who still uses it.

use super::{Office, fill, in_both_offices};
use crate::domain::id::KeyId;
use crate::store::key_secrets::OldSecret;
use serde_json::json;
use std::time::Duration;

async fn old_secrets(office: &Office, key: &str) -> Vec<OldSecret> {
    office.app.gateway.old_secrets(&office.app.admin, &KeyId::from(key)).await.expect("secrets")
}

async fn rotated(office: &Office, key: &str, grace_seconds: u64) -> String {
    let answer = office.admin.post(&format!("/keys/{key}/rotate"), json!({"grace_seconds":grace_seconds})).await;
    answer.json()["secret"].as_str().expect("a secret").to_owned()
}

#[tokio::test]
async fn a_page_can_say_who_still_uses_an_old_secret_and_end_it() {
    in_both_offices(async |office| {
        let (key, old) = office.admin.key_and_secret(json!({"name":"web"})).await;
        assert_eq!(old_secrets(&office, &key).await, []);
        let made = office.app.clock.now();
        let new = rotated(&office, &key, 3_600).await;
        let told = old_secrets(&office, &key).await;
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0].hint[..10], &told[0].hint[13..]), (&old[..10], &old[old.len() - 4..]));
        assert_eq!((told[0].replaced_at, told[0].last_used_at), (Some(made), None));
        assert_eq!(told[0].expires_at, made.plus(Duration::from_hours(1)));

        // A call with the new one says nothing of the old.
        assert_eq!(office.app.chat(&new, fill(1)).await.status, 200);
        assert_eq!(old_secrets(&office, &key).await[0].last_used_at, None);
        office.app.clock.wind(Duration::from_secs(60));
        assert_eq!(office.app.chat(&old, fill(1)).await.status, 200);
        let used = office.app.clock.now();
        let told = old_secrets(&office, &key).await;
        assert_eq!(told[0].last_used_at, Some(used), "at once");
        assert!(told[0].last_used_from.as_deref().is_some_and(|from| from.parse::<std::net::IpAddr>().is_ok()));

        // It is written in batches, and never written back in time.
        office.app.gateway.stamp_keys().await.expect("written");
        assert_eq!(old_secrets(&office, &key).await, told, "what was written is what was told");
        let another = office.app.another().await;
        assert_eq!(another.old_secrets(&office.app.admin, &key.as_str().into()).await.expect("read"), told);

        let hint = told[0].hint.clone();
        let id = KeyId::from(key.as_str());
        assert!(office.app.gateway.end_old_secret(&office.user.account, &id, &hint).await.is_err(), "not another's");
        office.app.gateway.end_old_secret(&office.app.admin, &id, &hint).await.expect("ended");
        assert_eq!(office.app.chat(&old, fill(1)).await.code(), "invalid_key");
        assert_eq!(office.app.chat(&new, fill(1)).await.status, 200);
        assert_eq!(old_secrets(&office, &key).await, []);
        assert!(office.app.gateway.end_old_secret(&office.app.admin, &id, &hint).await.is_err(), "once");
    })
    .await;
}

#[tokio::test]
async fn a_refused_call_with_an_old_secret_is_a_use_of_it_and_grace_ends_by_itself() {
    in_both_offices(async |office| {
        let (key, old) = office.admin.key_and_secret(json!({"name":"web","limits":{"rpm":0}})).await;
        let new = rotated(&office, &key, 3_600).await;
        assert_eq!(office.app.chat(&old, fill(1)).await.status, 429);
        assert_eq!(old_secrets(&office, &key).await[0].last_used_at, Some(office.app.clock.now()));
        rotated(&office, &key, 7_200).await;
        let told = old_secrets(&office, &key).await;
        assert_eq!(told.len(), 2, "each is honoured for as long as it was given");
        assert!(told[0].hint.ends_with(&new[new.len() - 4..]), "the one that ends last is first");
        office.app.clock.wind(Duration::from_secs(3_600));
        assert_eq!(office.app.chat(&old, fill(1)).await.code(), "invalid_key");
        assert_eq!(old_secrets(&office, &key).await.len(), 1);
    })
    .await;
}
