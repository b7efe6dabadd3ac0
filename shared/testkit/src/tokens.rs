//! A token service for tests: a key pair, its public half served as JWKS, and JWTs for whoever a test needs; also every
//! kind of token that a service must refuse.

mod bad;
mod signer;

use std::iter;

use axum::{Json, Router, routing::get};
use contracts::seed;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use uuid::Uuid;

use signer::Signer;

const LIFETIME: i64 = 60;

/// Mints the JWTs of auth (RFC 9068), under an issuer of its own.
pub struct Tokens {
    base: String,
    signer: Signer,
}

impl Tokens {
    /// Makes a key and serves it on loopback for as long as the test's runtime lives.
    pub async fn serve() -> Self {
        let signer = Signer::new("testkit");
        let key = signer.public_key();
        let keys =
            async move || Json(json!({ "keys": iter::once(key).chain(bad::key_for_clients()).collect::<Vec<_>>() }));
        let router = Router::new().route("/auth/jwks", get(keys));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { base: format!("http://{address}"), signer }
    }

    /// What a service under test is given as `PUBLIC_URL`.
    pub fn public_url(&self) -> &str {
        &self.base
    }

    /// What a service under test is given as `AUTH_URL`; its `/jwks` answers.
    pub fn auth_url(&self) -> String {
        format!("{}/auth", self.base)
    }

    /// `iss` of every token.
    pub fn issuer(&self) -> String {
        self.auth_url()
    }

    /// A customer at `service`, with every scope a customer can be given there.
    pub fn customer(&self, service: &str, user: impl Into<Uuid>) -> String {
        let write = if ["store", "order"].contains(&service) { format!(" {service}:write") } else { String::new() };
        self.user(service, user, &["customer"], &format!("{service}:read{write}"))
    }

    /// A clerk (sam) at `service`.
    pub fn staff(&self, service: &str) -> String {
        self.user(service, named("sam"), &["staff"], &format!("{service}:read {service}:write"))
    }

    /// An operator (olga) at `service`.
    pub fn operator(&self, service: &str) -> String {
        let scope = format!("{service}:read {service}:write {service}:operate");
        self.user(service, named("olga"), &["operator"], &scope)
    }

    /// Any user with any roles and scope.
    pub fn user(&self, service: &str, user: impl Into<Uuid>, roles: &[&str], scope: &str) -> String {
        self.sign(&self.claims(service, &user.into().to_string(), "demo", roles, scope, "free"))
    }

    /// A client that acts for itself, e.g. `order` with `inventory:reserve`.
    pub fn client(&self, service: &str, client_id: &str, scope: &str) -> String {
        self.sign(&self.claims(service, &format!("client:{client_id}"), client_id, &[], scope, "internal"))
    }

    /// A client of some plan, for whomever.
    pub fn of_plan(&self, service: &str, client_id: &str, plan: &str, sub: &str) -> String {
        self.sign(&self.claims(service, sub, client_id, &[], "", plan))
    }

    fn sign(&self, claims: &Value) -> String {
        self.signer.sign(&self.signer.header(), claims)
    }

    fn claims(&self, service: &str, sub: &str, client: &str, roles: &[&str], scope: &str, plan: &str) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({
            "iss": self.issuer(), "aud": service, "sub": sub, "client_id": client, "scope": scope, "roles": roles,
            "plan": plan, "iat": now, "nbf": now, "exp": now + LIFETIME, "jti": Uuid::now_v7(),
        })
    }
}

fn named(name: &str) -> Uuid {
    let user = seed::USERS.iter().find(|user| user.name == name);
    user.expect("the demonstration has this user").id
}
