//! What a client signs to say who it is (RFC 7523, section 3; OpenID Connect Core, section 9).

use time::{Duration, OffsetDateTime};

use crate::domain::{Client, Hash, Refusal};

/// How far a client's clock may be from ours.
const SKEW: Duration = Duration::seconds(60);
/// How long an assertion may live; its `jti` is kept for so long. Libraries make them for an hour.
const LONGEST_LIFE: Duration = Duration::hours(1);

/// The claims of an assertion, times in seconds since 1970.
pub struct Assertion<'a> {
    pub issuer: &'a str,
    pub subject: &'a str,
    pub audience: &'a [&'a str],
    pub id: &'a str,
    pub expires_at: i64,
    pub issued_at: Option<i64>,
    pub not_before: Option<i64>,
}

impl Assertion<'_> {
    /// Whether it speaks of this client, to this server, and now. `names` are those under which the server may be
    /// addressed; one that is meant for others as well is refused: they could present it here.
    pub fn check(&self, client_id: &str, names: &[String], now: OffsetDateTime) -> Result<(), Refusal> {
        let now = now.unix_timestamp();
        let (skew, longest) = (SKEW.whole_seconds(), LONGEST_LIFE.whole_seconds());
        let of_this_client = self.issuer == client_id && self.subject == client_id;
        let for_us = !self.audience.is_empty() && self.audience.iter().all(|it| names.iter().any(|name| name == it));
        let alive = self.expires_at > now && self.expires_at <= now + longest + skew;
        let begun = [self.issued_at, self.not_before].into_iter().flatten().all(|time| time <= now + skew);
        if of_this_client && for_us && alive && begun { Ok(()) } else { Err(Client::unknown()) }
    }

    /// What is kept of it so that it is not used again: nothing that another client could choose.
    pub fn used(&self) -> Hash {
        // A client id has no line break.
        Hash::of(&format!("assertion\n{}\n{}", self.subject, self.id))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    fn check(change: impl Fn(&mut Assertion<'_>)) -> bool {
        let now = NOW.unix_timestamp();
        let mut assertion = Assertion {
            issuer: "a",
            subject: "a",
            audience: &["https://x/auth"],
            id: "1",
            expires_at: now + 60,
            issued_at: None,
            not_before: None,
        };
        change(&mut assertion);
        assertion.check("a", &["https://x/auth".into(), "https://x/auth/token".into()], NOW).is_ok()
    }

    #[test]
    fn only_an_assertion_of_this_client_for_this_server_and_this_time_is_taken() {
        let now = NOW.unix_timestamp();
        assert!(check(|_| ()));
        assert!(check(|it| it.audience = &["https://x/auth/token"]));
        assert!(check(|it| (it.issued_at, it.not_before) = (Some(now + 60), Some(now + 60))), "clocks differ");
        assert!(check(|it| it.expires_at = now + 3_600));
        assert!(!check(|it| it.issuer = "b"));
        assert!(!check(|it| it.subject = "b"));
        assert!(!check(|it| it.audience = &["https://other/auth"]));
        assert!(!check(|it| it.audience = &["https://x/auth", "https://other/auth"]));
        assert!(!check(|it| it.audience = &["https://x/auth/"]));
        assert!(!check(|it| it.audience = &[]));
        assert!(!check(|it| it.expires_at = now));
        assert!(!check(|it| it.expires_at = now + 3_661));
        assert!(!check(|it| it.issued_at = Some(now + 61)));
        assert!(!check(|it| it.not_before = Some(now + 61)));
    }
}
