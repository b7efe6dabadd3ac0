//! What this server can do and where: OpenID Connect Discovery, RFC 8414; and its public keys, RFC 7517.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use proof::Algorithm;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use web::Problem;

use crate::{
    App, db,
    domain::{AuthenticationMethod, BY_SCOPE, GrantType, ResponseMode, Role, SERVICES, SigningAlgorithm, User, acr},
    error::Error,
};

/// The metadata of this server.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "the standard has them so")]
pub struct Metadata {
    /// `iss` of every token.
    #[schema(example = "http://localhost:8080/auth")]
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    pushed_authorization_request_endpoint: String,
    device_authorization_endpoint: String,
    require_pushed_authorization_requests: bool,
    registration_endpoint: String,
    end_session_endpoint: String,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    scopes_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 5],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 2],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    introspection_signing_alg_values_supported: [&'static str; 2],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    code_challenge_methods_supported: [&'static str; 1],
    dpop_signing_alg_values_supported: [&'static str; 5],
    claims_supported: Vec<&'static str>,
    claims_parameter_supported: bool,
    acr_values_supported: [String; 1],
    prompt_values_supported: [&'static str; 4],
    authorization_response_iss_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

impl Metadata {
    fn of(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}/{path}");
        let for_clients = SERVICES.iter().flat_map(|(_, scopes)| scopes.iter().map(ToString::to_string));
        let mut scopes = User::scopes_of(&[Role::Operator]).to_vec();
        scopes.extend(for_clients);
        scopes.sort();
        scopes.dedup();
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at("authorize"),
            token_endpoint: at("token"),
            userinfo_endpoint: at("userinfo"),
            jwks_uri: at("jwks"),
            introspection_endpoint: at("introspect"),
            revocation_endpoint: at("revoke"),
            pushed_authorization_request_endpoint: at("par"),
            device_authorization_endpoint: at("device_authorization"),
            require_pushed_authorization_requests: false,
            registration_endpoint: at("register"),
            end_session_endpoint: at("logout"),
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            scopes_supported: scopes,
            response_types_supported: ["code"],
            response_modes_supported: ResponseMode::NAMES,
            grant_types_supported: GrantType::ALL.map(GrantType::as_str),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: SigningAlgorithm::ALL.map(SigningAlgorithm::as_str),
            token_endpoint_auth_methods_supported: AuthenticationMethod::ALL.map(AuthenticationMethod::as_str),
            token_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
            introspection_endpoint_auth_methods_supported: AuthenticationMethod::CONFIDENTIAL
                .map(AuthenticationMethod::as_str),
            introspection_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
            introspection_signing_alg_values_supported: SigningAlgorithm::ALL.map(SigningAlgorithm::as_str),
            revocation_endpoint_auth_methods_supported: AuthenticationMethod::ALL.map(AuthenticationMethod::as_str),
            revocation_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
            code_challenge_methods_supported: ["S256"],
            dpop_signing_alg_values_supported: Algorithm::NAMES,
            claims_supported: claims_supported(),
            claims_parameter_supported: true,
            acr_values_supported: [acr(issuer)],
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            authorization_response_iss_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
        }
    }
}

fn claims_supported() -> Vec<&'static str> {
    let of_the_login = ["iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "sid", "nonce", "at_hash"];
    of_the_login.into_iter().chain(BY_SCOPE.iter().flat_map(|(_, claims)| claims.iter().copied())).collect()
}

/// What this server can do and where (OpenID Connect Discovery 1.0).
#[utoipa::path(get, path = "/auth/.well-known/openid-configuration", operation_id = "openidConfiguration", tag = "discovery",
    summary = "OpenID Connect discovery",
    responses((status = 200, description = "The metadata.", body = Metadata)),
    security(()))]
pub async fn openid_configuration(State(app): State<App>) -> Response {
    metadata(&app)
}

/// The same for OAuth clients (RFC 8414).
#[utoipa::path(get, path = "/auth/.well-known/oauth-authorization-server", operation_id = "oauthServerMetadata", tag = "discovery",
    summary = "OAuth server metadata",
    responses((status = 200, description = "The metadata.", body = Metadata)),
    security(()))]
pub async fn oauth_authorization_server(State(app): State<App>) -> Response {
    metadata(&app)
}

/// The same where RFC 8414, section 3.1, looks for the metadata of an issuer with a path: the gateway leads there.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server/auth", operation_id = "oauthServerMetadataOfIssuer",
    tag = "discovery", summary = "OAuth server metadata, found by the issuer",
    responses((status = 200, description = "The metadata.", body = Metadata)),
    security(()))]
pub async fn of_issuer(State(app): State<App>) -> Response {
    metadata(&app)
}

fn metadata(app: &App) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(Metadata::of(&app.issuer))).into_response()
}

/// Public keys.
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    /// One JWK each (RFC 7517), by algorithm, newest first.
    #[schema(value_type = Vec<Object>, example = json!([{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
        "kid": "…", "x": "…", "y": "…"}]))]
    keys: Vec<Value>,
}

/// The keys with which tokens are verified: all that are not retired.
#[utoipa::path(get, path = "/auth/jwks", operation_id = "listKeys", tag = "discovery", summary = "Public keys",
    responses(
        (status = 200, description = "The keys.", body = KeySet),
        (status = "default", description = "Any failure.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(()))]
pub async fn jwks(State(app): State<App>) -> Result<Response, Problem> {
    let mut db = app.pool.get().await.map_err(Error::from)?;
    let keys = db::list_public_keys(&mut db).await.map_err(Error::from)?;
    Ok(([(header::CACHE_CONTROL, "public, max-age=60")], Json(KeySet { keys })).into_response())
}
