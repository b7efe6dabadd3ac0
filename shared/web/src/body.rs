//! JSON bodies in and out. What cannot be read is refused with a problem that names the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::problem::Problem;

/// A JSON body: of a request, read as `T`, or of a response.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        parse(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A body as it was sent, of whatever kind it says to be.
pub struct Raw {
    /// In lower case and without parameters; empty if nothing was said.
    pub media_type: String,
    /// The body, bounded like every other.
    pub bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = media_type(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        Ok(Self { media_type, bytes })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = media_type(headers);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unreadable(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
    } else {
        Problem::new(StatusCode::BAD_REQUEST, "unreadable_body", "The body could not be read")
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // PostgreSQL keeps no NUL in text, so none is let in anywhere.
    if bytes.windows(6).any(|window| window == b"\\u0000") {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "nul_character", "The body has a NUL character"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| misfit(&error))?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    if !error.inner().is_data() {
        return malformed(error.inner());
    }
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", "The body is not as the contract says")
        .field(error.path().to_string(), without_position(&error.inner().to_string()))
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not JSON").detail(error.to_string())
}

// "…, at line 1 column 20" says nothing that the path does not say better.
fn without_position(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[allow(dead_code)]
        lines: Vec<u8>,
    }

    fn problem(body: &[u8]) -> serde_json::Value {
        serde_json::to_value(parse::<Order>(body).unwrap_err()).unwrap()
    }

    #[test]
    fn a_wrong_field_is_named() {
        let wrong = problem(br#"{"lines": [1, -2]}"#);
        assert_eq!((&wrong["status"], &wrong["errors"][0]["field"]), (&422.into(), &"lines[1]".into()));
        assert_eq!(problem(br#"{"lines": [], "extra": 1}"#)["errors"][0]["field"], "extra");
    }

    #[test]
    fn what_is_not_json_is_a_bad_request() {
        for body in [&b"{"[..], b"", b"{} {}", b"\xff", br#"{"lines": "\u0000"}"#] {
            let status = problem(body)["status"].as_u64().unwrap();
            assert!(status == 400 || (body == b"{} {}" && status == 422), "{body:?}: {status}");
        }
    }
}
