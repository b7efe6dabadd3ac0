//! Pushed authorization requests (RFC 9126): the client sends the parameters itself, and the browser only a reference.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    App, db,
    domain::{AuthorizationRequest, Code, Hash, PUSHED_REQUEST_LIFETIME, Refusal, Secret},
    error::{Error, OAuthError},
    http::{address::Address, authorize::AuthorizationParameters, credentials, dpop, parameters::Form},
};

const REFERENCE: &str = "urn:ietf:params:oauth:request_uri:";

/// Where a pushed request is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"request_uri": "urn:ietf:params:oauth:request_uri:Xb5…", "expires_in": 90}))]
pub struct PushedResponse {
    /// What the browser is sent to the authorization endpoint with, beside `client_id`.
    request_uri: String,
    /// How many seconds there are to do so.
    expires_in: i64,
}

/// Takes an authorization request from the client itself.
#[utoipa::path(post, path = "/auth/par", operation_id = "pushAuthorizationRequest", tag = "login",
    summary = "Push an authorization request",
    description = "The parameters of the authorization endpoint, with the credentials of the client. The answer's \
        `request_uri` is good for one login of this client.",
    request_body(content = AuthorizationParameters, content_type = "application/x-www-form-urlencoded",
        description = "The parameters of the authorization endpoint, and the client's credentials."),
    responses(
        (status = 201, description = "Taken.", body = PushedResponse),
        (status = 400, description = "Refused; `error` says why.", body = OAuthError),
        (status = 401, description = "The client is not who it says.", body = OAuthError),
        (status = 413, description = "The body is too large.", body = OAuthError),
        (status = "default", description = "Any other failure.", body = OAuthError),
    ),
    security((), ("client" = [])))]
pub async fn push(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(parameters): Form<Map<String, Value>>,
) -> Result<Response, Error> {
    let client = credentials::authenticate(&app, address, &headers, part(&parameters)?).await?;
    let request = AuthorizationRequest { client_id: Some(client.client_id.clone()), ..part(&parameters)? };
    let request = prove(&app, &headers, request).await?;
    if request.request_uri.is_some() {
        return Err(Code::InvalidRequest.because("a pushed request holds no request_uri").into());
    }
    request.destination(Some(&client))?;
    request.clone().pushed_as(Hash::of("")).check(&client, &app.issuer)?;
    let reference = format!("{REFERENCE}{}", Secret::plain(rand::random()).reveal());
    let stored = serde_json::to_value(&request).map_err(|_| Code::InvalidRequest.because("cannot be kept"))?;
    let mut db = app.pool.single("push request").await?;
    db::insert_pushed_request(&mut db, Hash::of(&reference), &client.client_id, &stored, app.clock.now()).await?;
    let expires_in = PUSHED_REQUEST_LIFETIME.whole_seconds();
    let answer = Json(PushedResponse { request_uri: reference, expires_in });
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], answer).into_response())
}

// A proof at this endpoint binds the code as `dpop_jkt` does (RFC 9449, section 10.1).
async fn prove(app: &App, headers: &HeaderMap, request: AuthorizationRequest) -> Result<AuthorizationRequest, Error> {
    let Some(key) = dpop::proved(app, headers, "par").await? else { return Ok(request) };
    let key = key.to_text();
    if request.dpop_jkt.as_ref().is_some_and(|named| *named != key) {
        return Err(Code::InvalidDpopProof.because("dpop_jkt is not the key that is proved").into());
    }
    Ok(AuthorizationRequest { dpop_jkt: Some(key), ..request })
}

fn part<T: DeserializeOwned>(parameters: &Map<String, Value>) -> Result<T, Refusal> {
    T::deserialize(Value::Object(parameters.clone())).map_err(|error| Code::InvalidRequest.because(error.to_string()))
}

/// The request that stands behind a reference, or the request itself where it is none. Parameters beside a reference do
/// not count (RFC 9101, section 6.3).
pub async fn resolve(app: &App, request: AuthorizationRequest) -> Result<AuthorizationRequest, Error> {
    let reference = request.request_uri.clone().filter(|uri| uri.starts_with(REFERENCE));
    let Some(reference) = reference else { return Ok(request) };
    let hash = Hash::of(&reference);
    let mut db = app.pool.single("present request").await?;
    let client_id = request.client_id.ok_or_else(gone)?;
    let stored = db::present_pushed_request(&mut db, hash, &client_id, app.clock.now()).await?.ok_or_else(gone)?;
    let pushed: AuthorizationRequest = serde_json::from_value(stored).map_err(|_| gone())?;
    Ok(AuthorizationRequest { request_uri: Some(reference), ..pushed.pushed_as(hash) })
}

/// Redeems the reference of a request that was pushed, in the transaction that issues the code.
pub async fn redeem(db: &mut PgConnection, request: &AuthorizationRequest, now: OffsetDateTime) -> Result<(), Error> {
    let Some(reference) = request.pushed else { return Ok(()) };
    if db::redeem_pushed_request(db, reference, now).await? { Ok(()) } else { Err(gone().into()) }
}

fn gone() -> Refusal {
    Code::InvalidRequest.because("The request has expired, was used already, or is not known here.")
}
