//! The cookie of a browser and the proof that a form came from our own page.
//!
//! A browser has one cookie from its first visit; at login it gets a new one, which stands for the session. Each form
//! carries a keyed hash of the cookie (HMAC): another site can make a browser send the cookie, but cannot know that.

use aws_lc_rs::hmac;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;

use crate::domain::{Hash, Secret};

const COOKIE: &str = "auth_session";
// Base64url of 256 bits.
const COOKIE_LENGTH: usize = 43;

/// Makes and recognises cookies and form proofs.
#[derive(Clone)]
pub struct Browsers {
    key: hmac::Key,
    secure: bool,
}

/// The cookie that a browser came with, or is given now.
pub struct Browser {
    cookie: String,
    is_new: bool,
}

impl Browsers {
    /// Proofs are made with a key derived from the encryption key, so every instance knows those of the others.
    pub fn new(encryption_key: &[u8; 32], public_url: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, encryption_key);
        let derived = hmac::sign(&root, b"form proofs of the login pages");
        let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        Self { key, secure: public_url.starts_with("https://") }
    }

    /// The browser that sent a request. One that comes for the first time gets a cookie.
    pub fn recognise(headers: &HeaderMap) -> Browser {
        match cookie(headers) {
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
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, browser.cookie.as_bytes()))
    }

    /// Whether a form came from our page in this browser, compared in constant time. A browser without a cookie has
    /// not seen our page.
    pub fn proves(&self, browser: &Browser, proof: Option<&str>) -> bool {
        let proof = proof.and_then(|proof| URL_SAFE_NO_PAD.decode(proof).ok()).unwrap_or_default();
        !browser.is_new && hmac::verify(&self.key, browser.cookie.as_bytes(), &proof).is_ok()
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
        let cookie = Cookie::build((COOKIE, value)).path("/auth").http_only(true).secure(self.secure);
        // Lax: the redirect from a client's page must carry it.
        cookie.same_site(SameSite::Lax).build()
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

fn cookie(headers: &HeaderMap) -> Option<String> {
    let value = CookieJar::from_headers(headers).get(COOKIE)?.value().to_owned();
    let ours = value.len() == COOKIE_LENGTH && URL_SAFE_NO_PAD.decode(&value).is_ok();
    ours.then_some(value)
}
