//! `private_key_jwt`: a client that signs who it is (RFC 7523).

use std::sync::Arc;

use proof::{Claims, Fault, Jws, Key};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    App,
    client_keys::Place,
    domain::{Assertion, Client, Code, Hash, Refusal},
    error::Error,
    http::dpop,
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The id of the client that an assertion says it is from; whether that is true is not known yet.
pub fn claimed_client(assertion: &str, kind: Option<&str>) -> Result<String, Refusal> {
    if kind != Some(JWT_BEARER) {
        return Err(Code::InvalidRequest.because(format!("client_assertion_type must be {JWT_BEARER}")));
    }
    let claims = Jws::parse(assertion).and_then(|jws| jws.unverified()).map_err(unknown)?;
    Ok(claims.text("sub").map_err(unknown)?.to_owned())
}

/// Checks an assertion of a client, and that it was not used before.
pub async fn authenticate(app: &App, client: &Client, assertion: &str) -> Result<(), Error> {
    if !client.signs_assertions() {
        return Err(Client::unknown().into());
    }
    let keys = keys(app, client, assertion).await.map_err(unknown)?;
    let claims = verified(&keys, assertion).and_then(|claims| strictly(client, assertion, claims)).map_err(unknown)?;
    let (used, expires_at) = check(app, client, &claims)?;
    if dpop::use_once(app, used, expires_at).await? { Ok(()) } else { Err(Client::unknown().into()) }
}

// Registered by value, or where the client publishes them.
async fn keys(app: &App, client: &Client, assertion: &str) -> Result<Arc<[Value]>, Fault> {
    let jws = Jws::parse(assertion)?;
    if let Some(address) = &client.security.jwks_uri {
        let place = Place { address: address.clone(), named_by_client: client.registered_itself };
        return Ok(app.client_keys.find(&place, jws.header("kid")).await);
    }
    let keys = client.security.jwks.as_ref().and_then(|jwks| jwks["keys"].as_array());
    Ok(keys.cloned().unwrap_or_default().into())
}

fn verified(keys: &[Value], assertion: &str) -> Result<Claims, Fault> {
    let jws = Jws::parse(assertion)?;
    let named = |key: &&Value| jws.header("kid").is_none_or(|kid| key["kid"].as_str().is_none_or(|own| own == kid));
    let mut keys = keys.iter().filter(named).filter_map(|key| Key::parse(key.as_object()?).ok());
    keys.find_map(|key| jws.verify(&key).ok()).ok_or(Fault("no key of the client has signed this"))
}

// FAPI 2.0 Security Profile, sections 5.3.2.1 and 5.4.1: for the issuer alone, as one text, and not signed by RS256.
fn strictly(client: &Client, assertion: &str, claims: Claims) -> Result<Claims, Fault> {
    if client.security.is_strict() {
        claims.text("aud")?;
        if Jws::parse(assertion)?.header("alg") == Some("RS256") {
            return Err(Fault("alg must be ES256, EdDSA or PS256"));
        }
    }
    Ok(claims)
}

fn check(app: &App, client: &Client, claims: &Claims) -> Result<(Hash, OffsetDateTime), Refusal> {
    let required = |time: Option<i64>| time.ok_or_else(Client::unknown);
    let audience = claims.audience().map_err(unknown)?;
    let assertion = Assertion {
        issuer: claims.text("iss").map_err(unknown)?,
        subject: claims.text("sub").map_err(unknown)?,
        audience: &audience,
        id: claims.text("jti").map_err(unknown)?,
        expires_at: required(claims.time("exp").map_err(unknown)?)?,
        issued_at: claims.time("iat").map_err(unknown)?,
        not_before: claims.time("nbf").map_err(unknown)?,
    };
    let names = ["", "/token", "/par"].map(|path| format!("{}{path}", app.issuer));
    let names = if client.security.is_strict() { &names[..1] } else { &names };
    assertion.check(&client.client_id, names, app.clock.now())?;
    let expires_at = OffsetDateTime::from_unix_timestamp(assertion.expires_at).map_err(|_| Client::unknown())?;
    Ok((assertion.used(), expires_at))
}

// Why is for the log: the caller learns no more than who comes with a wrong secret.
fn unknown(fault: Fault) -> Refusal {
    tracing::info!(%fault, "client assertion refused");
    Client::unknown()
}
