//! How long a caller may take: to send a head, between two requests, to take in an answer.

use std::{
    sync::{
        Arc,
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
}

/// A request whose answer is not out yet.
#[derive(Debug)]
pub struct Request(Arc<Watch>);

impl Watch {
    /// A request has come in; it is there until the answer is dropped.
    pub fn enter(self: &Arc<Self>) -> Request {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        Request(Arc::clone(self))
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

impl Drop for Request {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
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
