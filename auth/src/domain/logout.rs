//! What a client is told when a session ends (OpenID Connect Back-Channel Logout, section 2.4).

use serde::Serialize;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::domain::SigningAlgorithm;

/// How long a logout token is valid; each attempt to deliver it makes a new one.
const LIFETIME: Duration = Duration::minutes(2);

/// The claims of a `logout+jwt`. Never a nonce: an ID token could be taken for one.
#[derive(Debug, Serialize)]
pub struct LogoutClaims {
    iss: String,
    sub: Uuid,
    aud: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
    sid: Uuid,
    events: Events,
}

#[derive(Debug, Default, Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Nothing,
}

#[derive(Debug, Default, Serialize)]
struct Nothing {}

/// A client that has yet to be told that a session of a user has ended.
#[derive(Debug)]
pub struct Logout {
    /// The same at each attempt, so that the client knows a repetition.
    pub id: Uuid,
    pub client_id: String,
    /// Where it wants to be told.
    pub uri: String,
    /// The client itself has said so, and not an operator.
    pub named_by_client: bool,
    /// How what it is told is signed.
    pub algorithm: SigningAlgorithm,
    pub user_id: Uuid,
    pub session_id: Uuid,
    /// How often it was tried, this time included.
    pub attempts: i16,
}

impl Logout {
    /// What it is told.
    pub fn claims(&self, issuer: &str, now: OffsetDateTime) -> LogoutClaims {
        LogoutClaims {
            iss: issuer.to_owned(),
            sub: self.user_id,
            aud: self.client_id.clone(),
            iat: now.unix_timestamp(),
            exp: (now + LIFETIME).unix_timestamp(),
            jti: self.id,
            sid: self.session_id,
            events: Events::default(),
        }
    }
}
