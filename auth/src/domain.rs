//! The rules of OAuth 2.0 and OpenID Connect that this server keeps: plain types, plain functions.
//! Time and randomness come in as parameters.

mod asking;
mod assertion;
mod authentication;
mod authorization;
mod claims;
mod client;
mod client_failures;
mod device;
mod guessing;
mod login_rules;
mod logout;
mod outward;
mod pkce;
mod profile;
mod redirect;
mod refusal;
mod registration;
mod resources;
mod scopes;
mod secret;
mod security_event;
mod signing;
mod token;
mod user;
mod wishes;

pub use asking::Asking;
pub use assertion::Assertion;
pub use authentication::{AuthenticationMethod, Presented, SecurityProfile};
pub use authorization::{Authorization, AuthorizationRequest, ResponseMode};
pub use claims::{AccessClaims, BY_SCOPE, IdClaims, Login, acr, scope_of};
pub use client::{Client, GrantType, subject_of_client};
pub use client_failures::{ClientFailures, Failed};
pub use device::{UserCode, Waiting};
pub use guessing::Patience;
pub use login_rules::LoginRules;
pub use logout::{Logout, LogoutClaims};
pub use outward::is_public;
pub use pkce::{Challenge, Verifier};
pub use profile::{PostalAddress, Profile, UserClaims};
pub use redirect::{form_targets, origin_as_sent, redirect_matches, registrable, with_query};
pub use refusal::{Code, Refusal};
pub use registration::{Allowance, Registration};
pub use resources::Resources;
pub use scopes::{ABOUT_THE_USER, OPERATE, SERVICES, Scopes, in_words};
pub use secret::{Hash, Secret};
pub use security_event::{Happened, SecurityEvent};
pub use signing::{Signing, SigningAlgorithm};
pub use token::{AccessToken, Redeemed, token_type};
pub use user::{Role, User};
pub use wishes::Wishes;

use time::Duration;

/// How long an authorization code can be redeemed.
pub const CODE_LIFETIME: Duration = Duration::seconds(60);
/// How long there is to come to the authorization endpoint with a pushed request.
pub const PUSHED_REQUEST_LIFETIME: Duration = Duration::seconds(90);
/// How long there is to log in then.
pub const PRESENTED_REQUEST_LIFETIME: Duration = Duration::minutes(10);
/// How long a device waits for somebody to allow it.
pub const DEVICE_CODE_LIFETIME: Duration = Duration::minutes(10);
/// How many seconds it is to wait between two questions.
pub const DEVICE_POLL: i32 = 5;
/// How long an opaque access token is valid.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::minutes(15);
/// How long a refresh token can be redeemed; each rotation starts anew.
pub const REFRESH_TOKEN_LIFETIME: Duration = Duration::days(30);
/// How long a JWT for one service is valid at the most.
pub const EXCHANGED_TOKEN_LIFETIME: Duration = Duration::seconds(60);
/// How long an ID token is valid.
pub const ID_TOKEN_LIFETIME: Duration = Duration::minutes(15);
/// How long a browser stays logged in.
pub const SESSION_LIFETIME: Duration = Duration::hours(12);
