//! Password hashing: Argon2id at the cost that the settings say, a bounded number at a time, and a bounded number that
//! wait for their turn.

mod costs;
mod learning;

use std::{sync::Arc, time::Duration};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::{db::HashesAt, error::Error};
use costs::Costs;

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

/// What a password is checked against.
pub enum Against {
    /// The hash of a user.
    User(String),
    /// The hash of a user who has to wait: it costs the same, and whatever the password is, it is wrong.
    Waiting(String),
    /// No user has this name: it costs what a user's would.
    Nobody(String),
}

/// Checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    // Salt and hash of a password that nobody has.
    nobody: Arc<str>,
    costs: Arc<Costs>,
}

impl Passwords {
    /// Checks up to `at_once` passwords at the same time, at this cost.
    pub async fn new(at_once: u8, params: Params, encryption_key: &[u8; 32]) -> Result<Self, Error> {
        let at_once = usize::from(at_once);
        let (turns, places) = (Arc::new(Semaphore::new(at_once)), Arc::new(Semaphore::new(at_once * WAITING)));
        let costs = Arc::new(Costs::new(encryption_key, ""));
        let mut passwords = Self { params, turns, places, nobody: Arc::default(), costs };
        let hash = passwords.hash(uuid::Uuid::new_v4().to_string()).await?;
        let (cost, rest) = hash.split_at(cost_of(&hash).unwrap_or_default().len());
        (passwords.costs, passwords.nobody) = (Arc::new(Costs::new(encryption_key, cost)), rest.into());
        Ok(passwords)
    }

    /// Goes from now on by how many hashes of users were made at which cost, for names that nobody has.
    pub fn learn(&self, hashes: Vec<HashesAt>) {
        let costs = hashes.into_iter().filter(|at| is_hash(&format!("{}{}", at.cost, self.nobody)));
        self.costs.learn(costs.map(|at| (at.cost, at.hashes.unsigned_abs())).collect());
    }

    /// The hash to store of a password.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let argon2 = self.argon2id();
        self.in_turn(move || hashed(&argon2, &password)).await
    }

    /// Whether the password is right. Takes as long if there is none that would be, and says no.
    pub async fn check(&self, password: String, against: Against) -> Result<Checked, Error> {
        let may_be_right = matches!(against, Against::User(_));
        let hash = match against {
            Against::User(hash) | Against::Waiting(hash) => hash,
            Against::Nobody(name) => format!("{}{}", self.costs.of_nobody(&name), self.nobody),
        };
        metrics::counter!("password_checks_total", "cost" => cost_of(&hash).unwrap_or_default().to_owned())
            .increment(1);
        let argon2 = self.argon2id();
        self.in_turn(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| Error::Password(error.into()))?;
            let right = argon2.verify_password(password.as_bytes(), &hash).is_ok() && may_be_right;
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

// Algorithm, version and parameters: what stands before the salt.
fn cost_of(hash: &str) -> Option<&str> {
    let (last, _) = hash.match_indices('$').nth(3)?;
    Some(&hash[..=last])
}

fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| Params::try_from(&hash).is_ok())
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
        Passwords::new(at_once, cost(19 * 1024, 2), &[7; 32]).await.unwrap()
    }

    fn user(hash: &str) -> Against {
        Against::User(hash.to_owned())
    }

    fn nobody() -> Against {
        Against::Nobody("mallory".to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_matches() {
        let passwords = passwords(2).await;
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let right = passwords.check("correct horse".into(), user(&hash)).await.unwrap();
        assert!(right.right && right.new_hash.is_none());
        assert!(!passwords.check("battery staple".into(), user(&hash)).await.unwrap().right);
        assert!(!passwords.check("anything".into(), nobody()).await.unwrap().right);
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(!passwords.check("correct horse".into(), Against::Waiting(hash)).await.unwrap().right);
    }

    #[tokio::test]
    async fn a_cost_that_is_none_is_not_learned() {
        let passwords = passwords(1).await;
        let costs = ["", "$argon2id$v=19$", "$argon2id$v=19$m=0,t=0,p=0$", "$md5$x$y$", "$$$$"];
        passwords.learn(costs.map(|cost| HashesAt { cost: cost.to_owned(), hashes: 1000 }).into());
        for name in ["a", "b", "c", "d"] {
            let against = Against::Nobody(name.to_owned());
            assert!(!passwords.check("guess".into(), against).await.unwrap().right);
        }
    }

    #[tokio::test]
    async fn a_hash_made_at_another_cost_is_good_and_made_anew() {
        let hash = passwords(1).await.hash("correct horse".into()).await.unwrap();
        let costlier = Passwords::new(1, cost(20 * 1024, 3), &[7; 32]).await.unwrap();
        assert!(costlier.check("battery staple".into(), user(&hash)).await.unwrap().new_hash.is_none());
        let new = costlier.check("correct horse".into(), user(&hash)).await.unwrap().new_hash.unwrap();
        assert!(new.starts_with("$argon2id$v=19$m=20480,t=3,p=1$"), "{new}");
        let again = costlier.check("correct horse".into(), user(&new)).await.unwrap();
        assert!(again.right && again.new_hash.is_none());
    }

    #[tokio::test]
    async fn a_check_against_nobody_takes_its_turn_to_hash_like_any_other() {
        let passwords = passwords(1).await;
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        for against in [nobody(), user(&hash), Against::Waiting(hash)] {
            let turn = passwords.turns.clone().acquire_owned().await.unwrap();
            let mut check = std::pin::pin!(passwords.check("guess".into(), against));
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
        let refused = futures::FutureExt::now_or_never(passwords.hash("x".into()));
        assert!(matches!(refused, Some(Err(Error::Busy))));
        drop(waiting.pop());
        let mut next = std::pin::pin!(passwords.hash("x".into()));
        assert!(futures::poll!(next.as_mut()).is_pending(), "a place is free again");
        drop((turn, waiting));
        assert!(next.await.is_ok());
    }
}
