//! `Prefer: wait=…` (RFC 7240, section 4.3): how long the caller would wait for an outcome.

use std::{convert::Infallible, time::Duration};

use axum::{extract::FromRequestParts, http::request::Parts};
use web::Deadline;

/// Nobody waits longer than this, in seconds: less than the gateway waits for an answer.
pub const LONGEST_WAIT: u64 = 25;

/// How long the caller would wait, at most [`LONGEST_WAIT`] and less than its request's own deadline leaves. None without the preference; one that cannot be read is
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
        let left = parts.extensions.get().and_then(|deadline: &Deadline| deadline.left());
        // The part of a second that is cut off is time to answer.
        let most = left.map_or(LONGEST_WAIT, |left| left.as_secs().min(LONGEST_WAIT));
        Ok(Self(seconds.map(|wanted| wanted.min(most)).filter(|&wait| wait > 0).map(Duration::from_secs)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tokio::time::Instant;

    use super::*;

    async fn wait(prefer: &str) -> Option<u64> {
        let (mut parts, ()) = Request::builder().header("prefer", prefer).body(()).unwrap().into_parts();
        let Ok(Wait(wait)) = Wait::from_request_parts(&mut parts, &()).await;
        wait.map(|wait| wait.as_secs())
    }

    #[tokio::test]
    async fn nobody_waits_until_the_callers_time_is_over() {
        let (mut parts, ()) = Request::builder().header("prefer", "wait=20").body(()).unwrap().into_parts();
        for (left, waits) in [(Duration::from_secs(100), Some(20)), (Duration::from_millis(5_900), Some(5))] {
            parts.extensions.insert(Deadline(Some(Instant::now() + left)));
            let Ok(Wait(wait)) = Wait::from_request_parts(&mut parts, &()).await;
            assert_eq!(wait.map(|wait| wait.as_secs()), waits);
        }
        parts.extensions.insert(Deadline(Some(Instant::now())));
        let Ok(Wait(wait)) = Wait::from_request_parts(&mut parts, &()).await;
        assert_eq!(wait, None);
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
