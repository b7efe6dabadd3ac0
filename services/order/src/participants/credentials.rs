//! This service's own access token: fetched by client credentials (RFC 6749, section 4.4), kept until shortly before
//! it expires, one fetch at a time.

use std::{sync::Arc, time::Duration};

use crash::Point;
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

const CLIENT_ID: &str = "order";
/// What the participants ask of this service when it acts.
pub const COMMANDS: &str = "store:checkout inventory:reserve accounting:pay shipping:book";
/// What they ask when it looks at everything they hold: apart, so that no saga carries it.
pub const READS: &str = "store:read inventory:read accounting:read shipping:read";
/// A token is not used in the last moments of its life, since the call it goes with takes time.
const MARGIN: Duration = Duration::from_secs(10);

/// What this service proves who it is with. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    token_url: String,
    secret: SecretString,
    scope: &'static str,
    // Locked while a token is fetched: whoever needs one meanwhile waits for the same.
    token: Mutex<Option<Token>>,
}

struct Token {
    value: String,
    use_until: Instant,
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The token service does not answer, or not as it should.
    #[error("the token service does not answer")]
    Unavailable(#[source] reqwest::Error),
    /// The token service does not accept these credentials.
    #[error("the token service refuses: {0}")]
    Refused(reqwest::StatusCode),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

impl Credentials {
    /// Tokens with this scope come from the token endpoint below `auth_url`.
    pub fn new(auth_url: &str, secret: SecretString, scope: &'static str) -> Self {
        Self(Arc::new(Inner { token_url: format!("{auth_url}/token"), secret, scope, token: Mutex::default() }))
    }

    /// A token that is good for a while.
    pub async fn token(&self, client: &Client) -> Result<String, CredentialsError> {
        let mut token = self.0.token.lock().await;
        match &*token {
            Some(token) if Instant::now() < token.use_until => Ok(token.value.clone()),
            _ => Ok(token.insert(Point::new("fetch token").around(self.fetch(client)).await?).value.clone()),
        }
    }

    /// The token was not accepted: the next call fetches another.
    pub async fn forget(&self, refused: &str) {
        let mut token = self.0.token.lock().await;
        if token.as_ref().is_some_and(|token| token.value == refused) {
            *token = None;
        }
    }

    async fn fetch(&self, client: &Client) -> Result<Token, CredentialsError> {
        let form = [("grant_type", "client_credentials"), ("scope", self.0.scope)];
        // RFC 6749, section 2.3.1: the secret is form-encoded before it goes into Basic.
        let secret: String = form_urlencoded::byte_serialize(self.0.secret.expose_secret().as_bytes()).collect();
        let request = client.post(&self.0.token_url).basic_auth(CLIENT_ID, Some(secret));
        let asked = Instant::now();
        let response = request.form(&form).send().await.map_err(CredentialsError::Unavailable)?;
        if !response.status().is_success() {
            tracing::error!(status = %response.status(), "auth refuses this service's own credentials: no step can be asked");
            return Err(CredentialsError::Refused(response.status()));
        }
        let granted: Granted = response.json().await.map_err(CredentialsError::Unavailable)?;
        let life = Duration::from_secs(granted.expires_in);
        let margin = MARGIN.min(life / 5);
        Ok(Token { value: granted.access_token, use_until: asked + life.saturating_sub(margin) })
    }
}
