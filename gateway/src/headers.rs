//! Which headers cross the gateway, in each direction.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Uri, uri::Scheme};

use crate::peer::Peer;
use crate::present::Present;
use crate::routes::Route;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

// What a service might take for a statement of the gateway about who calls, or from where, if it came from outside.
const CLAIMS: [&str; 16] = [
    "forwarded",
    "proxy",
    "x-auth",
    "x-client-",
    "x-consumer",
    "x-forwarded",
    "x-http-method",
    "x-internal",
    "x-jwt",
    "x-original-",
    "x-real-ip",
    "x-remote-",
    "x-rewrite-",
    "x-role",
    "x-scope",
    "x-user",
];

/// The public origin, as services are told it.
#[derive(Debug, Clone)]
pub struct Origin {
    proto: HeaderValue,
    host: HeaderValue,
}

impl Origin {
    /// Reads scheme and host of `PUBLIC_URL`.
    pub fn parse(public_url: &str) -> anyhow::Result<Self> {
        let uri: Uri = public_url.parse()?;
        let scheme = uri.scheme().unwrap_or(&Scheme::HTTP);
        let host = uri.authority().map_or("", |authority| authority.as_str());
        Ok(Self { proto: HeaderValue::from_str(scheme.as_str())?, host: HeaderValue::from_str(host)? })
    }

    /// Says it to a service.
    pub fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(FORWARDED_HOST, self.host.clone());
        headers.insert(FORWARDED_PROTO, self.proto.clone());
    }
}

/// Makes a request's headers what `route`'s service may see. `present`: what it came with.
pub fn inbound(headers: &mut HeaderMap, present: Present, route: &Route, peer: Option<&Peer>) {
    debug_assert!(!Present::of(headers).has(Present::STAYS) || present.has(Present::STAYS), "added since it came");
    if present.has(Present::CONNECTION) {
        strip_listed(headers);
    }
    if present.has(Present::STAYS) {
        strip(headers, |name| Present::named(name).has(Present::STAYS));
    }
    if route.audience.is_some() {
        headers.remove(header::HOST);
        // The session is between browser and auth; services know tokens only.
        if present.has(Present::COOKIE) {
            headers.remove(header::COOKIE);
        }
        // Seen, and worth nothing to anybody else.
        if present.has(Present::DPOP) {
            headers.remove(DPOP);
        }
    } else if present.has(Present::COOKIE) {
        join_cookies(headers);
    }
    if let Some(peer) = peer {
        headers.insert(FORWARDED_FOR, peer.spelled.clone());
    }
}

// Over HTTP/2 each may come by itself; over HTTP/1.1 they are one (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let all: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(all) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(header::COOKIE, all);
    }
}

/// What RFC 9110 §7.6.1 says, and `Expect`, which the gateway has answered itself.
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "expect"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Makes a response's headers what the caller may see.
pub fn outbound(headers: &mut HeaderMap, route: &Route) {
    let (mut is_listing, mut leads, mut is_chunked) = (false, false, false);
    let stays = |name: &HeaderName| match name.as_str() {
        // What tells more about a service than its contract does.
        "server" | "x-powered-by" | "via" => true,
        // All share one origin: a service's cookie would be everybody's.
        "set-cookie" => route.audience.is_some(),
        other => other.starts_with("x-internal") || is_hop_by_hop(name),
    };
    for name in headers.keys() {
        is_listing |= *name == header::CONNECTION;
        leads |= *name == header::LOCATION || *name == header::CONTENT_LOCATION;
        is_chunked |= *name == header::TRANSFER_ENCODING;
    }
    if is_chunked {
        // What says how long it is as well is no shorter or longer for that (RFC 9112 §6.3).
        headers.remove(header::CONTENT_LENGTH);
    }
    if is_listing {
        strip_listed(headers);
    }
    strip(headers, stays);
    for name in [header::LOCATION, header::CONTENT_LOCATION].into_iter().filter(|_| leads) {
        if let Some(public) = headers.get(&name).and_then(|at| public_location(at, route)) {
            headers.insert(name, public);
        }
    }
}

// A service names its resources by the path it sees; the caller needs the part that was stripped.
fn public_location(location: &HeaderValue, route: &Route) -> Option<HeaderValue> {
    let path = location.to_str().ok()?;
    let seen = route.prefix.strip_prefix(route.strip)?;
    if route.strip.is_empty() || !path.starts_with(seen) {
        return None;
    }
    HeaderValue::from_str(&format!("{}{path}", route.strip)).ok()
}

// What `Connection` lists.
fn strip_listed(headers: &mut HeaderMap) {
    let listed: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| !is_needed(name))
        .collect();
    for name in listed {
        headers.remove(name);
    }
}

// Listed in `Connection` to make the gateway drop them, these would change what the request means.
fn is_needed(name: &HeaderName) -> bool {
    [header::AUTHORIZATION, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::HOST].contains(name)
}

fn strip(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    // Most requests have none, and then nothing is allocated.
    let unwanted: Vec<HeaderName> = headers.keys().filter(|n| unwanted(n)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}

/// Whether a header of this name might be taken for what the gateway says of a caller.
pub fn claims_identity(name: &str) -> bool {
    // All begin so.
    if !matches!(name.as_bytes().first(), Some(b'f' | b'p' | b'x')) {
        return false;
    }
    // Some servers read `_` and `-` as the same.
    let dashed;
    let name = if name.contains('_') {
        dashed = name.replace('_', "-");
        dashed.as_str()
    } else {
        name
    };
    name == "proxy" || CLAIMS.iter().any(|claim| *claim != "proxy" && name.starts_with(claim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Policies;

    fn route(path: &str) -> Route {
        Route::clone(Policies::standard().route(path).unwrap())
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse::<HeaderName>().unwrap(), v.parse().unwrap())).collect()
    }

    fn after_inbound(route: &Route, pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = headers(pairs);
        let origin = Origin::parse("https://shop.example").unwrap();
        let (present, peer) = (Present::of(&headers), Peer::at(([10, 0, 0, 9], 1).into()));
        inbound(&mut headers, present, route, Some(&peer));
        origin.tell(&mut headers);
        headers
    }

    #[test]
    fn what_claims_an_identity_does_not_pass() {
        let claims = [
            "X-User",
            "X-User-Id",
            "x_user_id",
            "X-Forwarded-User",
            "X-Roles",
            "X-Role",
            "X-Client-Id",
            "X-Auth-Subject",
            "X-Authenticated-User",
            "Forwarded",
            "X-Real-IP",
            "X-Remote-User",
            "X-Scopes",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "Proxy",
        ];
        for claim in claims {
            let left = after_inbound(&route("/api/store/v1/"), &[(claim, "admin"), ("Accept", "*/*")]);
            assert!(!left.contains_key(claim), "{claim}");
            assert!(left.contains_key("accept"));
        }
    }

    #[test]
    fn where_a_request_came_from_is_said_by_the_gateway_only() {
        let left = after_inbound(
            &route("/api/store/v1/"),
            &[("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Host", "evil"), ("X-Forwarded-Proto", "gopher")],
        );
        assert_eq!(left["x-forwarded-for"], "10.0.0.9");
        assert_eq!(left["x-forwarded-host"], "shop.example");
        assert_eq!(left["x-forwarded-proto"], "https");
    }

    #[test]
    fn hop_by_hop_and_listed_headers_stay_on_their_hop() {
        let left = after_inbound(
            &route("/api/store/v1/"),
            &[
                ("Connection", "keep-alive, X-Secret-Hop, Authorization"),
                ("Keep-Alive", "9"),
                ("X-Secret-Hop", "1"),
                ("TE", "trailers"),
                ("Upgrade", "h2c"),
                ("Expect", "100-continue"),
                ("Authorization", "Bearer x"),
            ],
        );
        for gone in ["connection", "keep-alive", "x-secret-hop", "te", "upgrade", "expect"] {
            assert!(!left.contains_key(gone), "{gone}");
        }
        assert!(left.contains_key("authorization"));
    }

    #[test]
    fn cookies_and_host_are_for_auth_only() {
        let sent = [("Cookie", "session=1"), ("Host", "shop.example"), ("Origin", "https://shop.example")];
        let service = after_inbound(&route("/api/store/v1/"), &sent);
        assert!(!service.contains_key("cookie") && !service.contains_key("host"));
        let auth = after_inbound(&route("/auth/"), &sent);
        assert_eq!((&auth["cookie"], &auth["host"]), (&"session=1".parse().unwrap(), &"shop.example".parse().unwrap()));
        assert!(auth.contains_key("origin"));
    }

    #[test]
    fn a_response_says_nothing_about_the_inside() {
        let mut left = headers(&[
            ("Server", "hyper"),
            ("X-Powered-By", "x"),
            ("Via", "y"),
            ("X-Internal-Host", "z"),
            ("Set-Cookie", "a=b"),
            ("Connection", "X-Hop"),
            ("X-Hop", "1"),
            ("ETag", "\"1\""),
        ]);
        outbound(&mut left, &route("/api/store/v1/"));
        assert_eq!(left.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["etag"]);
    }

    #[test]
    fn a_location_gets_back_the_part_that_was_stripped() {
        for (path, inside, outside) in [
            ("/api/order/v1/", "/v1/orders/1", "/api/order/v1/orders/1"),
            ("/api/order/v1/", "/api/order/v1/orders/1", "/api/order/v1/orders/1"),
            ("/api/order/v1/", "https://elsewhere.example/v1/x", "https://elsewhere.example/v1/x"),
            ("/api/order/v1/", "//elsewhere.example/v1/x", "//elsewhere.example/v1/x"),
            ("/auth/", "/auth/login", "/auth/login"),
        ] {
            let mut left = headers(&[("Location", inside)]);
            outbound(&mut left, &route(path));
            assert_eq!(left["location"], outside);
        }
    }
}
