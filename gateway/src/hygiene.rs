//! Requests that no honest caller sends, or that ask for what is not done here. How their bytes may be framed is for
//! `connections` to judge.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Version, header, request::Parts, uri::Authority};

use crate::{error::Refusal, path::PathFault, present::Present};

/// The same for the gateway's own pages.
pub async fn guard(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match check(&head, Present::of(&head.headers)) {
        Ok(()) => next.run(Request::from_parts(head, body)).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Refuses a target that is no path, a host that is none, several or no host at all, and other protocols.
pub fn check(head: &Parts, present: Present) -> Result<(), Refusal> {
    // HTTP/2 has no other form.
    if head.uri.scheme().is_some() && head.version < Version::HTTP_2 {
        return Err(Refusal::BadPath(PathFault::NotAPath));
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let good = match (hosts.next(), hosts.next()) {
        (None, _) => head.version != Version::HTTP_11,
        (Some(host), None) => is_host(host),
        (Some(_), Some(_)) => false,
    };
    if !good {
        return Err(Refusal::BadHost);
    }
    if present.has(Present::UPGRADE) && wants_upgrade(&head.headers) { Err(Refusal::UpgradeRefused) } else { Ok(()) }
}

// RFC 9110 §7.2: a host and a port, nothing before them and nothing after.
fn is_host(value: &HeaderValue) -> bool {
    is_plain(value.as_bytes()) || is_authority(value)
}

// A name or an IPv4 address, with a port of up to four digits: as nearly all are, told in one pass.
fn is_plain(host: &[u8]) -> bool {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let end = host.iter().position(|byte| !in_name(byte)).unwrap_or(host.len());
    let is_port = |port: &[u8]| (1..5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit);
    end > 0 && (end == host.len() || (host[end] == b':' && is_port(&host[end + 1..])))
}

fn is_authority(value: &HeaderValue) -> bool {
    let Ok(host) = Authority::try_from(value.as_bytes()) else { return false };
    let port = host.as_str().strip_prefix(host.host());
    let numeric = |port: &str| port.is_empty() || host.port_u16().is_some();
    !host.host().is_empty() && port.is_some_and(numeric)
}

// Some clients offer HTTP/2 with every request in the hope that it is taken; they go on without (RFC 9110 §7.8).
fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.get_all(header::UPGRADE).iter().any(|offer| !offer.as_bytes().eq_ignore_ascii_case(b"h2c"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let request =
            headers.iter().fold(http::Request::get("/"), |request, (name, value)| request.header(*name, *value));
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, Present::of(&head.headers))
    }

    #[test]
    fn exactly_one_host_is_taken() {
        for good in ["shop.example", "shop.example:8080", "127.0.0.1", "[::1]:80", "a_b"] {
            assert_eq!(with(&[("host", good)]), Ok(()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "shop.example:",
            "shop.example:80800",
            "a:80:80",
            "a b",
            "a/b",
            "user@a",
            "a:b",
            "a\\b",
            "http://a",
        ] {
            assert_eq!(with(&[("host", bad)]), Err(Refusal::BadHost), "{bad}");
        }
        assert_eq!(with(&[]), Err(Refusal::BadHost));
        assert_eq!(with(&[("host", "a"), ("host", "a")]), Err(Refusal::BadHost));
    }

    #[test]
    fn no_protocol_is_changed_but_an_offer_of_http2_is_passed_over() {
        assert_eq!(with(&[("host", "a"), ("upgrade", "websocket")]), Err(Refusal::UpgradeRefused));
        assert_eq!(with(&[("host", "a"), ("upgrade", "h2c"), ("upgrade", "TLS/1.3")]), Err(Refusal::UpgradeRefused));
        assert_eq!(with(&[("host", "a"), ("upgrade", "h2c")]), Ok(()));
    }
}
