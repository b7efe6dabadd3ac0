//! What has expired goes.

use auth::db;
use time::Duration;

use crate::started::{Auth, text};

const LEFT: &str = "select (select count(*) from access_token) + (select count(*) from refresh_token)
    + (select count(*) from authorization_code) + (select count(*) from login_session)
    + (select count(*) from authorization_grant)";

#[tokio::test]
async fn what_has_expired_goes_and_what_is_alive_stays() {
    let auth = Auth::start().await;
    auth.tokens("alice", "openid order:read offline_access").await;
    auth.clock.advance(Duration::days(31));
    let tokens = auth.tokens("bob", "openid order:read offline_access").await;
    assert_eq!(auth.number(LEFT).await, 10);
    let mut db = auth.database.connect().await;
    while db::delete_expired(&mut db, auth.clock.now()).await.unwrap() {}
    assert_eq!(auth.number(LEFT).await, 5);
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    auth.refresh(text(&tokens, "refresh_token")).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn it_goes_in_batches() {
    let auth = Auth::start().await;
    let mut db = auth.database.connect().await;
    let insert = "insert into access_token (token_hash, client_id, scopes, issued_at, expires_at)
        select sha256(n::text::bytea), 'order', '{}', now(), now() from generate_series(1, 1500) n";
    sqlx::query(insert).execute(&mut db).await.unwrap();
    let later = auth.clock.now() + Duration::hours(1);
    assert!(db::delete_expired(&mut db, later).await.unwrap(), "a full batch: there may be more");
    assert_eq!(auth.number("select count(*) from access_token").await, 500);
    assert!(!db::delete_expired(&mut db, later).await.unwrap());
    assert_eq!(auth.number("select count(*) from access_token").await, 0);
    auth.end().await;
}
