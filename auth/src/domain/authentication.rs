//! How clients say who they are (RFC 6749, section 2.3; OpenID Connect Core, section 9).

use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::domain::{Client, Code, Hash, Refusal};

/// How a client says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationMethod {
    /// By its name alone: a public client.
    None,
    /// By a secret in the `Authorization` header.
    SecretBasic,
    /// By a secret in the form.
    SecretPost,
    /// By an assertion that it signed (RFC 7523).
    PrivateKeyJwt,
}

/// What a client keeps and how it shows it.
#[derive(Clone, Debug, Default)]
pub struct SecurityProfile {
    /// The only way in which it may say who it is. None: by its secret in either way, or by its name if it has none.
    pub method: Option<AuthenticationMethod>,
    /// The keys with which it signs assertions (RFC 7517).
    pub jwks: Option<Value>,
    /// Where it publishes them instead.
    pub jwks_uri: Option<String>,
    /// It asks for authorization by pushed requests only (RFC 9126).
    pub require_par: bool,
    /// It is given only tokens that are bound to a key (RFC 9449, section 5.2).
    pub dpop_bound: bool,
    /// It may introspect tokens of other clients: it is a resource server. Never by registration.
    pub introspects_others: bool,
}

impl SecurityProfile {
    /// Whether the client is held to the FAPI 2.0 Security Profile: it must push its requests and prove its key.
    pub const fn is_strict(&self) -> bool {
        self.require_par && self.dpop_bound
    }
}

/// What a client presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// Only its name.
    Name,
    /// A secret in the `Authorization` header.
    Basic(String),
    /// A secret in the form.
    Post(String),
}

impl AuthenticationMethod {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::SecretBasic, Self::SecretPost, Self::PrivateKeyJwt, Self::None];
    /// Those of clients that can keep a secret.
    pub const CONFIDENTIAL: [Self; 3] = [Self::SecretBasic, Self::SecretPost, Self::PrivateKeyJwt];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

impl Client {
    /// Checks what the client presented: by the method that it is registered for and by no other, a secret in constant
    /// time (RFC 6749, section 2.3.1). A public client must present none.
    pub fn authenticate(&self, presented: &Presented) -> Result<(), Refusal> {
        let (method, secret) = match presented {
            Presented::Name => (AuthenticationMethod::None, None),
            Presented::Basic(secret) => (AuthenticationMethod::SecretBasic, Some(secret)),
            Presented::Post(secret) => (AuthenticationMethod::SecretPost, Some(secret)),
        };
        let right: bool = match (&self.secret_hash, secret) {
            (Some(stored), Some(presented)) => stored.as_bytes().ct_eq(Hash::of(presented).as_bytes()).into(),
            (None, None) => true,
            _ => false,
        };
        if right && self.security.method.is_none_or(|registered| registered == method) {
            return Ok(());
        }
        Err(Self::unknown())
    }

    /// Whether it may say who it is by an assertion.
    pub fn signs_assertions(&self) -> bool {
        self.security.method == Some(AuthenticationMethod::PrivateKeyJwt)
    }

    /// Whether it can keep a secret.
    pub fn is_confidential(&self) -> bool {
        self.secret_hash.is_some() || self.signs_assertions()
    }

    /// The refusal of a client that is not who it says. The same for an unknown client and a wrong secret.
    pub fn unknown() -> Refusal {
        Code::InvalidClient.because("client authentication failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(method: Option<AuthenticationMethod>, secret: Option<&str>) -> Client {
        let security = SecurityProfile { method, ..SecurityProfile::default() };
        Client { secret_hash: secret.map(Hash::of), security, ..Client::default() }
    }

    #[test]
    fn only_the_right_secret_authenticates_a_confidential_client() {
        let client = client(None, Some("right"));
        assert!(client.authenticate(&Presented::Basic("right".into())).is_ok());
        assert!(client.authenticate(&Presented::Post("right".into())).is_ok());
        for wrong in [Presented::Basic("wrong".into()), Presented::Post(String::new()), Presented::Name] {
            assert_eq!(client.authenticate(&wrong).unwrap_err().code, Code::InvalidClient, "{wrong:?}");
        }
    }

    #[test]
    fn a_public_client_has_no_secret_to_present() {
        for method in [None, Some(AuthenticationMethod::None)] {
            assert!(client(method, None).authenticate(&Presented::Name).is_ok());
            assert!(client(method, None).authenticate(&Presented::Post("made up".into())).is_err());
        }
    }

    #[test]
    fn only_the_registered_method_is_taken() {
        let right = "right".to_owned();
        let ways = [Presented::Name, Presented::Basic(right.clone()), Presented::Post(right)];
        for (method, taken) in [
            (AuthenticationMethod::SecretBasic, [false, true, false]),
            (AuthenticationMethod::SecretPost, [false, false, true]),
            (AuthenticationMethod::PrivateKeyJwt, [false, false, false]),
        ] {
            for secret in [Some("right"), None] {
                for (way, taken) in ways.iter().zip(taken) {
                    let taken = taken && secret.is_some();
                    assert_eq!(client(Some(method), secret).authenticate(way).is_ok(), taken, "{method:?} {way:?}");
                }
            }
        }
        assert!(client(Some(AuthenticationMethod::PrivateKeyJwt), None).is_confidential());
        assert!(!client(None, None).is_confidential());
    }
}
