//! The cookie of a device on which a user has logged in before. It opens nothing: it only keeps strangers' guesses from
//! counting against who holds it.

use aws_lc_rs::hmac;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::keys::derived;

const COOKIE: &str = "auth_device";
// A browser takes this only over https, for no other host, and for every path (RFC 6265bis, section 4.1.3.2).
const SECURE_COOKIE: &str = "__Host-auth_device";
const LIFETIME: Duration = Duration::days(180);
const USER: usize = 16;
const SEED: usize = 16;
const TIME: usize = 8;
const SIGNED: usize = USER + SEED + TIME;

/// Makes and recognises the cookies of devices.
#[derive(Clone)]
pub struct Devices {
    key: hmac::Key,
    secure: bool,
}

impl Devices {
    /// Cookies are signed with a key derived from the encryption key, so that every instance knows those of the others.
    pub fn new(encryption_key: &[u8; 32], public_url: &str) -> Self {
        Self { key: derived(encryption_key, b"devices of users"), secure: public_url.starts_with("https://") }
    }

    /// The id of the device that sent a request, if this user has logged in on it.
    pub fn recognise(&self, headers: &HeaderMap, user_id: Uuid, now: OffsetDateTime) -> Option<String> {
        let value = CookieJar::from_headers(headers).get(self.name())?.value().to_owned();
        let bytes = URL_SAFE_NO_PAD.decode(&value).ok()?;
        let (signed, tag) = bytes.split_at_checked(SIGNED)?;
        hmac::verify(&self.key, signed, tag).ok()?;
        let (user, rest) = signed.split_at(USER);
        let (seed, until) = rest.split_at(SEED);
        let until = i64::from_be_bytes(until.try_into().ok()?);
        let known = user == user_id.as_bytes() && now.unix_timestamp() < until;
        known.then(|| URL_SAFE_NO_PAD.encode(seed))
    }

    /// The cookie for a device on which this user has logged in now, unless it is known already.
    pub fn remember(&self, headers: &HeaderMap, user_id: Uuid, now: OffsetDateTime) -> CookieJar {
        if self.recognise(headers, user_id, now).is_some() {
            return CookieJar::new();
        }
        let until = (now + LIFETIME).unix_timestamp().to_be_bytes();
        let signed = [&user_id.as_bytes()[..], &rand::random::<[u8; SEED]>(), &until].concat();
        let value = URL_SAFE_NO_PAD.encode([&signed, hmac::sign(&self.key, &signed).as_ref()].concat());
        let path = if self.secure { "/" } else { "/auth/login" };
        let cookie = Cookie::build((self.name(), value)).path(path).http_only(true).secure(self.secure);
        CookieJar::new().add(cookie.max_age(LIFETIME).same_site(SameSite::Lax).build())
    }

    const fn name(&self) -> &'static str {
        if self.secure { SECURE_COOKIE } else { COOKIE }
    }
}

#[cfg(test)]
mod tests {
    use http::header;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    fn sent(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn a_device_is_known_to_its_user_for_half_a_year_and_to_nobody_else() {
        let (ours, others) = (Devices::new(&[1; 32], "http://x"), Devices::new(&[2; 32], "http://x"));
        let (alice, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let jar = ours.remember(&HeaderMap::new(), alice, NOW);
        let value = jar.get(COOKIE).unwrap().value().to_owned();
        let headers = sent(&format!("{COOKIE}={value}"));
        assert!(ours.recognise(&headers, alice, NOW).is_some());
        assert!(ours.recognise(&headers, bob, NOW).is_none());
        assert!(ours.recognise(&headers, alice, NOW + LIFETIME).is_none());
        assert!(others.recognise(&headers, alice, NOW).is_none());
        assert!(ours.remember(&headers, alice, NOW).get(COOKIE).is_none(), "known already");
        for bad in ["", "x", &value[1..], &value[..value.len() - 1]] {
            assert!(ours.recognise(&sent(&format!("{COOKIE}={bad}")), alice, NOW).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_cookie_is_bound_to_the_host_where_the_origin_is_https() {
        let jar = Devices::new(&[1; 32], "https://x").remember(&HeaderMap::new(), Uuid::nil(), NOW);
        let cookie = jar.get(SECURE_COOKIE).unwrap().to_string();
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/;"] {
            assert!(cookie.contains(attribute) && !cookie.contains("Domain"), "{cookie}");
        }
    }
}
