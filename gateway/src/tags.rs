//! Entity tags of answers that are changed on their way: they are weak, for the bytes are others than those the service
//! meant (RFC 9110, section 8.8.1).

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::present::Present;
use crate::routes::Route;

/// The tags by which a caller knows answers.
pub struct Tags(Vec<HeaderValue>);

impl Tags {
    /// Those of a request on a route that changes answers.
    pub fn take(route: &Route, headers: &mut HeaderMap, present: Present) -> Option<Self> {
        if route.compress.is_none() && route.formats.is_none() {
            return None;
        }
        if present.has(Present::IF_MATCH) {
            strengthen(headers);
        }
        let mut known = Vec::new();
        if present.has(Present::IF_NONE_MATCH) {
            known.extend(headers.get_all(header::IF_NONE_MATCH).iter().cloned());
        }
        Some(Self(known))
    }

    /// Who knows an answer by a weak tag is told by that tag that it is still right.
    pub fn tell(&self, response: &mut Response) {
        if response.status() != StatusCode::NOT_MODIFIED {
            return;
        }
        let Some(tag) = response.headers().get(header::ETAG) else { return };
        let weak = [b"W/", tag.as_bytes()].concat();
        if self.0.iter().any(|known| known.as_bytes().windows(weak.len()).any(|part| part == weak)) {
            weaken(response.headers_mut());
        }
    }
}

/// Makes the answer's tag weak, if it is strong.
pub fn weaken(headers: &mut HeaderMap) {
    let strong = headers.get(header::ETAG).map(HeaderValue::as_bytes).filter(|tag| tag.starts_with(b"\""));
    if let Some(Ok(weak)) = strong.map(|tag| HeaderValue::from_bytes(&[b"W/", tag].concat())) {
        headers.insert(header::ETAG, weak);
    }
}

// A weak tag never matches in `If-Match`, and it was made weak here. One that the service made weak will not match its own.
fn strengthen(headers: &mut HeaderMap) {
    if !headers.contains_key(header::IF_MATCH) {
        return;
    }
    let lists = headers.get_all(header::IF_MATCH).iter().filter_map(|list| list.to_str().ok());
    let list = lists.collect::<Vec<_>>().join(", ").replace("W/\"", "\"");
    if let Ok(list) = HeaderValue::try_from(list) {
        headers.insert(header::IF_MATCH, list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_made_weak_once_and_strong_again_where_it_must_be() {
        let mut headers = HeaderMap::from_iter([(header::ETAG, "\"1.2\"".parse().unwrap())]);
        for _ in 0..2 {
            weaken(&mut headers);
            assert_eq!(headers[header::ETAG], "W/\"1.2\"");
        }
        let mut headers = HeaderMap::from_iter([(header::IF_MATCH, "W/\"1.2\", \"3\"".parse().unwrap())]);
        strengthen(&mut headers);
        assert_eq!(headers[header::IF_MATCH], "\"1.2\", \"3\"");
        let mut none = HeaderMap::new();
        strengthen(&mut none);
        assert!(none.is_empty());
    }
}
