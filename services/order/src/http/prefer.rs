//! `Prefer: wait=…` (RFC 7240, section 4.3): how long the caller would wait for an outcome.

use std::{convert::Infallible, time::Duration};

use axum::{extract::FromRequestParts, http::request::Parts};

/// Nobody waits longer than this, in seconds: less than the gateway waits for an answer.
pub const LONGEST_WAIT: u64 = 25;

/// How long the caller would wait, at most [`LONGEST_WAIT`]. None without the preference; one that cannot be read is
/// ignored, as the standard asks.
pub struct Wait(pub Option<Duration>);

impl<S: Sync> FromRequestParts<S> for Wait {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
        let mut preferences = values.flat_map(|value| value.split(','));
        let seconds: Option<u64> = preferences.find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("wait").then(|| value.parse().ok()).flatten()
        });
        Ok(Self(seconds.filter(|&seconds| seconds > 0).map(|seconds| Duration::from_secs(seconds.min(LONGEST_WAIT)))))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn wait(prefer: &str) -> Option<u64> {
        let (mut parts, ()) = Request::builder().header("prefer", prefer).body(()).unwrap().into_parts();
        let Ok(Wait(wait)) = Wait::from_request_parts(&mut parts, &()).await;
        wait.map(|wait| wait.as_secs())
    }

    #[tokio::test]
    async fn a_wait_is_read_among_other_preferences_and_bounded() {
        assert_eq!(wait("wait=5").await, Some(5));
        assert_eq!(wait("respond-async, WAIT = \"7\"; foo=1").await, Some(7));
        assert_eq!(wait("wait=86400").await, Some(LONGEST_WAIT));
        for ignored in ["wait", "wait=x", "wait=-1", "wait=0", "respond-async"] {
            assert_eq!(wait(ignored).await, None, "{ignored}");
        }
    }
}
