//! A service gets so many requests at a time and no more, so that one that hangs costs the others nothing. Who comes
//! then waits in a bounded line, first come first served, and not beyond the request's own deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::deadline::Deadline;
use crate::error::Refusal;
use crate::kept::Kept;
use crate::policies::Within;
use crate::routes::Route;

/// How much of a service's time requests may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Requests at a time, each until the end of its answer's body.
    pub in_flight: usize,
    /// Requests that may wait for their turn.
    pub queue: usize,
    /// For this long.
    pub wait: Duration,
}

/// A section `[bulkhead.…]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    in_flight: Within<1, 100_000>,
    queue: Within<0, 100_000>,
    wait: Within<1, 600_000>,
}

impl Section {
    /// The policy.
    pub fn policy(&self) -> Policy {
        Policy {
            in_flight: self.in_flight.get() as usize,
            queue: self.queue.get() as usize,
            wait: Duration::from_millis(self.wait.get().into()),
        }
    }
}

/// Service and name of the policy.
type Key = (&'static str, &'static str);

/// Every bulkhead there is.
#[derive(Default)]
pub struct Bulkheads(Kept<Key, Policy, Bulkhead>);

/// A place at a service, given back when dropped. A route without a bulkhead needs none.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

impl Bulkheads {
    /// A place for a request, now or within the policy's wait and the request's deadline; and when it has it.
    pub async fn enter(&self, route: &Route, deadline: &Deadline, now: Instant) -> Result<(Permit, Instant), Refusal> {
        let Some(declared) = route.bulkhead else { return Ok((Permit(None), now)) };
        let (service, policy) = (route.service, declared.policy);
        let find = || self.0.of((service, declared.name), policy, || Bulkhead::new(policy));
        let bulkhead = route.states.bulkhead.get(find);
        if let Some(place) = bulkhead.free() {
            return Ok((Permit(Some(place)), now));
        }
        let entered = Box::pin(bulkhead.enter(deadline.at)).await;
        entered.map(|place| (Permit(Some(place)), Instant::now())).map_err(|outcome| {
            metrics::counter!("gateway_bulkhead_refusals_total", "service" => service, "outcome" => outcome)
                .increment(1);
            Refusal::Overloaded { service }
        })
    }

    /// All of them as they stand now, by service.
    pub fn snapshot(&self) -> Vec<Standing> {
        let mut all: Vec<_> = self.0.all().into_iter().map(|(key, bulkhead)| bulkhead.standing(key)).collect();
        all.sort_by_key(|standing| (standing.service, standing.policy));
        all
    }
}

/// How one bulkhead stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub service: &'static str,
    pub policy: &'static str,
    pub in_flight: usize,
    pub places: usize,
    pub waiting: usize,
    pub queue: usize,
}

/// One of them.
pub struct Bulkhead {
    policy: Policy,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Bulkhead {
    fn new(policy: Policy) -> Self {
        Self { policy, places: Arc::new(Semaphore::new(policy.in_flight)), waiting: AtomicUsize::new(0) }
    }

    // The semaphore is fair: a place is free only when nobody waits for it.
    fn free(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    async fn enter(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, &'static str> {
        if let Some(place) = self.free() {
            return Ok(place);
        }
        let _waiting = Waiting::join(self).ok_or("full")?;
        let patience = deadline.min(Instant::now() + self.policy.wait);
        let turn = timeout_at(patience, Arc::clone(&self.places).acquire_owned()).await;
        // It is never closed.
        turn.ok().and_then(Result::ok).ok_or("waited")
    }

    fn standing(&self, (service, policy): Key) -> Standing {
        let Policy { in_flight: places, queue, .. } = self.policy;
        let (free, waiting) = (self.places.available_permits(), self.waiting.load(Ordering::Relaxed));
        Standing { service, policy, in_flight: places.saturating_sub(free), places, waiting, queue }
    }
}

/// A place in the line, left when dropped.
struct Waiting<'b>(&'b AtomicUsize);

impl<'b> Waiting<'b> {
    fn join(bulkhead: &'b Bulkhead) -> Option<Self> {
        let room = |waiting: usize| (waiting < bulkhead.policy.queue).then_some(waiting + 1);
        bulkhead.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).ok()?;
        Some(Self(&bulkhead.waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::task::yield_now;

    use super::*;
    use crate::policies::{Named, Policies};

    const MINUTE: Duration = Duration::from_mins(1);

    fn bulkhead(in_flight: usize, queue: usize, wait: Duration) -> Bulkhead {
        Bulkhead::new(Policy { in_flight, queue, wait })
    }

    #[tokio::test]
    async fn who_finds_the_line_full_hears_so_at_once() {
        let (it, later) = (bulkhead(2, 1, MINUTE), Instant::now() + MINUTE);
        let _inside = [it.enter(later).await.unwrap(), it.enter(later).await.unwrap()];
        let mut waits = Box::pin(it.enter(later));
        assert!(waits.as_mut().now_or_never().is_none());
        assert_eq!(it.enter(later).now_or_never().unwrap().unwrap_err(), "full");
    }

    #[tokio::test]
    async fn whoever_waited_for_a_place_is_told_when_it_had_it() {
        let mut route = Route::clone(Policies::standard().route("/api/store/v1/x").unwrap());
        let policy = Policy { in_flight: 1, queue: 9, wait: MINUTE };
        route.bulkhead = Some(Named { name: "one", policy });
        let (all, deadline, came) = (Bulkheads::default(), Deadline::in_full(&route), Instant::now());
        let (place, at) = all.enter(&route, &deadline, came).await.unwrap();
        assert_eq!(at, came);
        let mut waits = Box::pin(all.enter(&route, &deadline, came));
        assert!(waits.as_mut().now_or_never().is_none());
        let left = Instant::now();
        drop(place);
        assert!(waits.await.unwrap().1 >= left);
    }

    #[tokio::test]
    async fn who_came_first_is_let_in_first() {
        let (it, later) = (bulkhead(1, 9, MINUTE), Instant::now() + MINUTE);
        let inside = it.enter(later).await.unwrap();
        let (mut first, mut second) = (Box::pin(it.enter(later)), Box::pin(it.enter(later)));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        drop(inside);
        // Nobody overtakes those who wait.
        assert!(it.enter(later).now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first.now_or_never().unwrap().unwrap());
        assert!(second.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_beyond_the_deadline_or_the_policys_patience() {
        let it = bulkhead(1, 9, MINUTE);
        let _inside = it.enter(Instant::now()).await.unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(it.enter(soon).await.unwrap_err(), "waited");
        let impatient = bulkhead(1, 9, Duration::from_millis(20));
        let _inside = impatient.enter(soon).await.unwrap();
        assert_eq!(impatient.enter(Instant::now() + MINUTE).await.unwrap_err(), "waited");
        assert_eq!((it.waiting.load(Ordering::Relaxed), impatient.waiting.load(Ordering::Relaxed)), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn who_goes_away_leaves_no_place_taken() {
        let (it, later) = (Arc::new(bulkhead(3, 50, MINUTE)), Instant::now() + MINUTE);
        let callers: Vec<_> = (0..5_000)
            .map(|nth| {
                let it = Arc::clone(&it);
                tokio::spawn(async move {
                    let _place = it.enter(later).await;
                    for _ in 0..nth % 7 {
                        yield_now().await;
                    }
                })
            })
            .collect();
        // Some go before they came, some while they wait, some while they are inside, some not at all.
        for (nth, caller) in callers.iter().enumerate() {
            if nth % 3 > 0 {
                caller.abort();
            }
            if nth % 20 == 0 {
                yield_now().await;
            }
        }
        for caller in callers {
            let _ = caller.await;
        }
        assert_eq!((it.places.available_permits(), it.waiting.load(Ordering::Relaxed)), (3, 0));
    }
}
