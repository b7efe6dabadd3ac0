//! What a client says of itself when it registers (RFC 7591, section 2), and what of that it may.

mod check;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{GrantType, Scopes};

/// The metadata of a client. What is not listed is ignored, as the standard has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(example = json!({"client_name": "My shop", "redirect_uris": ["https://shop.example/callback"],
    "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid order:read"}))]
pub struct Registration {
    /// Where users may be sent back to: https, loopback, or a scheme of the application's own, with a dot in it.
    #[serde(default)]
    #[schema(required = false)]
    pub redirect_uris: Vec<String>,
    /// `client_secret_basic` unless told; or `client_secret_post`, `private_key_jwt`, `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// `authorization_code` unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// `code`, or nothing for clients that act for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// The name to show to users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The most that it will ask for; unless told, all that it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The keys with which it signs assertions (RFC 7517); those of who does not sign are used for nothing. Public parts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Where it publishes those keys instead: https, to the public internet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where users may be sent after logging out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended: https, to the public internet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// It wants to be told which session. It is told in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_session_required: Option<bool>,
    /// The services that its tokens may be for, as `{PUBLIC_URL}/api/{service}` (RFC 8707); unless told, all that its scopes
    /// allow. The standards have no name for this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<String>>,
    /// `web` or `native`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// It asks for authorization by pushed requests only (RFC 9126).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    /// It is given only tokens that are bound to a key (RFC 9449).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_bound_access_tokens: Option<bool>,
    /// How its ID tokens and logout tokens are signed: `RS256` unless told, or `ES256`. Who pushes its requests and is bound
    /// to a key (FAPI 2.0) gets `ES256` and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// The same for what it is told of tokens, where it asks for that signed (RFC 9701).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<String>,
    /// `public`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_type: Option<String>,
}

/// The most that a client may be given that registers itself.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    pub scopes: Scopes,
    pub grant_types: Vec<GrantType>,
}
