//! The cookie of a browser, and what only this server can have written.
//!
//! A browser has one cookie from its first visit; at login it gets a new one, which stands for the session. Each form
//! carries a keyed hash of the cookie (HMAC): another site can make a browser send the cookie, but cannot know that.

use aws_lc_rs::hmac;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use time::{Duration, OffsetDateTime};

use crate::domain::{Hash, Secret};

const COOKIE: &str = "auth_session";
// A browser takes this only over https, for no other host, and for every path (RFC 6265bis, section 4.1.3.2).
const SECURE_COOKIE: &str = "__Host-auth_session";
// Base64url of 256 bits.
const COOKIE_LENGTH: usize = 43;
/// How long somebody may take to log in.
const PATIENCE: Duration = Duration::hours(1);
const LONGEST_DESCRIPTION: usize = 200;

/// Makes and recognises cookies and proofs.
#[derive(Clone)]
pub struct Browsers {
    forms: hmac::Key,
    moments: hmac::Key,
    secure: bool,
}

/// The cookie that a browser came with, or is given now.
pub struct Browser {
    cookie: String,
    is_new: bool,
}

impl Browsers {
    /// Proofs are made with keys derived from the encryption key, so every instance knows those of the others.
    pub fn new(encryption_key: &[u8; 32], public_url: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, encryption_key);
        let derived = |what: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, what).as_ref());
        Self {
            forms: derived(b"form proofs of the login pages"),
            moments: derived(b"moments at which a login was asked for"),
            secure: public_url.starts_with("https://"),
        }
    }

    /// The browser that sent a request. One that comes for the first time gets a cookie.
    pub fn recognise(&self, headers: &HeaderMap) -> Browser {
        match self.cookie_in(headers) {
            Some(cookie) => Browser { cookie, is_new: false },
            None => Self::renew(),
        }
    }

    /// A browser with a new cookie: at login, so that one planted before is worth nothing (session fixation).
    pub fn renew() -> Browser {
        Browser { cookie: Secret::plain(rand::random()).reveal().to_owned(), is_new: true }
    }

    /// The proof for the forms of this browser.
    pub fn proof(&self, browser: &Browser) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.forms, browser.cookie.as_bytes()))
    }

    /// Whether a form came from our page in this browser, compared in constant time. A browser without a cookie has
    /// not seen our page.
    pub fn proves(&self, browser: &Browser, proof: Option<&str>) -> bool {
        let proof = proof.and_then(|proof| URL_SAFE_NO_PAD.decode(proof).ok()).unwrap_or_default();
        !browser.is_new && hmac::verify(&self.forms, browser.cookie.as_bytes(), &proof).is_ok()
    }

    /// Notes in a text that a login was asked for now. It travels through the browser, which cannot change it.
    pub fn note_moment(&self, now: OffsetDateTime) -> String {
        let moment = (now.unix_timestamp_nanos() / 1_000).to_string();
        let proof = URL_SAFE_NO_PAD.encode(hmac::sign(&self.moments, moment.as_bytes()));
        format!("{moment}.{proof}")
    }

    /// The moment that we noted, unless it was not we, or was too long ago.
    pub fn noted_moment(&self, note: Option<&str>, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let (moment, proof) = note?.split_once('.')?;
        hmac::verify(&self.moments, moment.as_bytes(), &URL_SAFE_NO_PAD.decode(proof).ok()?).ok()?;
        let micros = moment.parse::<i64>().ok()?;
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()?;
        (now - moment < PATIENCE).then_some(moment)
    }

    /// The header that gives a new cookie to its browser.
    pub fn set_cookie(&self, browser: &Browser) -> CookieJar {
        if !browser.is_new {
            return CookieJar::new();
        }
        CookieJar::new().add(self.cookie(browser.cookie.clone()))
    }

    /// The header that takes the cookie away.
    pub fn remove_cookie(&self) -> CookieJar {
        let mut removal = self.cookie(String::new());
        removal.make_removal();
        CookieJar::new().add(removal)
    }

    fn cookie(&self, value: String) -> Cookie<'static> {
        let (name, path) = if self.secure { (SECURE_COOKIE, "/") } else { (COOKIE, "/auth") };
        let cookie = Cookie::build((name, value)).path(path).http_only(true).secure(self.secure);
        // Lax: the redirect from a client's page must carry it.
        cookie.same_site(SameSite::Lax).build()
    }

    fn cookie_in(&self, headers: &HeaderMap) -> Option<String> {
        let name = if self.secure { SECURE_COOKIE } else { COOKIE };
        let value = CookieJar::from_headers(headers).get(name)?.value().to_owned();
        let ours = value.len() == COOKIE_LENGTH && URL_SAFE_NO_PAD.decode(&value).is_ok();
        ours.then_some(value)
    }
}

impl Browser {
    /// What is stored of the cookie.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.cookie)
    }

    /// The hash of the cookie it came with, if it came with one.
    pub fn known(&self) -> Option<Hash> {
        (!self.is_new).then(|| self.hash())
    }
}

/// What a browser says it is.
pub fn user_agent(headers: &HeaderMap) -> String {
    let said = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.chars().filter(|c| !c.is_control()).take(LONGEST_DESCRIPTION).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00.123456 UTC);

    #[test]
    fn the_cookie_is_bound_to_the_host_where_the_origin_is_https() {
        let set = |public_url| Browsers::new(&[1; 32], public_url).cookie("value".into()).to_string();
        let secure = set("https://shop.example");
        assert!(secure.starts_with("__Host-auth_session=value;") && secure.ends_with("; Path=/"), "{secure}");
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(secure.contains(attribute) && !secure.contains("Domain"), "{secure}");
        }
        // Over http a browser would drop it.
        let plain = set("http://127.0.0.1:8080");
        assert!(plain.starts_with("auth_session=value;") && !plain.contains("Secure"), "{plain}");
    }

    #[test]
    fn a_cookie_without_the_prefix_is_not_taken_where_the_origin_is_https() {
        let value = Secret::plain([1; 32]).reveal().to_owned();
        let browsers = Browsers::new(&[1; 32], "https://shop.example");
        for (name, known) in [(COOKIE, false), (SECURE_COOKIE, true)] {
            let header = format!("{name}={value}").parse().unwrap();
            let headers = HeaderMap::from_iter([(header::COOKIE, header)]);
            assert_eq!(browsers.recognise(&headers).known().is_some(), known, "{name}");
        }
    }

    #[test]
    fn only_we_can_note_a_moment_and_only_for_an_hour() {
        let (ours, others) = (Browsers::new(&[1; 32], ""), Browsers::new(&[2; 32], ""));
        let note = ours.note_moment(NOW);
        assert_eq!(ours.noted_moment(Some(&note), NOW), Some(NOW));
        assert_eq!(ours.noted_moment(Some(&note), NOW + PATIENCE), None);
        assert_eq!(others.noted_moment(Some(&note), NOW), None);
        // Neither is a form's proof one.
        let forged = format!("1.{}", ours.proof(&Browser { cookie: "1".into(), is_new: false }));
        for bad in [forged.as_str(), "", ".", "1.", "x.y"] {
            assert_eq!(ours.noted_moment(Some(bad), NOW), None, "{bad}");
        }
    }
}
