//! So many calls at a time to one participant: when it hangs, it holds up those who wait for it, and nobody else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The calls that may be under way, by participant. Cheap to clone.
#[derive(Clone)]
pub struct Turns {
    at_a_time: usize,
    of: Arc<Mutex<HashMap<&'static str, Arc<Semaphore>>>>,
}

/// The right to call a participant; given back when dropped.
#[derive(Debug)]
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Turns {
    /// With `at_a_time` calls for each participant.
    pub fn new(at_a_time: usize) -> Self {
        Self { at_a_time, of: Arc::default() }
    }

    /// A turn, if one is free. None also while others wait for it.
    pub fn try_take(&self, service: &'static str) -> Option<Turn> {
        let permit = self.of(service).try_acquire_owned().ok()?;
        Some(Turn { _permit: permit })
    }

    /// A turn as soon as one is free; first come, first served.
    pub async fn take(&self, service: &'static str) -> Turn {
        match self.of(service).acquire_owned().await {
            Ok(permit) => Turn { _permit: permit },
            // Only a closed semaphore gives none, and nobody closes it.
            Err(_) => std::future::pending().await,
        }
    }

    fn of(&self, service: &'static str) -> Arc<Semaphore> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.entry(service).or_insert_with(|| Arc::new(Semaphore::new(self.at_a_time))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_participant_without_a_free_turn_leaves_the_others_theirs() {
        let turns = Turns::new(1);
        let shipping = turns.try_take("shipping").unwrap();
        assert!(turns.try_take("shipping").is_none());
        assert!(turns.clone().try_take("store").is_some());
        drop(shipping);
        turns.take("shipping").await;
    }
}
