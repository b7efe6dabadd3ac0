//! The tokens the gateway has translated: bounded, short-lived, one question at a time per token, emptied at once when
//! a token is revoked. Time comes in as a parameter; nothing here waits.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::sync::watch;

use crate::bounded::Bounded;
use crate::claims::Claims;

const SHARDS: usize = 16;

/// SHA-256 of an opaque token. The token itself is not kept.
pub type TokenHash = [u8; 32];

/// What an entry is about: one token, as one service sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub token: TokenHash,
    pub audience: &'static str,
}

/// What auth said about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The `Authorization` header the service gets instead.
    Granted { authorization: HeaderValue, expires_in: Duration, claims: Arc<Claims> },
    /// Unknown, expired or revoked.
    Refused,
    /// Good, but not for this service.
    NotForAudience,
    /// Auth gave no answer.
    Unavailable,
}

/// How much is kept and for how long.
#[derive(Debug, Clone)]
pub struct Limits {
    pub granted: usize,
    pub refused: usize,
    pub longest: Duration,
    /// Instead of `longest` while revocations cannot be heard.
    pub longest_unheard: Duration,
    pub refused_for: Duration,
    /// An entry ends this long before its JWT, so that a forwarded JWT is never about to expire.
    pub margin: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            granted: 100_000,
            refused: 10_000,
            longest: Duration::from_mins(1),
            longest_unheard: Duration::from_secs(5),
            refused_for: Duration::from_secs(3),
            margin: Duration::from_secs(5),
        }
    }
}

/// What the cache says to a request.
pub enum Look {
    Hit(Answer),
    /// Somebody is asking already.
    Join(Flight),
    /// Nobody is: ask, and [`Cache::land`] the answer.
    Lead(Lead, Flight),
}

/// The duty to bring one answer. Dropped without landing, those who wait get none and look again: one of them leads anew.
pub struct Lead {
    pub key: Key,
    number: u64,
    outcome: watch::Sender<Option<Answer>>,
}

/// A question under way.
pub struct Flight(watch::Receiver<Option<Answer>>);

impl Flight {
    /// Waits for the answer the leader brings.
    pub async fn answer(mut self) -> Option<Answer> {
        let landed = self.0.wait_for(Option::is_some).await;
        landed.ok().and_then(|answer| answer.clone())
    }
}

pub struct Cache {
    shards: Vec<Mutex<Shard>>,
    limits: Limits,
    longest_millis: AtomicU64,
    flights: AtomicU64,
    // Every service that was ever asked for, whether a route leads to it now or not.
    audiences: Mutex<BTreeSet<&'static str>>,
}

struct Shard {
    granted: Bounded<Key, (HeaderValue, Duration, Arc<Claims>)>,
    refused: Bounded<Key, Answer>,
    flights: HashMap<Key, (u64, watch::Receiver<Option<Answer>>)>,
}

impl Shard {
    fn known(&self, key: &Key, now: Instant) -> Option<Answer> {
        if let Some((authorization, expires_in, claims)) = self.granted.get(key, now) {
            let (authorization, claims) = (authorization.clone(), Arc::clone(claims));
            return Some(Answer::Granted { authorization, expires_in: *expires_in, claims });
        }
        self.refused.get(key, now).cloned()
    }
}

impl Cache {
    pub fn new(limits: Limits) -> Self {
        let shard = || {
            Mutex::new(Shard {
                granted: Bounded::new(limits.granted.div_ceil(SHARDS)),
                refused: Bounded::new(limits.refused.div_ceil(SHARDS)),
                flights: HashMap::new(),
            })
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            longest_millis: AtomicU64::new(millis(limits.longest)),
            flights: AtomicU64::new(0),
            audiences: Mutex::default(),
            limits,
        }
    }

    /// The answer known now, the question under way, or the duty to ask it.
    pub fn look(&self, key: Key, now: Instant) -> Look {
        let mut shard = self.shard(&key.token);
        if let Some(answer) = shard.known(&key, now) {
            return Look::Hit(answer);
        }
        if let Some((_, outcome)) = shard.flights.get(&key) {
            // An error here means that the leader is gone without an answer.
            if outcome.has_changed().is_ok() {
                return Look::Join(Flight(outcome.clone()));
            }
        }
        lock(&self.audiences).insert(key.audience);
        let number = self.flights.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = watch::channel(None);
        shard.flights.insert(key, (number, receiver.clone()));
        let lead = Lead { key, number, outcome: sender };
        Look::Lead(lead, Flight(receiver))
    }

    /// The answer known now; nothing is asked for it.
    pub fn known(&self, key: &Key, now: Instant) -> Option<Answer> {
        self.shard(&key.token).known(key, now)
    }

    /// Hands the answer to all who wait, and keeps it unless the token was forgotten while the question was under way:
    /// what auth said before a revocation must not outlive it.
    pub fn land(&self, lead: Lead, answer: Answer, now: Instant) {
        let mut shard = self.shard(&lead.key.token);
        let current = shard.flights.get(&lead.key).map(|(number, _)| *number);
        if current == Some(lead.number) {
            shard.flights.remove(&lead.key);
            self.keep(&mut shard, lead.key, &answer, now);
        }
        drop(shard);
        lead.outcome.send_replace(Some(answer));
    }

    fn keep(&self, shard: &mut Shard, key: Key, answer: &Answer, now: Instant) {
        match answer {
            Answer::Granted { authorization, expires_in, claims } => {
                let longest = Duration::from_millis(self.longest_millis.load(Ordering::Relaxed));
                let lives = expires_in.saturating_sub(self.limits.margin).min(longest);
                let value = (authorization.clone(), *expires_in, Arc::clone(claims));
                shard.granted.insert(key, value, now, lives);
            }
            Answer::Refused | Answer::NotForAudience => {
                let lives = self.limits.refused_for;
                shard.refused.insert(key, answer.clone(), now, lives);
            }
            Answer::Unavailable => {}
        }
    }

    /// Forgets a token for every audience, and whatever is being asked about it.
    pub fn forget(&self, token: &TokenHash) {
        let mut shard = self.shard(token);
        for audience in lock(&self.audiences).iter().copied() {
            let key = Key { token: *token, audience };
            shard.granted.remove(&key);
            shard.refused.remove(&key);
            shard.flights.remove(&key);
        }
    }

    /// Forgets everything, and whatever is being asked.
    pub fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.granted.clear();
            shard.refused.clear();
            shard.flights.clear();
        }
    }

    /// Says whether revocations are heard now. Either change empties the cache: something may have been missed.
    pub fn hears_revocations(&self, heard: bool) {
        let longest = if heard { self.limits.longest } else { self.limits.longest_unheard };
        self.longest_millis.store(millis(longest), Ordering::Relaxed);
        self.clear();
    }

    /// How many answers are kept: granted, refused.
    pub fn size(&self) -> (usize, usize) {
        self.shards.iter().map(lock).fold((0, 0), |(g, r), shard| (g + shard.granted.len(), r + shard.refused.len()))
    }

    fn shard(&self, token: &TokenHash) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(token[0]) % SHARDS])
    }
}

// What is locked is consistent after every statement, so a panic elsewhere does not spoil it.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
