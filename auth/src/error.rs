//! What can go wrong, and what the caller is told.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use web::Problem;

use crate::domain::{Client, Code, Refusal};

/// What refers to a client: it has deleted its registration while it was asking.
const CLIENT_IS_GONE: [&str; 5] = [
    "access_token_client_id_fkey",
    "authorization_grant_client_id_fkey",
    "consent_client_id_fkey",
    "device_authorization_client_id_fkey",
    "pushed_request_client_id_fkey",
];

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The protocol says no.
    #[error("{}: {}", .0.code.as_str(), .0.description)]
    Refused(Refusal),
    /// The body is larger than any that makes sense.
    #[error("the body is too large")]
    TooLarge,
    /// The database failed.
    #[error("the database failed")]
    Database(#[source] database::Error),
    /// A token could not be signed.
    #[error("a token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
    /// There is no key to sign with yet.
    #[error("there is no key to sign with yet")]
    NoKey,
    /// The signing keys could not be changed.
    #[error("the signing keys could not be changed")]
    Keys(#[source] anyhow::Error),
    /// A password could not be hashed, or the stored hash is not one.
    #[error("a password could not be hashed")]
    Password(#[source] argon2::password_hash::Error),
    /// A page could not be rendered.
    #[error("a page could not be rendered")]
    Page(#[from] askama::Error),
    /// Too many passwords are being checked.
    #[error("too many passwords are being checked")]
    Busy,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<database::Error> for Error {
    fn from(error: database::Error) -> Self {
        match error.constraint() {
            Some(name) if CLIENT_IS_GONE.contains(&name) => Client::unknown().into(),
            _ => Self::Database(error),
        }
    }
}

impl Error {
    /// The status, and for what is not the caller's fault, logs the cause.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Refused(Refusal { code: Code::InvalidClient, .. }) => StatusCode::UNAUTHORIZED,
            Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Database(error) if error.unavailable() => Problem::unavailable(self).status(),
            Self::Busy | Self::NoKey => Problem::unavailable(self).status(),
            Self::Database(_) | Self::Keys(_) | Self::Sign(_) | Self::Password(_) | Self::Page(_) => {
                Problem::internal(self).status()
            }
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::Refused(refusal) => {
                Self::new(error.status(), refusal.code.as_str(), "Refused").detail(refusal.description.clone())
            }
            Error::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large"),
            Error::Database(cause) if cause.unavailable() => Self::unavailable(&error),
            Error::Busy | Error::NoKey => Self::unavailable(&error),
            _ => Self::internal(&error),
        }
    }
}

/// An error of an OAuth endpoint (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"error": "invalid_grant", "error_description": "the code is not valid"}))]
pub struct OAuthError {
    /// A registered code.
    error: &'static str,
    /// For the developer of the client.
    #[serde(skip_serializing_if = "str::is_empty")]
    error_description: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        let (error, error_description) = match self {
            Self::Refused(refusal) => (refusal.code.as_str(), refusal.description.into_owned()),
            Self::TooLarge => (Code::InvalidRequest.as_str(), self.to_string()),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => ("temporarily_unavailable", String::new()),
            _ => ("server_error", String::new()),
        };
        let mut response = (status, Json(OAuthError { error, error_description })).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"auth\""));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
