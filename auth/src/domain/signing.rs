//! With what this server signs, and how a client wants to have signed what it is told.

/// An algorithm that this server signs with (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256. JWTs for services are signed with this and nothing else.
    #[default]
    Es256,
    /// RSA with the older padding: OpenID Connect Discovery, section 3, has every provider offer it for ID tokens.
    Rs256,
}

impl SigningAlgorithm {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Es256, Self::Rs256];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// How a client wants to have signed what it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signing {
    /// ID tokens, and logout tokens, which are signed alike (OpenID Connect Back-Channel Logout, section 2.6).
    pub id_token: SigningAlgorithm,
    /// What stands behind a token, if it asks for that signed (RFC 9701).
    pub introspection: SigningAlgorithm,
}
