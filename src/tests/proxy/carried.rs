//! An edit in mid-period begins no budget anew: a changed zone or period waits for the boundary of the old one.

use crate::domain::key::{Reset, TokenQuota};
use crate::tests::app::{TestApp, on_both};
use serde_json::json;
use std::time::Duration;

async fn sixty_tokens(app: &TestApp, secret: &str) -> u16 {
    let call = json!({ "model": "tollgate/fill", "max_tokens": 60, "messages": [] });
    app.chat(secret, call).await.status.as_u16()
}

#[tokio::test]
async fn a_changed_time_zone_acts_from_the_next_midnight_of_the_old_one() {
    on_both(|app| async move {
        let key = app.key(|spec| spec.limits.token_quota = Some(TokenQuota { max: 100, reset: Reset::Daily })).await;
        assert_eq!(sixty_tokens(&app, &key.secret).await, 200);
        // It is 23:00 in Tokyo: there, the day would begin anew within the hour.
        let mut spec = key.key.spec();
        spec.timezone = "Asia/Tokyo".to_owned();
        app.gateway.edit_key(&app.admin, &key.key.id, spec.clone()).await.expect("edited");
        app.clock.wind(Duration::from_hours(2));
        assert_eq!(sixty_tokens(&app, &key.secret).await, 402);
        // The number acts at once.
        spec.limits.token_quota = Some(TokenQuota { max: 120, reset: Reset::Daily });
        app.gateway.edit_key(&app.admin, &key.key.id, spec).await.expect("edited");
        assert_eq!(sixty_tokens(&app, &key.secret).await, 200);
        assert_eq!(sixty_tokens(&app, &key.secret).await, 402);
        // Midnight in UTC: from now on it is Tokyo's day, which began at 15:00 and has seen the second call.
        app.clock.wind(Duration::from_hours(8));
        let app = app.reopened().await;
        let known = app.gateway.key(&app.admin, &key.key.id).await.expect("the key");
        let standing = &app.gateway.standings(&known).await.expect("meters")[0];
        assert_eq!((standing.limit.zone.name(), standing.reading.settled), ("Asia/Tokyo", 60));
        assert_eq!(sixty_tokens(&app, &key.secret).await, 200);
    })
    .await;
}
