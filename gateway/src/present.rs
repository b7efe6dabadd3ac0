//! Which of the headers that policies look for a request came with: found out in one pass over its names. To look for a
//! header costs as much where it is not there, and of most of them that is the rule.

use http::{HeaderMap, HeaderName};

use crate::headers;

/// A set of them. What is not in it was not sent; what is in it may have been taken out since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present(u32);

impl Present {
    pub const ACCEPT: Self = Self(1);
    pub const ACCEPT_ENCODING: Self = Self(1 << 1);
    /// `Cache-Control` or `Pragma`.
    pub const CACHE_CONTROL: Self = Self(1 << 2);
    pub const CONNECTION: Self = Self(1 << 3);
    pub const CONTENT_TYPE: Self = Self(1 << 4);
    pub const COOKIE: Self = Self(1 << 5);
    pub const DPOP: Self = Self(1 << 6);
    pub const IF_MATCH: Self = Self(1 << 7);
    pub const IF_NONE_MATCH: Self = Self(1 << 8);
    /// What asks for a part of something, or for this and no other state of it.
    pub const PART_OR_STATE: Self = Self(1 << 9);
    pub const REQUEST_ID: Self = Self(1 << 10);
    pub const REQUEST_TIMEOUT: Self = Self(1 << 11);
    pub const TRACEPARENT: Self = Self(1 << 12);
    pub const UPGRADE: Self = Self(1 << 13);
    /// What is for this hop only.
    pub const HOP_BY_HOP: Self = Self(1 << 14);
    /// What a service might take for a statement of the gateway about who calls, or from where.
    pub const CLAIM: Self = Self(1 << 15);
    /// What does not pass the gateway, whatever it says.
    pub const STAYS: Self = Self::HOP_BY_HOP.and(Self::CLAIM);

    /// Those of a request as it came.
    pub fn of(headers: &HeaderMap) -> Self {
        headers.keys().fold(Self(0), |all, name| all.and(Self::named(name)))
    }

    /// What this is the name of.
    pub fn named(name: &HeaderName) -> Self {
        match name.as_str() {
            "accept" => Self::ACCEPT,
            "accept-encoding" => Self::ACCEPT_ENCODING,
            "cache-control" | "pragma" => Self::CACHE_CONTROL,
            "connection" => Self::CONNECTION.and(Self::HOP_BY_HOP),
            "content-type" => Self::CONTENT_TYPE,
            "cookie" => Self::COOKIE,
            "dpop" => Self::DPOP,
            "if-match" => Self::IF_MATCH.and(Self::PART_OR_STATE),
            "if-none-match" => Self::IF_NONE_MATCH,
            "if-range" | "if-unmodified-since" | "range" => Self::PART_OR_STATE,
            "request-timeout-ms" => Self::REQUEST_TIMEOUT,
            "traceparent" => Self::TRACEPARENT,
            "upgrade" => Self::UPGRADE.and(Self::HOP_BY_HOP),
            "x-request-id" => Self::REQUEST_ID,
            _ if headers::is_hop_by_hop(name) => Self::HOP_BY_HOP,
            other if headers::claims_identity(other) => Self::CLAIM,
            _ => Self(0),
        }
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of these may be there.
    pub const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn sent(names: &[&'static str]) -> Present {
        let header = |name: &&'static str| (HeaderName::from_static(name), HeaderValue::from_static("x"));
        Present::of(&names.iter().map(header).collect())
    }

    #[test]
    fn each_is_known_by_its_name_and_others_are_not() {
        for (name, known) in [
            ("accept", Present::ACCEPT),
            ("accept-encoding", Present::ACCEPT_ENCODING),
            ("cache-control", Present::CACHE_CONTROL),
            ("connection", Present::CONNECTION),
            ("content-type", Present::CONTENT_TYPE),
            ("cookie", Present::COOKIE),
            ("dpop", Present::DPOP),
            ("if-match", Present::IF_MATCH),
            ("if-match", Present::PART_OR_STATE),
            ("if-none-match", Present::IF_NONE_MATCH),
            ("if-range", Present::PART_OR_STATE),
            ("if-unmodified-since", Present::PART_OR_STATE),
            ("pragma", Present::CACHE_CONTROL),
            ("range", Present::PART_OR_STATE),
            ("request-timeout-ms", Present::REQUEST_TIMEOUT),
            ("traceparent", Present::TRACEPARENT),
            ("upgrade", Present::UPGRADE),
            ("x-request-id", Present::REQUEST_ID),
        ] {
            assert!(sent(&["host", name, "x-own"]).has(known), "{name}");
        }
        assert_eq!(sent(&["host", "user-agent", "x-own", "if-modified-since"]), Present(0));
        assert!(!sent(&["if-none-match", "cookie"]).has(Present::IF_MATCH.and(Present::PART_OR_STATE)));
    }

    #[test]
    fn what_may_not_pass_is_seen_among_others() {
        let hop = ["connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization"];
        let hop = hop.into_iter().chain(["proxy-connection", "te", "transfer-encoding", "upgrade"]);
        for name in hop {
            assert!(sent(&["accept", name, "cookie"]).has(Present::HOP_BY_HOP), "{name}");
        }
        for name in ["forwarded", "proxy", "x-forwarded-for", "x-user", "x_user_id"] {
            assert!(sent(&["accept", name, "cookie"]).has(Present::CLAIM), "{name}");
        }
        assert!(!sent(&["accept", "cookie", "priority", "from", "x-request-id"]).has(Present::STAYS));
    }
}
