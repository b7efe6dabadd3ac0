//! Token introspection (RFC 7662): what stands behind an access token, for clients that can keep a secret.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    App, db,
    domain::{AccessToken, Client, Code, Hash},
    error::{Error, OAuthError},
    http::{address::Address, credentials, parameters::Form, token::Confirmation},
};

/// A token, and who presents it.
#[derive(Deserialize, ToSchema)]
pub struct TokenParameters {
    /// The token.
    #[schema(required, example = "rat_Xb5…")]
    pub token: Option<String>,
    /// Unless it is in the `Authorization` header.
    pub client_id: Option<String>,
    /// Of a confidential client, unless it is in the `Authorization` header.
    pub client_secret: Option<String>,
    /// `private_key_jwt`: what the client signed to say who it is (RFC 7523).
    pub client_assertion: Option<String>,
    /// `private_key_jwt`: `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    pub client_assertion_type: Option<String>,
}

impl TokenParameters {
    /// The credentials, and the hash of the token.
    pub fn split(self) -> (credentials::InForm, Result<Hash, Error>) {
        let hash = self.token.as_deref().map(Hash::of);
        let hash = hash.ok_or_else(|| Code::InvalidRequest.because("token is required").into());
        let form = credentials::InForm {
            client_id: self.client_id,
            client_secret: self.client_secret,
            client_assertion: self.client_assertion,
            client_assertion_type: self.client_assertion_type,
        };
        (form, hash)
    }
}

/// What stands behind a token (RFC 7662, section 2.2). Of one that is not valid, only that.
#[derive(Default, Serialize, ToSchema)]
#[schema(example = json!({"active": true, "scope": "order:read", "client_id": "reporting", "token_type": "Bearer",
    "sub": "client:reporting", "iss": "http://localhost:8080/auth", "iat": 1_795_262_400, "exp": 1_795_263_300}))]
pub struct Introspection {
    /// The token is valid.
    active: bool,
    /// What it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Whom it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The name of the user it speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// `Bearer`, or `DPoP` if it is bound to a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The user, or `client:{client_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    /// This server.
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    /// When it was issued, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// The services that it is for, if not all (RFC 8707).
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Vec<String>>,
    /// The key whose holder alone may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// Says what stands behind an access token of the client's own, or of anybody's to a resource server. Refresh tokens are not introspected: a resource that took `active` for
/// permission would take one as an access token.
#[utoipa::path(post, path = "/auth/introspect", operation_id = "introspectToken", tag = "tokens", summary = "Look behind a token",
    request_body(content = TokenParameters, content_type = "application/x-www-form-urlencoded",
        description = "The token."),
    responses(
        (status = 200, description = "What stands behind it; `active` is false for any that is not valid, and for \
            another client's unless whoever asks is provisioned as a resource server. Who accepts \
            `application/token-introspection+jwt` gets it signed (RFC 9701).",
            content((Introspection = "application/json"), (String = "application/token-introspection+jwt"))),
        (status = 400, description = "The request is not right.", body = OAuthError),
        (status = 401, description = "The client is not who it says, or is public.", body = OAuthError),
        (status = "default", description = "Any other failure.", body = OAuthError),
    ),
    security(("client" = [])))]
pub async fn introspect(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(parameters): Form<TokenParameters>,
) -> Result<Response, Error> {
    let (form, token) = parameters.split();
    let client = credentials::authenticate_confidential(&app, address, &headers, form).await?;
    let found = db::find_token(&mut *app.pool.get().await?, token?, app.clock.now()).await?;
    // RFC 7662, section 4: who fishes with tokens of others learns nothing of whose they are.
    let found = found.filter(|token| token.client_id == client.client_id || client.security.introspects_others);
    let introspection = found.map_or_else(Introspection::default, |token| Introspection::of(&token, &app.issuer));
    let no_store = (header::CACHE_CONTROL, "no-store");
    if !wants_signed(&headers) {
        return Ok(([no_store], Json(introspection)).into_response());
    }
    let signed = Signed::new(&app, &client, introspection);
    let jwt = app.signer.introspection(client.signing.introspection, &signed)?;
    Ok(([no_store, (header::CONTENT_TYPE, SIGNED), (header::VARY, "Accept")], jwt).into_response())
}

const SIGNED: &str = "application/token-introspection+jwt";

// Only who names it: `*/*` is anything that is understood without a key.
fn wants_signed(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut kinds = accepted.flat_map(|value| value.split(','));
    kinds.any(|kind| kind.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(SIGNED)))
}

/// The claims of a signed introspection (RFC 9701, section 5). What stands behind the token is nested: this is no token.
#[derive(Serialize)]
pub struct Signed {
    iss: String,
    aud: String,
    iat: i64,
    token_introspection: Introspection,
}

impl Signed {
    fn new(app: &App, client: &Client, token_introspection: Introspection) -> Self {
        let (iss, iat) = (app.issuer.to_string(), app.clock.now().unix_timestamp());
        Self { iss, aud: client.client_id.clone(), iat, token_introspection }
    }
}

impl Introspection {
    fn of(token: &AccessToken, issuer: &str) -> Self {
        Self {
            active: true,
            scope: Some(token.scopes.to_string()),
            client_id: Some(token.client_id.clone()),
            username: token.user.as_ref().map(|user| user.username.clone()),
            token_type: Some(token.kind()),
            sub: Some(token.subject()),
            iss: Some(issuer.to_owned()),
            iat: Some(token.issued_at.unix_timestamp()),
            exp: Some(token.expires_at.unix_timestamp()),
            aud: token.resources.as_ref().map(|resources| resources.identifiers(issuer)),
            cnf: token.key.map(Into::into),
        }
    }
}
