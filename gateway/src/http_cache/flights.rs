//! One question at a time for one answer: who comes while it is under way waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Key, Stored};

/// How a question ended.
#[derive(Clone)]
pub enum Landed {
    /// With an answer that is kept.
    Stored(Arc<Stored>),
    /// With one that is for who asked, and nobody else.
    Alone,
    /// With an error.
    Failed,
    /// Without any: who asked went away.
    Gone,
}

/// Questions under way.
#[derive(Clone, Default)]
pub struct Flights(Arc<Mutex<Under>>);

#[derive(Default)]
struct Under {
    way: HashMap<Key, Flying>,
    began: u64,
}

struct Flying {
    number: u64,
    generation: u64,
    outcome: watch::Receiver<Option<Landed>>,
}

/// A question that is under way.
pub struct Flight(watch::Receiver<Option<Landed>>);

/// The duty to ask. Dropped without landing, those who wait go on by themselves.
pub struct Lead {
    pub key: Key,
    /// How often the collection had changed when the question began.
    pub generation: u64,
    number: u64,
    outcome: watch::Sender<Option<Landed>>,
    flights: Flights,
}

impl Flights {
    /// The question under way, unless it began before the last change; if there is none, the duty to ask.
    pub fn join_or_lead(&self, key: &Key, generation: u64) -> Result<Flight, Lead> {
        let mut under = self.lock();
        if let Some(flying) = under.way.get(key).filter(|flying| flying.generation == generation) {
            return Ok(Flight(flying.outcome.clone()));
        }
        under.began += 1;
        let (sender, outcome) = watch::channel(None);
        let number = under.began;
        under.way.insert(key.clone(), Flying { number, generation, outcome });
        Err(Lead { key: key.clone(), generation, number, outcome: sender, flights: self.clone() })
    }

    /// A question of one's own that nobody else waits for.
    pub fn lead_alone(&self, key: &Key, generation: u64) -> Lead {
        let (outcome, _) = watch::channel(None);
        Lead { key: key.clone(), generation, number: 0, outcome, flights: self.clone() }
    }

    // The map is consistent after every statement.
    fn lock(&self) -> MutexGuard<'_, Under> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    /// Tells all who wait.
    pub fn land(self, landed: Landed) {
        self.outcome.send_replace(Some(landed));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut under = self.flights.lock();
        if under.way.get(&self.key).is_some_and(|flying| flying.number == self.number) {
            under.way.remove(&self.key);
        }
    }
}

impl Flight {
    /// Waits for its end.
    pub async fn landed(mut self) -> Landed {
        let landed = self.0.wait_for(Option::is_some).await;
        landed.ok().and_then(|landed| landed.clone()).unwrap_or(Landed::Gone)
    }
}
