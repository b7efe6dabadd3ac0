//! Clients that register themselves (RFC 7591), and see, change and delete their registration (RFC 7592).

mod answer;

use axum::{extract::State, response::Response};
use database::Tx;
use http::{HeaderMap, StatusCode};
use proof::Key;
use subtle::ConstantTimeEq;
use web::{Path, Problem, Raw};

use crate::{
    App, db,
    domain::{Allowance, AuthenticationMethod, Client, Code, Happened, Hash, Registration, Secret, SecurityEvent},
    error::{Error, OAuthError},
    events,
    http::{
        credentials::{access_token, invalid_token},
        dpop::Scheme,
    },
};
use answer::{Denied, Registered};

/// Registers a client.
#[utoipa::path(post, path = "/auth/register", operation_id = "registerClient", tag = "registration",
    summary = "Register a client",
    description = "With an initial access token that an operator has issued (RFC 7591), as a bearer token.",
    request_body(content = Registration, content_type = "application/json", description = "What the client is."),
    responses(
        (status = 201, description = "The client, with its secrets: they are shown once.", body = Registered),
        (status = 400, description = "Refused; `error` says why.", body = OAuthError),
        (status = 401, description = "No valid initial access token.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other failure.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("registration" = [])))]
pub async fn register(State(app): State<App>, headers: HeaderMap, body: Raw) -> Result<Response, Denied> {
    let token = Hash::of(presented(&headers)?);
    let registration = read(&body)?;
    let (mut tx, now) = (app.pool.begin().await.map_err(Error::from)?, app.clock.now());
    let allowance = db::use_initial_access_token(&mut tx, token, now).await.map_err(Error::from)?;
    let allowance = allowance.ok_or_else(invalid_token)?;
    // Random and of a form of its own: nobody takes it for a user's id.
    let client_id = format!("app-{}", hex::encode(rand::random::<[u8; 16]>()));
    let (client, secret) = checked(&app, &registration, &client_id, &allowance, None)?;
    let own_token = Secret::registration_access_token(rand::random());
    db::upsert_client(&mut tx, &client, now).await.map_err(Error::from)?;
    db::insert_registration(&mut tx, &client_id, own_token.hash(), &allowance).await.map_err(Error::from)?;
    record(&mut tx, &app, Happened::ClientRegistered, &client_id).await?;
    tx.commit("register client").await.map_err(Error::from)?;
    Ok(Registered::new(&app, client, secret, own_token.reveal()).issued_at(now).answer(StatusCode::CREATED))
}

/// Shows a client its registration.
#[utoipa::path(get, path = "/auth/register/{client_id}", operation_id = "showRegistration", tag = "registration",
    summary = "See a registration",
    params(("client_id" = String, Path, description = "Which client.")),
    responses(
        (status = 200, description = "The client, without its secret.", body = Registered),
        (status = 400, description = "The path is none.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not the registration access token of this client.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other failure.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("registration" = [])))]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(client_id): Path<String>,
) -> Result<Response, Denied> {
    let (_tx, client, _, token) = own(&app, &headers, &client_id).await?;
    Ok(Registered::new(&app, client, None, token).answer(StatusCode::OK))
}

/// Changes a client's registration.
#[utoipa::path(put, path = "/auth/register/{client_id}", operation_id = "changeRegistration", tag = "registration",
    summary = "Change a registration",
    description = "What is left out is taken back to what it is unless told. Tokens stay as they were issued, but are not \
        renewed beyond what the client is now. Where it names a redirect URI, a scope or a service that it had not, users \
        are asked again.",
    params(("client_id" = String, Path, description = "Which client.")),
    request_body(content = Registration, content_type = "application/json",
        description = "What the client is to be; with its `client_id`."),
    responses(
        (status = 200, description = "The client; with a secret only if it had none.", body = Registered),
        (status = 400, description = "Refused; `error` says why. Or the path is none.",
            content((Problem = "application/problem+json"), (OAuthError = "application/json"))),
        (status = 401, description = "Not the registration access token of this client.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other failure.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("registration" = [])))]
pub async fn change(
    State(app): State<App>,
    headers: HeaderMap,
    Path(client_id): Path<String>,
    body: Raw,
) -> Result<Response, Denied> {
    let (mut tx, before, allowance, token) = own(&app, &headers, &client_id).await?;
    let registration = read(&body)?;
    is_about(&body, &before)?;
    let (client, secret) = checked(&app, &registration, &client_id, &allowance, before.secret_hash)?;
    if client.goes_beyond(&before) {
        db::delete_consents_to(&mut tx, &client_id).await.map_err(Error::from)?;
    }
    let client = client.governed_like(before);
    db::upsert_client(&mut tx, &client, app.clock.now()).await.map_err(Error::from)?;
    record(&mut tx, &app, Happened::ClientChanged, &client_id).await?;
    tx.commit("change registration").await.map_err(Error::from)?;
    Ok(Registered::new(&app, client, secret, token).answer(StatusCode::OK))
}

/// Deletes a client.
#[utoipa::path(delete, path = "/auth/register/{client_id}", operation_id = "deleteRegistration", tag = "registration",
    summary = "Delete a registration",
    description = "Everything that the client was given ends at once, at the gateways too.",
    params(("client_id" = String, Path, description = "Which client.")),
    responses(
        (status = 204, description = "There is no such client any more."),
        (status = 400, description = "The path is none.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not the registration access token of this client.", body = Problem,
            content_type = "application/problem+json"),
        (status = "default", description = "Any other failure.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("registration" = [])))]
pub async fn delete(
    State(app): State<App>,
    headers: HeaderMap,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Denied> {
    let (mut tx, ..) = own(&app, &headers, &client_id).await?;
    events::end_client(&mut tx, &client_id, app.clock.now()).await.map_err(Error::from)?;
    db::delete_client(&mut tx, &client_id).await.map_err(Error::from)?;
    record(&mut tx, &app, Happened::ClientDeleted, &client_id).await?;
    tx.commit("delete registration").await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

// The client whose registration access token this is, locked. An unknown client is told the same as a wrong token.
async fn own<'a>(
    app: &App,
    headers: &'a HeaderMap,
    client_id: &str,
) -> Result<(Tx, Client, Allowance, &'a str), Denied> {
    let token = presented(headers)?;
    let mut tx = app.pool.begin().await.map_err(Error::from)?;
    let allowance = db::lock_registration(&mut tx, client_id, Hash::of(token)).await.map_err(Error::from)?;
    let allowance = allowance.ok_or_else(invalid_token)?;
    let client = db::find_client(&mut tx, client_id).await.map_err(Error::from)?.ok_or_else(invalid_token)?;
    Ok((tx, client, allowance, token))
}

fn presented(headers: &HeaderMap) -> Result<&str, Problem> {
    match access_token(headers)? {
        (Scheme::Bearer, token) => Ok(token),
        _ => Err(invalid_token()),
    }
}

fn read(body: &Raw) -> Result<Registration, Error> {
    if body.media_type != "application/json" {
        return Err(metadata("the body must be application/json").into());
    }
    // PostgreSQL keeps no NUL in text.
    let read = serde_json::from_slice(&body.bytes).ok().filter(|_| !body.bytes.windows(6).any(|it| it == b"\\u0000"));
    Ok(read.ok_or_else(|| metadata("the body is not the metadata of a client"))?)
}

// What a change must and must not say (RFC 7592, section 2.2).
fn is_about(body: &Raw, client: &Client) -> Result<(), Error> {
    let said: serde_json::Value =
        serde_json::from_slice(&body.bytes).map_err(|_| metadata("the body is not the metadata of a client"))?;
    if said["client_id"] != client.client_id.as_str() {
        return Err(metadata("client_id must be the client's own").into());
    }
    let issued =
        ["registration_access_token", "registration_client_uri", "client_id_issued_at", "client_secret_expires_at"];
    if issued.iter().any(|name| said.get(name).is_some()) {
        return Err(metadata("what was issued cannot be changed").into());
    }
    let Some(secret) = said.get("client_secret") else { return Ok(()) };
    let presented = Hash::of(secret.as_str().unwrap_or_default());
    let right = client.secret_hash.is_some_and(|stored| stored.as_bytes().ct_eq(presented.as_bytes()).into());
    if right { Ok(()) } else { Err(metadata("client_secret is not the client's own").into()) }
}

// The client as it is to be, and its secret if it is given one now.
fn checked(
    app: &App,
    registration: &Registration,
    client_id: &str,
    allowance: &Allowance,
    before: Option<Hash>,
) -> Result<(Client, Option<Secret>), Error> {
    let mut client = registration.check(client_id, allowance, &app.issuer)?;
    let called = [&client.security.jwks_uri, &client.login.backchannel_logout_uri];
    if !called.into_iter().flatten().all(|address| app.outbound.would_call(address)) {
        return Err(metadata("jwks_uri and backchannel_logout_uri must be https, to the public internet").into());
    }
    let keys = client.security.jwks.as_ref().and_then(|jwks| jwks["keys"].as_array()).into_iter().flatten();
    let signs = client.signs_assertions();
    let right = |key: &serde_json::Value| {
        key.as_object().is_some_and(|key| if signs { Key::parse(key).is_ok() } else { !Key::is_private(key) })
    };
    if !keys.clone().all(right) {
        return Err(metadata("jwks holds a key that is not usable, or a private one").into());
    }
    let keeps_secret =
        matches!(client.security.method, Some(AuthenticationMethod::SecretBasic | AuthenticationMethod::SecretPost));
    let new = (keeps_secret && before.is_none()).then(|| Secret::plain(rand::random()));
    client.secret_hash = before.filter(|_| keeps_secret).or(new.as_ref().map(Secret::hash));
    Ok((client, new))
}

async fn record(tx: &mut Tx, app: &App, happened: Happened, client_id: &str) -> Result<(), Error> {
    Ok(events::record(tx, SecurityEvent::of_client(happened, client_id), app.clock.now()).await?)
}

fn metadata(text: &'static str) -> crate::domain::Refusal {
    Code::InvalidClientMetadata.because(text)
}
