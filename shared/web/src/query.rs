//! Query strings and path parameters. What cannot be read is refused with a problem that names the field.

use axum::extract::{FromRequestParts, RawPathParams, path::ErrorKind, rejection::PathRejection};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The query string, read as `T`.
pub struct Query<T>(pub T);

/// The path parameters, read as `T`.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).map_err(|_| invalid_query())?;
    // Undecodable bytes come out as U+FFFD; PostgreSQL keeps no NUL in text.
    if let Some((name, _)) =
        pairs.iter().find(|(name, value)| [name, value].iter().any(|t| t.contains(['\u{FFFD}', '\0'])))
    {
        return Err(invalid_query().field(name.clone(), "must be UTF-8 without NUL"));
    }
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        invalid_query().field(path, error.inner().to_string())
    })
}

fn invalid_query() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_query", "The query string is not as the contract says")
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let invalid = || Problem::new(StatusCode::BAD_REQUEST, "invalid_path", "The path is not as the contract says");
        let raw = RawPathParams::from_request_parts(parts, state).await.map_err(|_| invalid())?;
        if let Some((name, _)) = raw.iter().find(|(_, value)| value.contains('\0')) {
            return Err(invalid().field(name, "must not contain NUL"));
        }
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(match error.into_kind() {
                ErrorKind::ParseErrorAtKey { key, .. } => invalid().field(key, "has the wrong form"),
                kind => {
                    let name = raw.iter().next().map_or_else(String::new, |(name, _)| name.to_owned());
                    invalid().field(name, kind.to_string())
                }
            }),
            Err(_) => Err(invalid()),
        }
    }
}
