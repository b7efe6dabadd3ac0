//! Answers are made smaller for the way to the caller, if it says that it can undo that (RFC 9110, section 12.5.3). What
//! comes piece by piece as it happens is left alone, so that no piece waits for another.

use std::convert::Infallible;
use std::future::ready;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Body as _;
use serde::Deserialize;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::media;
use crate::policies::Within;
use crate::present::Present;
use crate::routes::Route;
use crate::tags;

/// What is compressed, and how hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Section")]
pub struct Policy {
    /// Bytes; less is not worth it.
    pub least: u64,
    /// Bytes; more takes too long.
    pub most: u64,
    /// From fast to small.
    pub level: i32,
}

/// A section `[compress.…]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    least: Within<0, 1_048_576>,
    most: Within<1, 65_536>,
    level: Within<1, 9>,
}

impl TryFrom<Section> for Policy {
    type Error = &'static str;

    fn try_from(section: Section) -> Result<Self, &'static str> {
        let (least, most) = (u64::from(section.least.get()), u64::from(section.most.get()) * 1024);
        let level = section.level.get().cast_signed();
        if least <= most { Ok(Self { least, most, level }) } else { Err("`least` must not be more than `most`") }
    }
}

/// What a caller can undo.
pub struct Accepts {
    policy: Policy,
    method: Method,
    encodings: Vec<HeaderValue>,
}

impl Accepts {
    /// Of a request on a route whose answers are compressed. The service is to answer as it is.
    pub fn take(route: &Route, method: &Method, headers: &mut HeaderMap, present: Present) -> Option<Self> {
        let policy = route.compress?.policy;
        let mut encodings = Vec::new();
        if present.has(Present::ACCEPT_ENCODING) {
            encodings.extend(headers.get_all(header::ACCEPT_ENCODING).iter().cloned());
            headers.remove(header::ACCEPT_ENCODING);
        }
        Some(Self { policy, method: method.clone(), encodings })
    }

    /// Makes the answer what the caller gets.
    pub async fn compress(self, response: &mut Response) {
        if !self.concern(response) {
            return;
        }
        let status = response.status();
        // Encoders are large, and a future that held one would be moved about with every request that needs none.
        let mut compressed = Box::pin(self.encode(std::mem::take(response))).await;
        // It refuses who takes nothing at all, after the service has acted; such a caller gets it as it is.
        *compressed.status_mut() = status;
        if compressed.headers().contains_key(header::CONTENT_ENCODING) {
            tags::weaken(compressed.headers_mut());
        }
        *response = compressed;
    }

    // Whether the answer is one to compress. It says itself that it could be another.
    fn concern(&self, response: &mut Response) -> bool {
        let same = response.status() == StatusCode::NOT_MODIFIED;
        if !same && (!is_text(response.headers()) || is_fixed(response.headers())) {
            return false;
        }
        response.headers_mut().append(header::VARY, HeaderValue::from(header::ACCEPT_ENCODING));
        let sizes = self.policy.least..=self.policy.most;
        !same && size(&self.method, response).is_some_and(|it| sizes.contains(&it))
    }

    async fn encode(self, response: Response) -> Response {
        let mut request = Request::new(());
        for encodings in self.encodings {
            request.headers_mut().append(header::ACCEPT_ENCODING, encodings);
        }
        let mut response = Some(response);
        let layer = CompressionLayer::new()
            .quality(CompressionLevel::Precise(self.policy.level))
            .compress_when(|_, _, _: &HeaderMap, _: &http::Extensions| true);
        let once = service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(response.take().unwrap_or_default())));
        let answer = ServiceBuilder::new().layer(layer).service(once).oneshot(request).await;
        answer.unwrap_or_else(|never| match never {}).map(Body::new)
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let named = media::named(headers);
    let is = |name: &str| named.eq_ignore_ascii_case(name);
    let begins = |part: &str| named.get(..part.len()).is_some_and(|it| it.eq_ignore_ascii_case(part));
    let ends = |part: &str| {
        let at = named.len().checked_sub(part.len());
        at.and_then(|at| named.get(at..)).is_some_and(|it| it.eq_ignore_ascii_case(part))
    };
    [media::JSON, "application/xml", "application/javascript", "application/cbor"].into_iter().any(is)
        || (begins("text/") && !is("text/event-stream"))
        || ["+json", "+xml"].into_iter().any(ends)
}

/// Bytes of an answer's content, if that is known: of the answer to HEAD those that GET would get, so that both say the
/// same of it.
pub fn size(method: &Method, response: &Response) -> Option<u64> {
    let here = response.body().size_hint().exact();
    if *method != Method::HEAD || here != Some(0) {
        return here;
    }
    response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Encoded already, a part of something, or not to be touched.
pub fn is_fixed(headers: &HeaderMap) -> bool {
    let untouchable = |said: &HeaderValue| {
        said.as_bytes().windows(12).any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
    };
    headers.contains_key(header::CONTENT_ENCODING)
        || headers.contains_key(header::CONTENT_RANGE)
        || headers.get_all(header::CACHE_CONTROL).iter().any(untouchable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn text_is_compressed_and_events_and_pictures_are_not() {
        for text in ["application/json", "application/problem+json", "Text/HTML; charset=utf-8", "image/svg+xml"] {
            assert!(is_text(&with(header::CONTENT_TYPE, text)), "{text}");
        }
        for other in ["text/event-stream", "Text/Event-Stream;charset=utf-8", "image/png", "application/zip", ""] {
            assert!(!is_text(&with(header::CONTENT_TYPE, other)), "{other}");
        }
    }
}
