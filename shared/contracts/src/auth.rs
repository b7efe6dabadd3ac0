//! What the token service announces.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Event;

/// Access tokens that stopped being valid before they expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokensRevoked {
    /// SHA-256 of each access token, lower-case hex. Never the tokens themselves.
    pub token_hashes: Vec<String>,
    /// The grant they were issued under; `user:{id}` or `client:{client_id}` where all of one ended.
    pub grant_id: String,
}

impl Event for TokensRevoked {
    const TYPE: &'static str = "auth.tokens.revoked.v1";

    fn aggregate(&self) -> String {
        self.grant_id.clone()
    }
}

/// Something happened that whoever watches over the suite should know. The same stands in the token service's table
/// `security_event`. Never a secret, a token, a password, or a name that somebody typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecurityRecorded {
    /// Its id in the table.
    pub id: String,
    /// What happened, e.g. `login`, `login_failed`, `locked`, `granted`, `revoked`, `reuse`, `key_made`. There will be more.
    pub kind: String,
    /// Whom it concerns: the id of a user, or `client:{client_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The client that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The grant it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// The operator who did it; absent where nobody interfered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl Event for SecurityRecorded {
    const TYPE: &'static str = "auth.security.recorded.v1";

    // In the order in which they happened to one user or client; the rest stand for themselves.
    fn aggregate(&self) -> String {
        self.subject.as_ref().unwrap_or(&self.id).clone()
    }
}
