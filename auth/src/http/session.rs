//! The cookie of a browser, and what only this server can have written.
//!
//! A browser has one cookie from its first visit; at login it gets a new one, which stands for the session. Each form
//! carries a keyed hash of the cookie (HMAC): another site can make a browser send the cookie, but cannot know that.

use aws_lc_rs::hmac;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use time::{Duration, OffsetDateTime};

use crate::{
    domain::{Hash, Secret},
    keys::derived,
};

const COOKIE: &str = "auth_session";
// A browser takes this only over https, for no other host, and for every path (RFC 6265bis, section 4.1.3.2).
const SECURE_COOKIE: &str = "__Host-auth_session";
// Base64url of 256 bits.
const COOKIE_LENGTH: usize = 43;
/// For how long a login will do for the request that asked for it: there may be a consent page in between.
const PATIENCE: Duration = Duration::minutes(5);
const LONGEST_DESCRIPTION: usize = 200;

/// Makes and recognises cookies and proofs.
#[derive(Clone)]
pub struct Browsers {
    forms: hmac::Key,
    logins: hmac::Key,
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
        Self {
            forms: derived(encryption_key, b"form proofs of the login pages"),
            logins: derived(encryption_key, b"logins that a request asked for"),
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

    /// Notes in a text that the password was right just now, in the session with this cookie and because this request
    /// asked for it. It travels through the browser, which cannot change it.
    pub fn note_login(&self, cookie: &Hash, request: &str, now: OffsetDateTime) -> String {
        let moment = now.unix_timestamp().to_string();
        let proof = URL_SAFE_NO_PAD.encode(hmac::sign(&self.logins, &login(cookie, &moment, request)));
        format!("{moment}.{proof}")
    }

    /// Whether we have noted that, and not too long ago.
    pub fn has_noted_login(&self, note: &str, cookie: &Hash, request: &str, now: OffsetDateTime) -> bool {
        let proves = |(moment, proof): (&str, &str)| {
            let proof = URL_SAFE_NO_PAD.decode(proof).ok()?;
            hmac::verify(&self.logins, &login(cookie, moment, request), &proof).ok()?;
            OffsetDateTime::from_unix_timestamp(moment.parse().ok()?).ok()
        };
        note.split_once('.').and_then(proves).is_some_and(|moment| now - moment < PATIENCE)
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

// The hash has always the same length, and a moment no dot.
fn login(cookie: &Hash, moment: &str, request: &str) -> Vec<u8> {
    [cookie.as_bytes(), moment.as_bytes(), b".", request.as_bytes()].concat()
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
    fn only_we_can_note_a_login_and_only_of_one_session_for_one_request_and_some_minutes() {
        let (ours, others) = (Browsers::new(&[1; 32], ""), Browsers::new(&[2; 32], ""));
        let (cookie, another) = (Hash::of("cookie"), Hash::of("another"));
        let note = ours.note_login(&cookie, "a=b", NOW);
        let noted = |note: &str| ours.has_noted_login(note, &cookie, "a=b", NOW);
        assert!(noted(&note) && !others.has_noted_login(&note, &cookie, "a=b", NOW));
        assert!(!ours.has_noted_login(&note, &another, "a=b", NOW));
        assert!(!ours.has_noted_login(&note, &cookie, "a=c", NOW));
        assert!(!ours.has_noted_login(&note, &cookie, "a=b", NOW + PATIENCE));
        // Neither is a form's proof one.
        let forged = format!("1.{}", ours.proof(&Browser { cookie: "1".into(), is_new: false }));
        for bad in [forged.as_str(), "", ".", "1.", "x.y"] {
            assert!(!noted(bad), "{bad}");
        }
    }
}
