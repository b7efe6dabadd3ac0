//! What the scripts are told of: the issuer, users, and clients that are registered for this run with new secrets.

use anyhow::{Context, Result};
use e2e::client_token;
use launch::{random_text, suite::Suite};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

const USER_SCOPES: [&str; 8] =
    ["openid", "profile", "email", "offline_access", "store:read", "inventory:read", "order:read", "order:write"];
const MACHINE_SCOPES: [&str; 4] = ["store:read", "inventory:read", "order:read", "auth:operate"];
const REDIRECTS: [&str; 1] = ["http://127.0.0.1/callback"];
const CODE: [&str; 2] = ["authorization_code", "refresh_token"];

/// Registers clients.
pub struct Clients {
    db: PgConnection,
    count: u32,
}

/// A client that a script wishes for: one that users log in at, unless it says otherwise.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    secret: bool,
    method: Option<String>,
    jwks: Option<Value>,
    require_par: bool,
    dpop_bound: bool,
    grant_types: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    backchannel_logout_uri: Option<String>,
    id_token_signed_response_alg: Option<String>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            secret: false,
            method: None,
            jwks: None,
            require_par: false,
            dpop_bound: false,
            grant_types: CODE.map(str::to_owned).to_vec(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            id_token_signed_response_alg: None,
        }
    }
}

impl Clients {
    /// Of this suite.
    pub async fn of(suite: &Suite) -> Result<Self> {
        Ok(Self { db: PgConnection::connect(&suite.database_url("auth")).await?, count: 0 })
    }

    /// What a script hears first.
    pub async fn world(&mut self, suite: &Suite) -> Result<Value> {
        let app = self.register(Wish::default()).await?;
        // `app` gets ID tokens of ES256, `web` of RS256.
        let rs256 = Some("RS256".to_owned());
        let web = Wish { secret: true, id_token_signed_response_alg: rs256, ..Wish::default() };
        let web = self.register(web).await?;
        let machine = Wish { secret: true, grant_types: vec!["client_credentials".to_owned()], ..Wish::default() };
        let machine = self.register(machine).await?;
        let url = suite.public_url();
        let initial_access_token = self.initial_access_token(url).await?;
        Ok(json!({
            "issuer": format!("{url}/auth"),
            "public_url": url,
            "initial_access_token": initial_access_token,
            "users": {"alice": "01900000-0000-7000-8000-000000000001"},
            "clients": {
                "app": app,
                "web": web,
                "machine": machine,
                "gateway": {"id": "gateway", "secret": suite.secrets().gateway_client},
            },
        }))
    }

    // What an operator hands out so that clients can register themselves (RFC 7591).
    async fn initial_access_token(&mut self, url: &str) -> Result<String> {
        let grant_types = vec!["client_credentials".to_owned()];
        let operator = self.register(Wish { secret: true, grant_types, ..Wish::default() }).await?;
        let text = |name: &str| operator[name].as_str().unwrap_or_default();
        let token = client_token(url, text("id"), text("secret")).await?;
        let wanted = json!({"uses": 20, "scope": USER_SCOPES.join(" ")});
        let request =
            reqwest::Client::builder().no_proxy().build()?.post(format!("{url}/auth/v1/initial-access-tokens"));
        let answer = request.bearer_auth(token).json(&wanted).send().await?.error_for_status()?;
        let answer: Value = answer.json().await?;
        answer["initial_access_token"].as_str().map(str::to_owned).context("no initial access token")
    }

    /// A new client: its id, and its secret if it has one.
    pub async fn register(&mut self, wish: Wish) -> Result<Value> {
        self.count += 1;
        let (id, secret) = (format!("conformance-{}", self.count), wish.secret.then(|| random_text(48)));
        let of_users = wish.grant_types.iter().any(|it| it == CODE[0]);
        let scopes = if of_users { &USER_SCOPES[..] } else { &MACHINE_SCOPES };
        sqlx::query(
            "insert into client (client_id, name, secret_hash, grant_types, redirect_uris, origins, scopes, plan, created_at,
                 authentication_method, jwks, require_par, dpop_bound, post_logout_redirect_uris, backchannel_logout_uri,
                 id_token_signed_response_alg)
             values ($1, 'Conformance', sha256($2::bytea), $3, $4, '{}', $5, 'internal', now(), $6, $7, $8, $9, $10, $11,
                 coalesce($12, 'ES256'))",
        )
        .bind(&id)
        .bind(secret.as_ref().map(String::as_bytes))
        .bind(&wish.grant_types)
        .bind(REDIRECTS.as_slice())
        .bind(scopes)
        .bind(&wish.method)
        .bind(&wish.jwks)
        .bind(wish.require_par)
        .bind(wish.dpop_bound)
        .bind(&wish.post_logout_redirect_uris)
        .bind(&wish.backchannel_logout_uri)
        .bind(&wish.id_token_signed_response_alg)
        .execute(&mut self.db)
        .await?;
        Ok(secret.map_or_else(|| json!({"id": id}), |secret| json!({"id": id, "secret": secret})))
    }
}
