//! Who in this process waits for news of an order. What happens in other instances is found by looking now and then.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contracts::OrderId;
use tokio::sync::watch;

use crate::domain::State;

/// The waiting, by order. Cheap to clone.
#[derive(Clone, Default)]
pub struct Watchers(Arc<Mutex<HashMap<OrderId, watch::Sender<Option<State>>>>>);

/// A place among the waiting; given up when dropped.
pub struct Watching {
    watchers: Watchers,
    id: OrderId,
    receiver: watch::Receiver<Option<State>>,
}

impl Watchers {
    /// Takes a place among those who wait for news of the order.
    pub fn watch(&self, id: OrderId) -> Watching {
        let receiver = self.map().entry(id).or_insert_with(|| watch::Sender::new(None)).subscribe();
        Watching { watchers: self.clone(), id, receiver }
    }

    /// Tells those who wait that something was saved, and where the order stands.
    pub fn tell(&self, id: OrderId, state: State) {
        if let Some(sender) = self.map().get(&id) {
            sender.send_replace(Some(state));
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<OrderId, watch::Sender<Option<State>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watching {
    /// Waits for news, and says where the order stands.
    pub async fn news(&mut self) -> Option<State> {
        // The sender lives while this does: an error cannot occur.
        let _ = self.receiver.changed().await;
        *self.receiver.borrow_and_update()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut map = self.watchers.map();
        if map.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            map.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_are_told_and_leave_nothing_behind() {
        let (watchers, id) = (Watchers::default(), OrderId::generate());
        let (mut one, other) = (watchers.watch(id), watchers.watch(id));
        watchers.tell(id, State::Confirmed);
        assert_eq!(one.news().await, Some(State::Confirmed));
        drop((one, other));
        assert!(watchers.map().is_empty());
    }
}
