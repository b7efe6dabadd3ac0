//! What the token service announces.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Event;

/// Access tokens that stopped being valid before they expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokensRevoked {
    /// SHA-256 of each access token, lower-case hex. Never the tokens themselves.
    pub token_hashes: Vec<String>,
    /// The grant they were issued under.
    pub grant_id: String,
}

impl Event for TokensRevoked {
    const TYPE: &'static str = "auth.tokens.revoked.v1";

    fn aggregate(&self) -> String {
        self.grant_id.clone()
    }
}
