//! What need not be sent again (RFC 9110, section 13), and who may keep it for how long (RFC 9111). A handler says so
//! with [`Keep`]; what says nothing is kept by nobody.

use std::convert::Infallible;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    middleware::Next,
    response::{IntoResponseParts, Response, ResponseParts},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use hyper::body::Body as _;
use sha2::{Digest, Sha256};

/// Longer bodies get no tag of their own, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// So much of the hash is the tag, in bytes.
const TAG: usize = 16;

/// Who may keep an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everybody who may ask for it gets the same, so all may share one copy.
    Public {
        /// Seconds that it is used without a question.
        fresh: u32,
        /// Seconds more that it is used while somebody asks (RFC 5861, section 3).
        while_asking: u32,
        /// Seconds more that it is used if no answer is to be had (RFC 5861, section 4).
        on_error: u32,
    },
    /// It depends on who asks: the caller alone, who asks before each use whether it is still right.
    Own,
}

impl IntoResponseParts for Keep {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        response.headers_mut().insert(header::CACHE_CONTROL, self.value());
        Ok(response)
    }
}

impl Keep {
    fn value(self) -> HeaderValue {
        let Self::Public { fresh, while_asking, on_error } = self else {
            return HeaderValue::from_static("private, no-cache");
        };
        let text = format!("public, max-age={fresh}, stale-while-revalidate={while_asking}, stale-if-error={on_error}");
        HeaderValue::try_from(text).unwrap_or(NOBODY)
    }
}

const NOBODY: HeaderValue = HeaderValue::from_static("private, no-store");

pub(crate) async fn validate(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    if method != Method::GET && method != Method::HEAD {
        return next.run(request).await;
    }
    let asked = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned();
    let asked: HeaderMap = asked.map(|tags| (header::IF_NONE_MATCH, tags)).collect();
    validated(&method, &asked, next.run(request).await).await
}

/// The answer to GET or HEAD: if it may be kept, with a tag by its content unless it has one, and 304 to who has it already.
pub async fn validated(method: &Method, asked: &HeaderMap, mut response: Response) -> Response {
    let forbidden = forbids(response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NOBODY));
    if forbidden || response.status() != StatusCode::OK {
        return response;
    }
    // The content that a HEAD would have had is not there any more.
    if method == Method::GET && !response.headers().contains_key(header::ETAG) {
        response = tagged(response).await;
    }
    match response.headers().get(header::ETAG) {
        Some(tag) if is_known(asked, tag) => not_modified(response),
        _ => response,
    }
}

/// Whether `If-None-Match` names this entity tag, or any. The comparison is weak: a cache may have weakened the tag
/// (RFC 9110, section 13.1.2).
pub fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let Ok(tag) = tag.to_str() else { return false };
    let opaque = tag.trim_start_matches("W/");
    lists.into_iter().any(|list| list.trim() == "*" || quoted(list).any(|known| known == opaque))
}

/// The same answer without what it would show again (RFC 9110, section 15.4.5).
pub fn not_modified(response: Response) -> Response {
    let (mut head, _) = response.into_parts();
    head.status = StatusCode::NOT_MODIFIED;
    for name in OF_CONTENT {
        head.headers.remove(name);
    }
    Response::from_parts(head, Body::empty())
}

const OF_CONTENT: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_RANGE,
];

// A comma may stand in a tag, so the quotes alone say where one ends.
fn quoted(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let from = rest.find('"')?;
        let until = from + 2 + rest[from + 1..].find('"')?;
        let tag = &rest[from..until];
        rest = &rest[until..];
        Some(tag)
    })
}

fn forbids(cache_control: &HeaderValue) -> bool {
    cache_control.as_bytes().to_ascii_lowercase().windows(8).any(|part| part == b"no-store")
}

async fn tagged(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    // What has no length yet is a stream.
    if body.size_hint().exact().is_none_or(|length| length > LONGEST) {
        return Response::from_parts(head, body);
    }
    // It is in memory: nothing is waited for, and nothing fails.
    let content = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tag = hex::encode(&Sha256::digest(&content)[..TAG]);
    if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
        head.headers.insert(header::ETAG, tag);
    }
    Response::from_parts(head, content.into())
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn, routing::get};
    use tower::ServiceExt;

    use super::*;

    const PUBLIC: Keep = Keep::Public { fresh: 5, while_asking: 10, on_error: 60 };

    async fn ask(method: Method, path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let router = Router::new()
            .route("/public", get(|| async { (PUBLIC, "hello") }))
            .route("/own", get(|| async { (Keep::Own, "hello") }))
            .route("/versioned", get(|| async { (PUBLIC, [(header::ETAG, "\"3,7\"")], "hello") }))
            .route("/silent", get(|| async { "hello" }).post(|| async { "done" }))
            .route("/gone", get(|| async { StatusCode::NOT_FOUND }))
            .layer(from_fn(validate));
        let mut request = Request::builder().method(method).uri(path);
        if let Some(tags) = known {
            request = request.header(header::IF_NONE_MATCH, tags);
        }
        let (head, body) = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_is_known_by_its_tag_is_not_sent_again() {
        let (status, headers, body) = ask(Method::GET, "/public", None).await;
        let tag = headers[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!((status, body.as_str(), tag.len()), (StatusCode::OK, "hello", 2 * TAG + 2));
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=5, stale-while-revalidate=10, stale-if-error=60");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let (status, headers, body) = ask(Method::GET, "/public", Some(&known)).await;
            assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{known}");
            assert_eq!(headers[header::ETAG], tag.as_str());
            assert!(headers.contains_key(header::CACHE_CONTROL) && !headers.contains_key(header::CONTENT_TYPE));
        }
        for other in ["\"other\"", &tag[1..], "", "\"", "\"other\", \"*\""] {
            assert_eq!(ask(Method::GET, "/public", Some(other)).await.0, StatusCode::OK, "{other}");
        }
    }

    #[tokio::test]
    async fn a_handlers_own_tag_stays_and_may_have_a_comma() {
        let (_, headers, _) = ask(Method::GET, "/versioned", None).await;
        assert_eq!(headers[header::ETAG], "\"3,7\"");
        assert_eq!(ask(Method::GET, "/versioned", Some("\"3,7\"")).await.0, StatusCode::NOT_MODIFIED);
        assert_eq!(ask(Method::HEAD, "/versioned", Some("\"3,7\"")).await.0, StatusCode::NOT_MODIFIED);
        assert_eq!(ask(Method::GET, "/versioned", Some("\"3\", \"7\"")).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn what_says_nothing_is_kept_by_nobody_and_has_no_tag() {
        for path in ["/silent", "/gone"] {
            let (status, headers, _) = ask(Method::GET, path, Some("*")).await;
            assert_ne!(status, StatusCode::NOT_MODIFIED);
            assert_eq!((headers.get(header::CACHE_CONTROL), headers.get(header::ETAG)), (Some(&NOBODY), None));
        }
        let (_, headers, _) = ask(Method::GET, "/own", None).await;
        assert_eq!(headers[header::CACHE_CONTROL], "private, no-cache");
        assert!(headers.contains_key(header::ETAG));
        assert!(!ask(Method::POST, "/silent", None).await.1.contains_key(header::CACHE_CONTROL));
    }

    #[tokio::test]
    async fn without_its_content_nothing_gets_a_tag() {
        let (status, headers, body) = ask(Method::HEAD, "/public", None).await;
        assert_eq!((status, body.as_str(), headers.get(header::ETAG)), (StatusCode::OK, "", None));
    }
}
