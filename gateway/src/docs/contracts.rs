//! A service's contract as Swagger UI needs it: absolute addresses for the login, and one login for all services.

use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{CONTRACTS, spoken};
use crate::App;
use crate::balance;
use crate::compose;
use crate::error::Refusal;
use crate::forward::Message;
use crate::operators;

const PATIENCE: Duration = Duration::from_secs(3);
const LARGEST: usize = 4 * 1024 * 1024;
/// What has contracts and no scopes of the usual kind.
const OTHERS: [&str; 4] = ["auth", "gateway", "shop", "mobile"];
const ABOUT_ME: [&str; 2] = ["openid", "profile"];

/// The scopes that are ticked when the login opens. A user gets those of them that the user's role allows.
pub fn everyday_scopes() -> Vec<String> {
    scopes().filter(|scope| !scope.ends_with(":operate")).collect()
}

// One token for all contracts: who logs in once can try every service.
fn scopes() -> impl Iterator<Item = String> {
    let services = CONTRACTS.into_iter().map(|(service, _)| service).filter(|it| !OTHERS.contains(it));
    let of_services = services.flat_map(|s| ["read", "write", "operate"].map(|verb| format!("{s}:{verb}")));
    let of_gateway = operators::SCOPES.iter().map(|(scope, _)| *scope);
    ABOUT_ME.into_iter().chain(of_gateway).map(str::to_owned).chain(of_services)
}

/// Asks an instance for its contract.
pub async fn fetch(app: &App, service: &'static str) -> Result<Bytes, Refusal> {
    let asked = timeout(PATIENCE, ask(app, service)).await.map_err(anyhow::Error::from);
    asked.and_then(|answer| answer).map_err(|cause| {
        tracing::warn!(service, cause = format!("{cause:#}"), "no contract");
        Refusal::NoContract { service }
    })
}

async fn ask(app: &App, service: &'static str) -> anyhow::Result<Bytes> {
    if service == "gateway" {
        return fitted(app, serde_json::to_value(crate::contract())?);
    }
    if let Some(contract) = compose::contract::of(&app.policies.load(), service) {
        return fitted(app, contract);
    }
    let path = if service == "auth" { "/auth/openapi.json" } else { "/openapi.json" };
    let instances = app.forwarder.discovery.instances(service);
    let instance = balance::choose(&instances, &[], &app.policies.load().ejection, Instant::now());
    let instance = instance.ok_or_else(|| anyhow::anyhow!("no instance"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, http::HeaderValue::from_static("application/json"));
    let mut message = Message { method: Method::GET, target: PathAndQuery::from_static(path), headers };
    let (answer, _held) = app.forwarder.attempt(instance, message.to(instance, Body::empty()), Instant::now()).await?;
    anyhow::ensure!(answer.status().is_success(), "answered {}", answer.status());
    let body = Limited::new(answer.into_body(), LARGEST).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    fitted(app, serde_json::from_slice(&body)?)
}

fn fitted(app: &App, mut contract: Value) -> anyhow::Result<Bytes> {
    fit_login(&mut contract, &app.public_url);
    let policies = app.policies.load();
    spoken::add(&mut contract, |path| {
        let resource = policies.resources.iter().find(|resource| resource.name == path);
        let line = resource.map(|resource| &resource.line).or_else(|| policies.route(path).map(|route| &**route));
        line.is_some_and(|line| line.formats.is_some())
    });
    Ok(serde_json::to_vec(&contract)?.into())
}

// Swagger UI resolves relative login addresses against the contract's server, which is a path only.
fn fit_login(contract: &mut Value, public_url: &str) {
    let flow = contract.pointer_mut("/components/securitySchemes/oauth2/flows/authorizationCode");
    let Some(flow) = flow.and_then(Value::as_object_mut) else { return };
    for name in ["authorizationUrl", "tokenUrl", "refreshUrl"] {
        if let Some(Value::String(address)) = flow.get_mut(name)
            && address.starts_with('/')
        {
            address.insert_str(0, public_url);
        }
    }
    let known = flow.entry("scopes").or_insert_with(|| json!({}));
    if let Some(known) = known.as_object_mut() {
        add_scopes(known);
    }
}

fn add_scopes(known: &mut Map<String, Value>) {
    for scope in scopes() {
        known.entry(scope).or_insert_with(|| json!(""));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_gets_absolute_login_addresses_and_all_scopes() {
        let mut contract = json!({"components": {"securitySchemes": {"oauth2": {"type": "oauth2", "flows": {
            "authorizationCode": {"authorizationUrl": "/auth/authorize", "tokenUrl": "https://elsewhere.example/token",
                "scopes": {"store:read": "Read"}}}}}}});
        fit_login(&mut contract, "https://shop.example");
        let flow = &contract["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"];
        assert_eq!(flow["authorizationUrl"], "https://shop.example/auth/authorize");
        assert_eq!(flow["tokenUrl"], "https://elsewhere.example/token");
        assert_eq!(flow["scopes"]["store:read"], "Read");
        assert!(flow["scopes"].get("order:operate").is_some());
        let before = json!({"openapi": "3.1.0"});
        let mut without = before.clone();
        fit_login(&mut without, "https://shop.example");
        assert_eq!(without, before);
    }
}
