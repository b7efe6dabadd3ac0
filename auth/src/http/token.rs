//! The token endpoint (RFC 6749, section 3.2). Each way to get a token has a file of its own.

mod client_credentials;
mod code;
mod device;
mod exchange;
mod issue;
mod refresh;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use tracing::Instrument;
use utoipa::ToSchema;

use crate::{
    App,
    domain::{Code, GrantType, Hash, Refusal},
    error::{Error, OAuthError},
    http::{
        address::Address,
        credentials::{self, InForm},
        dpop,
        parameters::Form,
    },
};

/// What is asked of the token endpoint. Which parameters are needed depends on `grant_type`.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"grant_type": "client_credentials", "client_id": "reporting", "client_secret": "…",
    "scope": "order:read"}))]
pub struct TokenRequest {
    /// `authorization_code`, `refresh_token`, `client_credentials`, `urn:ietf:params:oauth:grant-type:device_code` or
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[schema(required, example = "client_credentials")]
    grant_type: Option<String>,
    /// Unless it is in the `Authorization` header.
    client_id: Option<String>,
    /// Of a confidential client, unless it is in the `Authorization` header.
    client_secret: Option<String>,
    /// `private_key_jwt`: what the client signed to say who it is (RFC 7523).
    client_assertion: Option<String>,
    /// `private_key_jwt`: `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// `authorization_code`: the code.
    code: Option<String>,
    /// `authorization_code`: the same as at the authorization endpoint.
    redirect_uri: Option<String>,
    /// `authorization_code`: what the challenge was made of (RFC 7636).
    code_verifier: Option<String>,
    /// `urn:ietf:params:oauth:grant-type:device_code`: what the device was given.
    device_code: Option<String>,
    /// `refresh_token`: the refresh token. The answer holds its successor; this one is spent.
    refresh_token: Option<String>,
    /// `client_credentials`: what to ask for, if not everything. `refresh_token`: less than was granted.
    scope: Option<String>,
    /// Token exchange: an access token of this server.
    subject_token: Option<String>,
    /// Token exchange: `urn:ietf:params:oauth:token-type:access_token`.
    subject_token_type: Option<String>,
    /// Token exchange: `urn:ietf:params:oauth:token-type:jwt`, or nothing.
    requested_token_type: Option<String>,
    /// Token exchange: the service that the JWT is for.
    #[schema(example = "inventory")]
    audience: Option<String>,
    /// What the access token is for (RFC 8707), `{PUBLIC_URL}/api/{service}`: fewer services than were granted. May be
    /// there several times. Not in a token exchange, which names the service in `audience`.
    #[schema(example = "http://localhost:8080/api/order")]
    resource: Option<String>,
    /// Token exchange: not supported.
    #[schema(ignore)]
    actor_token: Option<String>,
    /// The key that the client has proved to hold (RFC 9449).
    #[serde(skip)]
    #[schema(ignore)]
    key: Option<Hash>,
}

/// A token, and what belongs to it (RFC 6749, section 5.1).
#[derive(Default, Serialize, ToSchema)]
#[schema(example = json!({"access_token": "rat_Xb5…", "token_type": "Bearer", "expires_in": 900,
    "scope": "order:read"}))]
pub struct TokenResponse {
    /// Opaque, except from a token exchange.
    pub access_token: String,
    /// `Bearer`, or `DPoP` if the request proved a key: then it can be used with proofs of that key only.
    pub token_type: &'static str,
    /// Lifetime in seconds.
    pub expires_in: i64,
    /// What was granted.
    pub scope: String,
    /// With `offline_access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// With `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// Of a token exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
    /// Of a token exchange: the key whose holder alone may use the token that was exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The key that a token is bound to (RFC 7800; RFC 9449, section 6.1).
#[derive(Serialize, ToSchema)]
pub struct Confirmation {
    /// Its SHA-256 thumbprint (RFC 7638).
    #[schema(example = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")]
    jkt: String,
}

impl From<Hash> for Confirmation {
    fn from(key: Hash) -> Self {
        Self { jkt: key.to_text() }
    }
}

/// Issues tokens.
#[utoipa::path(post, path = "/auth/token", operation_id = "issueToken", tag = "tokens", summary = "Get a token",
    description = "Codes and refresh tokens are redeemed once. Who presents one a second time revokes everything that \
        was issued under the same grant. Token exchange (RFC 8693) is for the gateway: an access token against a JWT \
        for one service that lives a minute at the most.",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded",
        description = "The parameters of the grant."),
    responses(
        (status = 200, description = "The token.", body = TokenResponse),
        (status = 400, description = "Refused; `error` says why.", body = OAuthError),
        (status = 401, description = "The client is not who it says.", body = OAuthError),
        (status = 413, description = "The body is too large.", body = OAuthError),
        (status = "default", description = "Any other failure.", body = OAuthError),
    ),
    security((), ("client" = [])))]
pub async fn token(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(mut request): Form<TokenRequest>,
) -> Result<Response, Error> {
    let client = credentials::authenticate(&app, address, &headers, request.credentials()).await?;
    let name = required(request.grant_type.as_deref(), "grant_type is required")?;
    let grant_type =
        GrantType::parse(name).ok_or_else(|| Code::UnsupportedGrantType.because("grant_type is not supported"))?;
    client.may_use(grant_type)?;
    request.key = dpop::for_token(&app, &headers, &client).await?;
    let response = match grant_type {
        GrantType::AuthorizationCode => code::redeem(&app, &client, &request).await?,
        GrantType::RefreshToken => refresh::rotate(&app, &client, &request).await?,
        GrantType::ClientCredentials => client_credentials::issue(&app, &client, &request).await?,
        GrantType::DeviceCode => device::redeem(&app, &client, &request).await?,
        GrantType::TokenExchange => exchange::exchange(&app, &request).await?,
    };
    Ok(([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], Json(response)).into_response())
}

impl TokenRequest {
    fn credentials(&mut self) -> InForm {
        InForm {
            client_id: self.client_id.take(),
            client_secret: self.client_secret.take(),
            client_assertion: self.client_assertion.take(),
            client_assertion_type: self.client_assertion_type.take(),
        }
    }
}

fn required<'a>(value: Option<&'a str>, otherwise: &'static str) -> Result<&'a str, Refusal> {
    value.ok_or_else(|| Code::InvalidRequest.because(otherwise))
}

// To its end, also if the caller hangs up or its time is over meanwhile: a thief who is found out must not stop it.
async fn in_any_case<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(work.in_current_span()).await.map_err(|_| Error::Busy)?
}
