//! What has expired goes.

use auth::{MIGRATOR, db};
use testkit::Clock;
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
    let mut db = auth.database.connect().await;
    while db::delete_expired(&mut db, auth.clock.now()).await.unwrap() {}
    assert_eq!(auth.number(LEFT).await, 5);
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    auth.refresh(text(&tokens, "refresh_token")).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn it_goes_in_batches() {
    // Without a running service, which purges as well.
    let database = testkit::postgres::database(&[&MIGRATOR]).await;
    let mut db = database.connect().await;
    let expired = "with client as (
            insert into client (client_id, name, grant_types, redirect_uris, origins, scopes, plan, created_at)
            values ('some', 'Some', '{}', '{}', '{}', '{}', 'free', now()) returning client_id)
        insert into access_token (token_hash, client_id, scopes, issued_at, expires_at)
        select sha256(n::text::bytea), client_id, '{}', now(), now() from client, generate_series(1, 1500) n";
    sqlx::query(expired).execute(&mut db).await.unwrap();
    let later = Clock::system().now() + Duration::hours(1);
    assert!(db::delete_expired(&mut db, later).await.unwrap(), "a full batch: there may be more");
    let left = "select count(*) from access_token";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut db).await.unwrap(), 500);
    assert!(!db::delete_expired(&mut db, later).await.unwrap());
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&mut db).await.unwrap(), 0);
}
