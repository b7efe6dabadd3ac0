//! Password hashing: Argon2id at the cost that the settings say, a bounded number at a time, and a bounded number that
//! wait for their turn.

use std::{sync::Arc, time::Duration};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::error::Error;

/// How long a login waits for its turn before it is told that the server is busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many wait for each that is being checked. The next one is told at once.
const WAITING: usize = 16;

/// What came of a check.
pub struct Checked {
    /// The password is the stored one.
    pub right: bool,
    /// What is to be stored instead, where the stored hash was made at another cost.
    pub new_hash: Option<String>,
}

/// Checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    // What an unknown user's password is checked against: it takes as long as a known user's.
    nobody: Arc<str>,
}

impl Passwords {
    /// Checks up to `at_once` passwords at the same time, at this cost.
    pub async fn new(at_once: u8, params: Params) -> Result<Self, Error> {
        let at_once = usize::from(at_once);
        let (turns, places) = (Arc::new(Semaphore::new(at_once)), Arc::new(Semaphore::new(at_once * WAITING)));
        let mut passwords = Self { params, turns, places, nobody: Arc::default() };
        passwords.nobody = passwords.hash(uuid::Uuid::new_v4().to_string()).await?.into();
        Ok(passwords)
    }

    /// The hash to store of a password.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let argon2 = self.argon2id();
        self.in_turn(move || hashed(&argon2, &password)).await
    }

    /// Whether the password is the stored one. Takes as long if there is none stored, and says no.
    pub async fn check(&self, password: String, stored: Option<String>) -> Result<Checked, Error> {
        let (known, hash) = (stored.is_some(), stored.unwrap_or_else(|| self.nobody.to_string()));
        let argon2 = self.argon2id();
        self.in_turn(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| Error::Password(error.into()))?;
            let right = argon2.verify_password(password.as_bytes(), &hash).is_ok() && known;
            let outdated = right && !made_at(&hash, argon2.params());
            let new_hash = outdated.then(|| hashed(&argon2, &password)).transpose()?;
            Ok(Checked { right, new_hash })
        })
        .await
    }

    fn argon2id(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let turn = timeout(PATIENCE, self.turns.clone().acquire_owned()).await.map_err(|_| Error::Busy)?;
        let turn = turn.map_err(|_| Error::Busy)?;
        drop(place);
        // The turn goes along: the work goes on even if the browser goes away.
        let done = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Error::Busy)?
    }
}

fn made_at(hash: &PasswordHash, cost: &Params) -> bool {
    let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    let same = Params::try_from(hash).is_ok_and(|made| costs(&made) == costs(cost));
    same && hash.algorithm.as_str() == Algorithm::Argon2id.as_str()
}

fn hashed(argon2: &Argon2<'_>, password: &str) -> Result<String, Error> {
    let hash: PasswordHash = argon2.hash_password(password.as_bytes()).map_err(Error::Password)?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(memory: u32, passes: u32) -> Params {
        Params::new(memory, passes, 1, None).unwrap()
    }

    async fn passwords(at_once: u8) -> Passwords {
        Passwords::new(at_once, cost(19 * 1024, 2)).await.unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_matches() {
        let passwords = passwords(2).await;
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let right = passwords.check("correct horse".into(), Some(hash.clone())).await.unwrap();
        assert!(right.right && right.new_hash.is_none());
        assert!(!passwords.check("battery staple".into(), Some(hash)).await.unwrap().right);
        assert!(!passwords.check("anything".into(), None).await.unwrap().right);
    }

    #[tokio::test]
    async fn a_hash_made_at_another_cost_is_good_and_made_anew() {
        let hash = passwords(1).await.hash("correct horse".into()).await.unwrap();
        let costlier = Passwords::new(1, cost(20 * 1024, 3)).await.unwrap();
        assert!(costlier.check("battery staple".into(), Some(hash.clone())).await.unwrap().new_hash.is_none());
        let new = costlier.check("correct horse".into(), Some(hash)).await.unwrap().new_hash.unwrap();
        assert!(new.starts_with("$argon2id$v=19$m=20480,t=3,p=1$"), "{new}");
        let again = costlier.check("correct horse".into(), Some(new)).await.unwrap();
        assert!(again.right && again.new_hash.is_none());
    }

    #[tokio::test]
    async fn a_check_against_nobody_takes_its_turn_to_hash_like_any_other() {
        let passwords = passwords(1).await;
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        for stored in [None, Some(hash)] {
            let turn = passwords.turns.clone().acquire_owned().await.unwrap();
            let mut check = std::pin::pin!(passwords.check("guess".into(), stored));
            assert!(futures::poll!(check.as_mut()).is_pending(), "answered without a hash");
            drop(turn);
            assert!(!check.await.unwrap().right);
        }
    }

    #[tokio::test]
    async fn whoever_would_wait_behind_too_many_is_told_at_once() {
        let passwords = passwords(1).await;
        let turn = passwords.turns.clone().acquire_owned().await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(passwords.hash("x".into()))).collect();
        assert!(waiting.iter_mut().all(|one| futures::FutureExt::now_or_never(one).is_none()));
        assert!(matches!(passwords.hash("x".into()).await, Err(Error::Busy)));
        drop(waiting.pop());
        let mut next = std::pin::pin!(passwords.hash("x".into()));
        assert!(futures::poll!(next.as_mut()).is_pending(), "a place is free again");
        drop((turn, waiting));
        assert!(next.await.is_ok());
    }
}
