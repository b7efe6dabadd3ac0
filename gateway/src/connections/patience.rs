//! How long a caller may take: to send a head, between two requests, to take in an answer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From a head's first byte to its last.
    pub head: Duration,
    /// Between an answer and the next request.
    pub idle: Duration,
    /// Until the caller takes in the next piece of an answer.
    pub stall: Duration,
}

/// What a connection is doing, as its stream and its requests tell. Cheap to tell; it is looked at now and then.
#[derive(Debug, Default)]
pub struct Watch {
    in_flight: AtomicUsize,
    requests: AtomicU64,
    in_head: AtomicBool,
    stalled: AtomicBool,
    written: AtomicU64,
    // Answers of which the caller was given a piece and took no other since, by the number of the request.
    given: Mutex<HashMap<u64, Instant>>,
}

/// A request whose answer is not out yet.
#[derive(Debug)]
pub struct Request {
    watch: Arc<Watch>,
    number: u64,
}

impl Watch {
    /// A request has come in; it is there until the answer is dropped.
    pub fn enter(self: &Arc<Self>) -> Request {
        self.in_flight.fetch_add(1, Relaxed);
        let number = self.requests.fetch_add(1, Relaxed);
        Request { watch: Arc::clone(self), number }
    }

    /// How many requests have come in.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Whether a head has begun that is not complete.
    pub fn in_head(&self, so: bool) {
        self.in_head.store(so, Relaxed);
    }

    /// Whether the caller takes nothing in.
    pub fn stalled(&self, so: bool) {
        self.stalled.store(so, Relaxed);
        if !so {
            self.written.fetch_add(1, Relaxed);
        }
    }

    // How long an answer has been waiting for its caller, of those that share the connection.
    fn waits(&self) -> Option<Duration> {
        self.given().values().min().map(Instant::elapsed)
    }

    // It is whole after every statement.
    fn given(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn does(&self) -> Doing {
        if self.in_flight.load(Relaxed) > 0 {
            if self.stalled.load(Relaxed) { Doing::Stalls(self.written.load(Relaxed)) } else { Doing::Works }
        } else if self.in_head.load(Relaxed) {
            Doing::Head(self.requests())
        } else {
            Doing::Idle(self.requests())
        }
    }
}

impl Request {
    /// Whether it is the caller who must take in a piece before the answer goes on, or the answer that has none.
    pub fn gave(&self, piece: bool) {
        let mut given = self.watch.given();
        if piece {
            given.insert(self.number, Instant::now());
        } else if !given.is_empty() {
            given.remove(&self.number);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.gave(false);
        self.watch.in_flight.fetch_sub(1, Relaxed);
    }
}

/// Of a thing that goes on too long, which one it is: the same number is the same head, pause or stall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Works,
    Head(u64),
    Idle(u64),
    Stalls(u64),
}

/// Why a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue {
    Head,
    Idle,
    Stall,
}

impl Patience {
    /// Ends when the connection takes too long, by up to a quarter of the shortest patience later.
    pub async fn ends(self, watch: &Watch) -> Overdue {
        let look = (self.head.min(self.idle).min(self.stall) / 4).max(Duration::from_millis(5));
        let mut since = (watch.does(), Instant::now());
        loop {
            sleep(look).await;
            if watch.waits().is_some_and(|waits| waits >= self.stall) {
                return Overdue::Stall;
            }
            let doing = watch.does();
            if doing != since.0 {
                since = (doing, Instant::now());
            }
            if let Some(overdue) = self.overdue(doing, since.1.elapsed()) {
                return overdue;
            }
        }
    }

    fn overdue(self, doing: Doing, goes_on: Duration) -> Option<Overdue> {
        let (patience, overdue) = match doing {
            Doing::Works => return None,
            Doing::Head(_) => (self.head, Overdue::Head),
            Doing::Idle(_) => (self.idle, Overdue::Idle),
            Doing::Stalls(_) => (self.stall, Overdue::Stall),
        };
        (goes_on >= patience).then_some(overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(1), idle: Duration::from_secs(4), stall: Duration::from_secs(2) };

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_is_not_waited_for_and_neither_is_silence() {
        let watch = Arc::new(Watch::default());
        assert_eq!(PATIENCE.ends(&watch).await, Overdue::Idle);
        watch.in_head(true);
        assert_eq!(PATIENCE.ends(&watch).await, Overdue::Head);
        watch.in_head(false);
        let _request = watch.enter();
        watch.stalled(true);
        assert_eq!(PATIENCE.ends(&watch).await, Overdue::Stall);
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_that_is_not_taken_in_is_enough_and_one_that_has_nothing_to_give_is_waited_for() {
        let watch = Arc::new(Watch::default());
        let (quiet, taken, left) = (watch.enter(), watch.enter(), watch.enter());
        left.gave(true);
        drop(left);
        quiet.gave(true);
        quiet.gave(false);
        let goes_on = async {
            for _ in 0..20 {
                taken.gave(true);
                sleep(PATIENCE.stall / 2).await;
            }
        };
        tokio::select! {
            overdue = PATIENCE.ends(&watch) => panic!("{overdue:?}"),
            () = goes_on => {}
        }
        let began = Instant::now();
        let goes_on = async {
            quiet.gave(true);
            loop {
                taken.gave(true);
                sleep(PATIENCE.stall / 2).await;
            }
        };
        tokio::select! {
            overdue = PATIENCE.ends(&watch) => assert_eq!(overdue, Overdue::Stall),
            () = goes_on => {}
        }
        assert!((PATIENCE.stall..=PATIENCE.stall * 2).contains(&began.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_on_is_waited_for() {
        let watch = Arc::new(Watch::default());
        let requests = async {
            for _ in 0..100 {
                watch.in_head(true);
                sleep(PATIENCE.head / 2).await;
                watch.in_head(false);
                let request = watch.enter();
                watch.stalled(true);
                sleep(PATIENCE.stall / 2).await;
                watch.stalled(false);
                sleep(PATIENCE.idle * 2).await;
                drop(request);
                sleep(PATIENCE.idle / 2).await;
            }
        };
        tokio::select! {
            overdue = PATIENCE.ends(&watch) => panic!("{overdue:?}"),
            () = requests => {}
        }
    }
}
