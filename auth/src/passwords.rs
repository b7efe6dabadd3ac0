//! Password hashing: Argon2id with 19 MiB, two passes, one lane (OWASP's recommendation), a bounded number at a time.

use std::{sync::Arc, time::Duration};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::error::Error;

/// How long a login waits for its turn before it is told that the server is busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// Checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    // What an unknown user's password is checked against: it takes as long as a known user's.
    nobody: Arc<str>,
}

impl Passwords {
    /// Checks up to `at_once` passwords at the same time.
    pub async fn new(at_once: u8) -> Result<Self, Error> {
        let turns = Arc::new(Semaphore::new(usize::from(at_once)));
        let mut passwords = Self { turns, nobody: Arc::default() };
        passwords.nobody = passwords.hash(uuid::Uuid::new_v4().to_string()).await?.into();
        Ok(passwords)
    }

    /// The hash to store of a password.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.in_turn(move || {
            let hash: PasswordHash = argon2id().hash_password(password.as_bytes()).map_err(Error::Password)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the stored one. Takes as long if there is none stored, and says no.
    pub async fn matches(&self, password: String, stored: Option<String>) -> Result<bool, Error> {
        let (known, hash) = (stored.is_some(), stored.unwrap_or_else(|| self.nobody.to_string()));
        self.in_turn(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| Error::Password(error.into()))?;
            Ok(argon2id().verify_password(password.as_bytes(), &hash).is_ok() && known)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = timeout(PATIENCE, self.turns.clone().acquire_owned()).await.map_err(|_| Error::Busy)?;
        let turn = turn.map_err(|_| Error::Busy)?;
        // The turn goes along: the work goes on even if the browser goes away.
        let done = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Error::Busy)?
    }
}

fn argon2id() -> Argon2<'static> {
    const PARAMS: Params = match Params::new(19 * 1024, 2, 1, None) {
        Ok(params) => params,
        Err(_) => Params::DEFAULT,
    };
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_matches() {
        let passwords = Passwords::new(2).await.unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.matches("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.matches("battery staple".into(), Some(hash)).await.unwrap());
        assert!(!passwords.matches("anything".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_check_against_nobody_takes_its_turn_to_hash_like_any_other() {
        let passwords = Passwords::new(1).await.unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        for stored in [None, Some(hash)] {
            let turn = passwords.turns.clone().acquire_owned().await.unwrap();
            let mut check = std::pin::pin!(passwords.matches("guess".into(), stored));
            assert!(futures::poll!(check.as_mut()).is_pending(), "answered without a hash");
            drop(turn);
            assert!(!check.await.unwrap());
        }
    }
}
