//! What a caller is told about where its answer comes from: `Cache-Status` (RFC 9211).

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const GATEWAY: HeaderValue = HeaderValue::from_static("gateway");

/// As metrics name them, see [`Status::nth`].
pub const NAMES: [&str; 8] =
    ["stale", "hit", "joined", "revalidated", "stale_on_error", "bypass", "stored", "not_stored"];

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A copy that was there. `ttl`: whole seconds that it is fresh; less than none if it is stale.
    Hit { ttl: i64 },
    /// A copy that somebody else was just getting.
    Joined { why: Why, ttl: i64 },
    /// A copy that the service says is still right.
    Revalidated { why: Why, ttl: i64 },
    /// A stale copy, since the service failed with this status, or gave no answer.
    Instead { failed: Option<StatusCode>, ttl: i64 },
    /// The service's answer; whether it is kept.
    Forwarded { why: Why, stored: bool },
}

/// Why a copy was not enough (RFC 9211, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// What is asked is nothing that copies are kept of.
    Bypass,
    /// The method changes something.
    Method,
    /// There is none.
    UriMiss,
    /// There is one, for other request headers.
    VaryMiss,
    /// It is too old.
    Stale,
    /// The request did not want it.
    Request,
}

impl Status {
    /// Adds it to the answer's headers.
    pub fn tell(self, headers: &mut HeaderMap) {
        let said = self.usual().unwrap_or_else(|| HeaderValue::try_from(self.text()).unwrap_or(GATEWAY));
        headers.append(CACHE_STATUS, said);
    }

    /// Which of [`NAMES`] is its own.
    pub fn nth(self) -> usize {
        match self {
            Self::Hit { ttl: ..=0 } => 0,
            Self::Hit { .. } => 1,
            Self::Joined { .. } => 2,
            Self::Revalidated { .. } => 3,
            Self::Instead { .. } => 4,
            Self::Forwarded { why: Why::Bypass | Why::Method, .. } => 5,
            Self::Forwarded { stored: true, .. } => 6,
            Self::Forwarded { .. } => 7,
        }
    }

    // What is most often said is not put together, nor read through, each time.
    fn usual(self) -> Option<HeaderValue> {
        let Self::Forwarded { why, stored: false } = self else { return None };
        match why {
            Why::Bypass => Some(const { HeaderValue::from_static("gateway; fwd=bypass") }),
            Why::Method => Some(const { HeaderValue::from_static("gateway; fwd=method") }),
            Why::UriMiss => Some(const { HeaderValue::from_static("gateway; fwd=uri-miss") }),
            _ => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Forwarded { why, stored: true } => format!("gateway; fwd={}; stored", why.text()),
            Self::Forwarded { why, stored: false } => format!("gateway; fwd={}", why.text()),
            Self::Hit { ttl } => format!("gateway; hit; ttl={ttl}"),
            Self::Joined { why, ttl } => format!("gateway; fwd={}; collapsed; ttl={ttl}", why.text()),
            Self::Revalidated { why, ttl } => {
                format!("gateway; fwd={}; fwd-status=304; stored; ttl={ttl}", why.text())
            }
            Self::Instead { failed: Some(failed), ttl } => {
                format!("gateway; fwd=stale; fwd-status={}; ttl={ttl}", failed.as_u16())
            }
            Self::Instead { failed: None, ttl } => format!("gateway; fwd=stale; ttl={ttl}"),
        }
    }
}

impl Why {
    fn text(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // A new kind of answer does not compile until it has its line here.
    fn of_each_kind(kind: Status) -> Vec<Status> {
        let why = [Why::Bypass, Why::Method, Why::UriMiss, Why::VaryMiss, Why::Stale, Why::Request];
        let of_each_why = |status: &dyn Fn(Why) -> Status| why.map(status).to_vec();
        match kind {
            Status::Hit { .. } => [-1, 0, 1].map(|ttl| Status::Hit { ttl }).to_vec(),
            Status::Joined { ttl, .. } => of_each_why(&|why| Status::Joined { why, ttl }),
            Status::Revalidated { ttl, .. } => of_each_why(&|why| Status::Revalidated { why, ttl }),
            Status::Instead { ttl, .. } => {
                [None, Some(StatusCode::BAD_GATEWAY)].map(|failed| Status::Instead { failed, ttl }).to_vec()
            }
            Status::Forwarded { .. } => {
                [true, false].map(|stored| of_each_why(&|why| Status::Forwarded { why, stored })).concat()
            }
        }
    }

    #[test]
    fn what_is_said_at_once_is_what_would_be_put_together() {
        let kinds = of_each_kind(Status::Forwarded { why: Why::Bypass, stored: false });
        let told: Vec<_> = kinds.into_iter().filter_map(|kind| Some((kind.usual()?, kind.text()))).collect();
        assert_eq!(told.len(), 3);
        assert!(told.iter().all(|(usual, text)| usual == text.as_str()), "{told:?}");
    }

    #[test]
    fn every_answer_has_a_name_that_is_counted_and_every_name_has_an_answer() {
        let why = Why::UriMiss;
        let kinds = [
            Status::Hit { ttl: 1 },
            Status::Joined { why, ttl: 1 },
            Status::Revalidated { why, ttl: 1 },
            Status::Instead { failed: None, ttl: 1 },
            Status::Forwarded { why, stored: true },
        ];
        let named: BTreeSet<_> = kinds.into_iter().flat_map(of_each_kind).map(Status::nth).collect();
        assert_eq!(named, (0..NAMES.len()).collect());
    }
}
