//! What stands in the database: hashes, and nothing that opens a door.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::started::{Auth, VERIFIER, secret, text};

#[tokio::test]
async fn no_table_holds_a_token_a_code_a_cookie_a_secret_or_a_password() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let code = auth.code("alice", "openid order:read offline_access").await;
    let tokens = auth.redeem(&code).await.expect(200).json();
    let refreshed = auth.refresh(text(&tokens, "refresh_token")).await.expect(200).json();
    let machine = auth.client_credentials("order", &[]).await.expect(200).json();
    // Revocations leave a trace in the outbox.
    auth.submit("/auth/revoke", "", &[("client_id", "demo"), ("token", text(&refreshed, "refresh_token"))]).await;
    let mut secrets = vec![
        cookie.split_once('=').unwrap().1.to_owned(),
        code,
        secret("order"),
        secret("gateway"),
        "alice-demo-password".to_owned(),
        VERIFIER.to_owned(),
    ];
    for tokens in [&tokens, &refreshed, &machine] {
        secrets.extend(
            ["access_token", "refresh_token"].iter().filter_map(|name| tokens[name].as_str()).map(str::to_owned),
        );
    }
    let mut db = auth.database.connect().await;
    let (stored, columns) = everything(&mut db).await;
    assert!(columns > 20 && stored.contains("alice@example.com"), "the scan reads the tables");
    for secret in secrets {
        assert!(!stored.contains(&secret), "{secret} is stored");
        // Neither as bytes: without its prefix, decoded.
        let bytes = URL_SAFE_NO_PAD.decode(secret.trim_start_matches("rat_").trim_start_matches("rrt_"));
        for bytes in bytes.into_iter().chain([secret.into_bytes()]) {
            assert!(!stored.contains(&hex::encode(bytes)), "it is stored as bytes");
        }
    }
    assert!(!stored.contains(&hex::encode("-----BEGIN")), "a private key in the clear");
    auth.end().await;
}

#[tokio::test]
async fn the_program_before_this_one_can_still_make_a_signing_key() {
    let auth = Auth::start().await;
    let key = "insert into signing_key (kid, public_jwk, sealed_private_key, created_at)
        select 'before', public_jwk, sealed_private_key, created_at from signing_key limit 1";
    sqlx::query(key).execute(&mut auth.database.connect().await).await.unwrap();
    auth.end().await;
}

// Every row of every table as text (bytes come out as hex), and how many columns there are.
async fn everything(db: &mut PgConnection) -> (String, i64) {
    let tables: Vec<(String, i64)> = sqlx::query_as(
        "select format('%I.%I', table_schema, table_name), count(*) from information_schema.columns
         where table_schema in ('public', 'messaging') group by 1",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    let mut stored = String::new();
    for (table, _) in &tables {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("select t::text from {table} t")))
            .fetch_all(&mut *db)
            .await
            .unwrap();
        stored.push_str(&rows.join("\n"));
    }
    (stored, tables.iter().map(|(_, columns)| columns).sum())
}
