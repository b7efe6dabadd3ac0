//! What a client is told of its registration (RFC 7591, section 3.2; RFC 7592, section 3).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::Problem;

use crate::{
    App,
    domain::{AuthenticationMethod, Client, GrantType, Registration, Secret},
    error::Error,
};

/// A registered client.
#[derive(Serialize, ToSchema)]
pub struct Registered {
    /// Random.
    #[schema(example = "app-7c9e6679f0de944be07fc1f90ae7a2c4")]
    client_id: String,
    /// Shown once, when it is issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// 0: never. Only with a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<i64>,
    /// In seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id_issued_at: Option<i64>,
    /// With this the registration is seen, changed and deleted.
    registration_access_token: String,
    /// Where.
    registration_client_uri: String,
    #[serde(flatten)]
    metadata: Registration,
}

impl Registered {
    /// What is told of a client, to the one who holds its registration access token.
    pub fn new(app: &App, client: Client, secret: Option<Secret>, token: &str) -> Self {
        let registration_client_uri = format!("{}/register/{}", app.issuer, client.client_id);
        let Client { client_id, name, grant_types, redirect_uris, scopes, login, security, signing, resources, .. } =
            client;
        let with_users = grant_types.contains(&GrantType::AuthorizationCode);
        Self {
            client_id,
            client_secret: secret.as_ref().map(|secret| secret.reveal().to_owned()),
            client_secret_expires_at: secret.map(|_| 0),
            client_id_issued_at: None,
            registration_access_token: token.to_owned(),
            registration_client_uri,
            metadata: Registration {
                redirect_uris,
                token_endpoint_auth_method: security.method.map(AuthenticationMethod::as_str).map(str::to_owned),
                grant_types: Some(grant_types.iter().map(|it| it.as_str().to_owned()).collect()),
                response_types: with_users.then(|| vec!["code".to_owned()]),
                client_name: Some(name),
                scope: Some(scopes.to_string()),
                jwks: security.jwks,
                jwks_uri: security.jwks_uri,
                post_logout_redirect_uris: login.post_logout_redirect_uris,
                backchannel_logout_session_required: Some(login.backchannel_logout_session_required),
                backchannel_logout_uri: login.backchannel_logout_uri,
                resources: resources.map(|resources| resources.identifiers(&app.issuer)),
                require_pushed_authorization_requests: Some(security.require_par),
                dpop_bound_access_tokens: Some(security.dpop_bound),
                id_token_signed_response_alg: Some(signing.id_token.as_str().to_owned()),
                introspection_signed_response_alg: Some(signing.introspection.as_str().to_owned()),
                ..Registration::default()
            },
        }
    }

    /// The same, issued now.
    #[must_use]
    pub fn issued_at(self, now: OffsetDateTime) -> Self {
        Self { client_id_issued_at: Some(now.unix_timestamp()), ..self }
    }

    /// The answer with this status.
    pub fn answer(self, status: StatusCode) -> Response {
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
        (status, headers, Json(self)).into_response()
    }
}

/// Why not.
pub enum Denied {
    /// The token is not good.
    Token(Problem),
    /// The metadata are not.
    Refused(Error),
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        Self::Token(problem)
    }
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Token(problem) => problem.into_response(),
            Self::Refused(error @ Error::Refused(_)) => error.into_response(),
            Self::Refused(error) => Problem::from(error).into_response(),
        }
    }
}
