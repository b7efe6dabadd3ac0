//! What the scripts are told of: the issuer, users, and clients that are registered for this run with new secrets.

use anyhow::Result;
use launch::{random_text, suite::Suite};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

const USER_SCOPES: [&str; 8] =
    ["openid", "profile", "email", "offline_access", "store:read", "inventory:read", "order:read", "order:write"];
const MACHINE_SCOPES: [&str; 3] = ["store:read", "inventory:read", "order:read"];
const REDIRECTS: [&str; 1] = ["http://127.0.0.1/callback"];

/// Registers them, and answers what a script hears first.
pub async fn register(suite: &Suite) -> Result<Value> {
    let mut db = PgConnection::connect(&suite.database_url("auth")).await?;
    let code = ["authorization_code", "refresh_token"];
    let app = insert(&mut db, "conformance-app", false, &code, &USER_SCOPES).await?;
    let web = insert(&mut db, "conformance-web", true, &code, &USER_SCOPES).await?;
    let machine = insert(&mut db, "conformance-machine", true, &["client_credentials"], &MACHINE_SCOPES).await?;
    let url = suite.public_url();
    Ok(json!({
        "issuer": format!("{url}/auth"),
        "public_url": url,
        "users": {"alice": "01900000-0000-7000-8000-000000000001"},
        "clients": {
            "app": app,
            "web": web,
            "machine": machine,
            "gateway": {"id": "gateway", "secret": suite.secrets().gateway_client},
        },
    }))
}

async fn insert(
    db: &mut PgConnection,
    id: &str,
    confidential: bool,
    grant_types: &[&str],
    scopes: &[&str],
) -> Result<Value> {
    let secret = confidential.then(|| random_text(48));
    sqlx::query(
        "insert into client (client_id, name, secret_hash, grant_types, redirect_uris, origins, scopes, plan,
             asks_consent, created_at)
         values ($1, 'Conformance', sha256($2::bytea), $3, $4, '{}', $5, 'internal', false, now())",
    )
    .bind(id)
    .bind(secret.as_ref().map(String::as_bytes))
    .bind(grant_types)
    .bind(REDIRECTS.as_slice())
    .bind(scopes)
    .execute(db)
    .await?;
    Ok(secret.map_or_else(|| json!({"id": id}), |secret| json!({"id": id, "secret": secret})))
}
