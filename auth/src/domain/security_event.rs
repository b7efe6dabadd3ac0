//! What is written down for whoever watches over the suite.

use std::net::IpAddr;

use uuid::Uuid;

use crate::domain::subject_of_client;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Somebody logged in.
    Login,
    /// A password was wrong, or the name.
    LoginFailed,
    /// Too many were wrong: guesses at this account have to wait.
    Locked,
    /// Somebody logged out.
    Logout,
    /// A user has allowed a device what it asks for.
    Approved,
    /// A client could not say who it is, or somebody who does not know its secret.
    ClientFailed,
    /// A client was given a token for itself and held none like it, or has redeemed a code that speaks for a user, also
    /// that of a device.
    Granted,
    /// A user took back what was granted.
    ConsentWithdrawn,
    /// A token, a grant, or everything of a user or client, ended before its time.
    Revoked,
    /// A code or refresh token was used again.
    Reuse,
    /// A signing key was made.
    KeyMade,
    /// A signing key was taken out.
    KeyRetired,
    /// A client registered itself.
    ClientRegistered,
    /// A client changed its registration.
    ClientChanged,
    /// A client was deleted.
    ClientDeleted,
    /// A client was disabled.
    ClientDisabled,
    /// A client was enabled again.
    ClientEnabled,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled again.
    UserEnabled,
    /// An operator issued an initial access token.
    RegistrationAllowed,
    /// An operator withdrew an initial access token.
    RegistrationForbidden,
}

impl Happened {
    /// Its name, as stored and announced.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::Locked => "locked",
            Self::Logout => "logout",
            Self::Approved => "approved",
            Self::ClientFailed => "client_failed",
            Self::Granted => "granted",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::Revoked => "revoked",
            Self::Reuse => "reuse",
            Self::KeyMade => "key_made",
            Self::KeyRetired => "key_retired",
            Self::ClientRegistered => "client_registered",
            Self::ClientChanged => "client_changed",
            Self::ClientDeleted => "client_deleted",
            Self::ClientDisabled => "client_disabled",
            Self::ClientEnabled => "client_enabled",
            Self::UserDisabled => "user_disabled",
            Self::UserEnabled => "user_enabled",
            Self::RegistrationAllowed => "registration_allowed",
            Self::RegistrationForbidden => "registration_forbidden",
        }
    }
}

/// One such event. Never holds a secret, or a name that somebody typed.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    /// What happened.
    pub happened: Happened,
    /// Whom it concerns: the id of a user, or `client:{client_id}`.
    pub subject: Option<String>,
    /// The client that was used.
    pub client_id: Option<String>,
    /// The grant it is about.
    pub grant_id: Option<Uuid>,
    /// The operator who did it.
    pub by: Option<String>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// A word more, in our own words.
    pub detail: Option<String>,
}

impl SecurityEvent {
    /// Something that concerns nobody who is known.
    pub const fn of(happened: Happened) -> Self {
        Self { happened, subject: None, client_id: None, grant_id: None, by: None, address: None, detail: None }
    }

    /// Something that concerns a user.
    pub fn of_user(happened: Happened, user_id: Uuid) -> Self {
        Self { subject: Some(user_id.to_string()), ..Self::of(happened) }
    }

    /// Something that concerns a client.
    pub fn of_client(happened: Happened, client_id: &str) -> Self {
        Self {
            subject: Some(subject_of_client(client_id)),
            client_id: Some(client_id.to_owned()),
            ..Self::of(happened)
        }
    }

    /// The same, through this client.
    #[must_use]
    pub fn through(self, client_id: &str) -> Self {
        Self { client_id: Some(client_id.to_owned()), ..self }
    }

    /// The same, about this grant.
    #[must_use]
    pub fn about(self, grant_id: Uuid) -> Self {
        Self { grant_id: Some(grant_id), ..self }
    }

    /// The same, from this address.
    #[must_use]
    pub fn from(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }

    /// The same, done by this operator.
    #[must_use]
    pub fn by(self, operator: &str) -> Self {
        Self { by: Some(operator.to_owned()), ..self }
    }

    /// The same, with a word more.
    #[must_use]
    pub fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}
