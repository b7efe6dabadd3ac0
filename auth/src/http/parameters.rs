//! Parameters of OAuth endpoints, from a query string or a form (RFC 6749, sections 3.1 and 3.2): none twice but
//! `resource`, one without a value counts as omitted, unknown ones are ignored.

use std::collections::{BTreeMap, btree_map::Entry};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{domain::Code, error::Error};

/// Longer than any request that makes sense, in bytes.
const LONGEST: usize = 16 * 1024;

/// A form, read as `T`: a struct of optional strings.
pub struct Form<T>(pub T);

/// A query string, read as `T`: a struct of optional strings.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if !is_form(request.headers()) {
            let refusal = Code::InvalidRequest.because("the body must be application/x-www-form-urlencoded");
            return Err(refusal.into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        Ok(Self(read(&bytes)?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(read(parts.uri.query().unwrap_or_default().as_bytes())?))
    }
}

/// Reads a form-encoded text, also for the halves of a Basic header.
pub fn read<T: DeserializeOwned>(encoded: &[u8]) -> Result<T, Error> {
    if encoded.len() > LONGEST {
        return Err(Error::TooLarge);
    }
    let invalid = |what: &str| Code::InvalidRequest.because(what.to_owned());
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_bytes(encoded).map_err(|_| invalid("the parameters are not form-encoded"))?;
    let mut once = BTreeMap::new();
    for (name, value) in pairs {
        // Undecodable bytes come out as U+FFFD; PostgreSQL keeps no NUL in text.
        if [&name, &value].iter().any(|text| text.contains(['\u{FFFD}', '\0'])) {
            return Err(invalid("parameters must be UTF-8 without NUL").into());
        }
        match once.entry(name) {
            Entry::Vacant(place) => _ = place.insert(value),
            // A list is read as one text: no identifier has a space (RFC 8707, section 2).
            Entry::Occupied(mut place) if place.key() == "resource" => {
                let all = format!("{} {value}", place.get());
                all.trim().clone_into(place.get_mut());
            }
            Entry::Occupied(_) => return Err(invalid("a parameter is there twice").into()),
        }
    }
    once.retain(|_, value| !value.is_empty());
    let fields = once.into_iter().map(|(name, value)| (name, Value::String(value)));
    T::deserialize(Value::Object(fields.collect())).map_err(|error| invalid(&error.to_string()).into())
}

/// Whether a body is a form, by what is said of it.
pub fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn unreadable(rejection: BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Error::TooLarge;
    }
    Code::InvalidRequest.because("the body could not be read").into()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Parameters {
        scope: Option<String>,
        state: Option<String>,
    }

    #[test]
    fn a_parameter_without_a_value_counts_as_omitted_and_unknown_ones_are_ignored() {
        let parameters: Parameters = read(b"scope=&state=a%20b+c&colour=red").unwrap();
        assert_eq!(parameters, Parameters { scope: None, state: Some("a b c".into()) });
    }

    #[test]
    fn resources_are_a_list() {
        let all: BTreeMap<String, String> = read(b"resource=a&scope=x&resource=&resource=b").unwrap();
        assert_eq!(all["resource"], "a b");
    }

    #[test]
    fn what_is_ambiguous_or_undecodable_is_refused() {
        for bad in [&b"scope=a&scope=b"[..], b"x=1&x=", b"scope=%FF", b"scope=\xff", b"state=%00", b"%C3=1"] {
            assert!(matches!(read::<Parameters>(bad), Err(Error::Refused(_))), "{bad:?}");
        }
        let huge = vec![b'a'; LONGEST + 1];
        assert!(matches!(read::<Parameters>(&huge), Err(Error::TooLarge)));
    }
}
