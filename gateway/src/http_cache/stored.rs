//! An answer that is kept, and how it is given again.

use std::time::Instant;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::freshness::{Freshness, date};
use super::status::Status;
use super::variant::Variant;

/// Statuses whose answers are kept. All are complete and final.
const KEPT: [StatusCode; 5] = [
    StatusCode::OK,
    StatusCode::MOVED_PERMANENTLY,
    StatusCode::PERMANENT_REDIRECT,
    StatusCode::NOT_FOUND,
    StatusCode::GONE,
];
/// What an entry costs beside its content, and a header beside its value, about, in bytes.
const OVERHEAD: usize = 1_152;
const HEADER: usize = 160;
/// An allocation is larger than what is in it by such a part, on the average.
const SLACK: usize = 8;

/// One answer.
#[derive(Debug)]
pub struct Stored {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub freshness: Freshness,
    pub variant: Variant,
    /// How often its collection had been changed when it was asked for.
    pub generation: u64,
}

/// Whether an answer with this status and these headers may be kept at all, apart from how long.
pub fn may_be_kept(status: StatusCode, headers: &HeaderMap) -> bool {
    KEPT.contains(&status) && !headers.contains_key(header::CONTENT_RANGE) && !headers.contains_key(header::SET_COOKIE)
}

impl Stored {
    /// What it takes of the cache's room, about, in bytes.
    pub fn weight(&self) -> usize {
        let headers = self.headers.values().map(|value| HEADER + value.len());
        OVERHEAD + self.body.len() + self.body.len() / SLACK + headers.sum::<usize>()
    }

    /// Makes a request ask whether it is still right (section 4.3.1). `false`: it has nothing to ask by.
    pub fn ask_about(&self, request: &mut HeaderMap) -> bool {
        for (from, to) in [(header::ETAG, header::IF_NONE_MATCH), (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE)] {
            if let Some(validator) = self.headers.get(from) {
                request.insert(to, validator.clone());
                return true;
            }
        }
        false
    }

    /// Its headers with those of a 304 in place of the old ones (section 3.2). `None`: that is about another answer.
    pub fn updated(&self, fresh: &HeaderMap) -> Option<HeaderMap> {
        if let Some(tag) = fresh.get(header::ETAG)
            && self.headers.get(header::ETAG).is_none_or(|own| opaque(own) != opaque(tag))
        {
            return None;
        }
        let mut headers = self.headers.clone();
        // Its age begins anew.
        headers.remove(header::AGE);
        let of_content = |name: &HeaderName| name.as_str().starts_with("content-") && name != header::CONTENT_LOCATION;
        for name in fresh.keys().filter(|name| !of_content(name)) {
            headers.remove(name);
            fresh.get_all(name).iter().for_each(|value| {
                headers.append(name.clone(), value.clone());
            });
        }
        Some(headers)
    }

    /// The answer to this request.
    pub fn respond(&self, method: &Method, request: &HeaderMap, status: Status, now: Instant) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        if !matches!(status, Status::Forwarded { .. }) {
            response.headers_mut().insert(header::AGE, HeaderValue::from(self.freshness.age(now).as_secs()));
        }
        if method == Method::HEAD {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        } else {
            *response.body_mut() = Body::from(self.body.clone());
        }
        let mut response = unless_known(request, response);
        status.tell(response.headers_mut());
        response
    }
}

/// The same headers in memory of their own. As they came they are parts of all that was read from the connection with
/// them, some kilobytes, and keep it.
pub fn own(headers: &HeaderMap) -> HeaderMap {
    let mut values = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    headers.values().for_each(|value| values.extend_from_slice(value.as_bytes()));
    let mut values = values.freeze();
    let mut own = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        // What was a value is one.
        if let Ok(mut copy) = HeaderValue::from_maybe_shared(values.split_to(value.len())) {
            copy.set_sensitive(value.is_sensitive());
            own.append(name.clone(), copy);
        }
    }
    own
}

/// The answer, or 304 if the request says that it has it already (RFC 9110, section 13.2.2).
pub fn unless_known(request: &HeaderMap, response: Response) -> Response {
    let known = response.status() == StatusCode::OK
        && if request.contains_key(header::IF_NONE_MATCH) {
            response.headers().get(header::ETAG).is_some_and(|tag| web::is_known(request, tag))
        } else {
            let changed = date(response.headers(), &header::LAST_MODIFIED);
            changed.is_some_and(|at| date(request, &header::IF_MODIFIED_SINCE).is_some_and(|since| at <= since))
        };
    if known { web::not_modified(response) } else { response }
}

fn opaque(tag: &HeaderValue) -> &[u8] {
    tag.as_bytes().strip_prefix(b"W/").unwrap_or(tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_their_own_say_the_same_and_hold_on_to_nothing() {
        let read = Bytes::from(b"abc, de, and all that was read with them".to_vec());
        let part = |range| HeaderValue::from_maybe_shared(read.slice(range)).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, part(0..3));
        headers.append(header::VARY, part(5..7));
        headers.insert(HeaderName::from_static("x-empty"), part(3..3));
        let own = own(&headers);
        assert_eq!(own, headers);
        drop(headers);
        assert!(read.is_unique());
    }
}
