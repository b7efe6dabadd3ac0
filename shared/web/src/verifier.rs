//! Checks the JWT of a request. The JWT library's defaults accept a token without `aud` or `iss`, a `nbf` in the
//! future, any `typ` and any `crit`, so each check is asked for by name.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Validation, decode, decode_header};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    caller::Caller,
    keys::{KEPT, Keys},
    problem::Problem,
};

/// How many verified tokens are remembered: a verification costs 20 to 57 µs, more than most of our handlers.
const REMEMBERED: usize = 10_000;
/// Clocks of our own machines may differ by this, in seconds.
const LEEWAY: u64 = 5;

/// Verifies the JWTs that the token service signs for one audience (RFC 9068, section 4).
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    audience: String,
    issuer: String,
    keys: Keys,
    verified: Mutex<HashMap<[u8; 32], (Caller, u64)>>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    // A single audience: a token for several services could be replayed from one to another.
    #[serde(rename = "aud")]
    _aud: String,
    exp: u64,
    client_id: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    plan: String,
}

pub(crate) enum Refusal {
    /// The token is not good: 401.
    Invalid(&'static str),
    /// It cannot be told whether the token is good: 503.
    Undecided(Problem),
}

impl Verifier {
    /// A verifier for tokens whose `aud` is exactly `audience`, signed with the keys at `{auth_url}/jwks`.
    pub fn new(audience: &str, issuer: &str, auth_url: &str) -> Self {
        Self(Arc::new(Inner {
            audience: audience.to_owned(),
            issuer: issuer.to_owned(),
            keys: Keys::at(auth_url),
            verified: Mutex::default(),
        }))
    }

    /// The caller that `token` speaks for.
    pub(crate) async fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(caller) = self.remembered(&hash) {
            return Ok(caller);
        }
        let (caller, exp) = self.check(token).await?;
        // No longer than keys are kept: what a stolen key signs may claim to live for ever.
        self.remember(hash, caller.clone(), exp.min(seconds_now() + KEPT.as_secs()));
        Ok(caller)
    }

    async fn check(&self, token: &str) -> Result<(Caller, u64), Refusal> {
        let header = decode_header(token).map_err(|_| Refusal::Invalid("not a signed JWT"))?;
        // RFC 9068, section 4: typ is at+jwt, with or without the media type's tree.
        let typ = header.typ.unwrap_or_default().to_ascii_lowercase();
        if typ != "at+jwt" && typ != "application/at+jwt" {
            return Err(Refusal::Invalid("not an access token"));
        }
        // RFC 7515, section 4.1.11: what is critical and not understood makes the token invalid; we understand none.
        if header.crit.is_some() {
            return Err(Refusal::Invalid("unknown critical header"));
        }
        let id = header.kid.ok_or(Refusal::Invalid("no key id"))?;
        let found = self.0.keys.find(&id).await.map_err(|error| Refusal::Undecided(Problem::unavailable(&error)))?;
        let (algorithm, key) = found.ok_or(Refusal::Invalid("unknown key"))?;
        if header.alg != algorithm {
            return Err(Refusal::Invalid("wrong algorithm"));
        }
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_audience(&[&self.0.audience]);
        validation.set_issuer(&[&self.0.issuer]);
        let data = decode::<Claims>(token, &key, &validation).map_err(|_| Refusal::Invalid("not valid here"))?;
        let exp = data.claims.exp;
        Ok((Caller::from(data.claims), exp))
    }

    fn remembered(&self, hash: &[u8; 32]) -> Option<Caller> {
        let verified = self.0.verified.lock().ok()?;
        verified.get(hash).filter(|(_, exp)| seconds_now() < *exp).map(|(caller, _)| caller.clone())
    }

    fn remember(&self, hash: [u8; 32], caller: Caller, exp: u64) {
        let Ok(mut verified) = self.0.verified.lock() else { return };
        if verified.len() >= REMEMBERED {
            let now = seconds_now();
            verified.retain(|_, (_, exp)| now < *exp);
        }
        if verified.len() < REMEMBERED {
            verified.insert(hash, (caller, exp));
        }
    }
}

impl From<Claims> for Caller {
    fn from(claims: Claims) -> Self {
        Self {
            subject: claims.sub,
            client_id: claims.client_id,
            scopes: claims.scope.split_ascii_whitespace().map(str::to_owned).collect(),
            roles: claims.roles,
            plan: claims.plan,
        }
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
