//! One running instance of a service, as the gateway sees it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::HeaderValue;
use http::uri::Authority;
use registry::Registration;

use super::ejection::{Ejection, Record};

/// One running instance of a service, as the gateway sees it.
#[derive(Debug)]
pub struct Instance {
    /// Host and port.
    pub authority: Authority,
    /// What it is called by, if that is a name which has several addresses.
    pub host: Option<HeaderValue>,
    /// What it says of itself in the registry, if it is there.
    pub registered: Option<Registration>,
    in_flight: AtomicUsize,
    record: Mutex<Record>,
    // Milliseconds since `known_since`; 0 is never. Beside the record, so that choosing takes no lock.
    out_until: AtomicU64,
    known_since: Instant,
}

impl Instance {
    pub fn new(authority: Authority) -> Self {
        let known_since = Instant::now();
        let record = Mutex::new(Record::new(known_since));
        let (in_flight, out_until) = (AtomicUsize::new(0), AtomicU64::new(0));
        Self { authority, host: None, registered: None, in_flight, record, out_until, known_since }
    }

    /// At one of the addresses of `name`.
    pub fn of_name(authority: Authority, name: &Authority) -> Self {
        Self { host: HeaderValue::from_str(name.as_str()).ok(), ..Self::new(authority) }
    }

    /// One that is registered.
    pub fn registered(authority: Authority, registration: &Registration) -> Self {
        Self { registered: Some(registration.clone()), ..Self::new(authority) }
    }

    /// Counts a request in until the returned guard is dropped.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// How many requests are in flight, their response bodies included.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// It answered.
    pub fn succeeded(&self, policy: &Ejection, now: Instant) {
        self.record().succeeded(policy, now);
    }

    /// It did not answer as it should. `others`: calls and failures of the other instances lately.
    pub fn failed(&self, policy: &Ejection, others: [u32; 2], now: Instant) {
        let back = self.record().failed(policy, others, now);
        if let Some(back) = back {
            self.leave(back, "failures");
        }
    }

    /// It could not be connected to: ejected at once.
    pub fn refused(&self, policy: &Ejection, now: Instant) {
        if !self.is_out(now) {
            let back = self.record().eject(policy, now);
            self.leave(back, "refused");
        }
    }

    /// Whether it is ejected.
    pub fn is_out(&self, now: Instant) -> bool {
        self.age(now) < self.out_until.load(Ordering::Relaxed)
    }

    /// In which share of the draws it takes part: nothing while it is ejected, more and more when it is back.
    pub fn weight(&self, policy: &Ejection, now: Instant) -> f64 {
        match self.out_until.load(Ordering::Relaxed) {
            0 => 1.0,
            until if self.age(now) < until => 0.0,
            until => policy.weight(std::time::Duration::from_millis(self.age(now) - until)),
        }
    }

    /// Lately: calls, failed.
    pub fn lately(&self, now: Instant) -> [u32; 2] {
        self.record().lately(now)
    }

    fn leave(&self, back: Instant, why: &'static str) {
        self.out_until.store(self.age(back), Ordering::Relaxed);
        tracing::warn!(instance = %self.authority, why, "ejected");
        metrics::counter!("gateway_ejections_total", "why" => why).increment(1);
    }

    fn age(&self, at: Instant) -> u64 {
        let age = at.saturating_duration_since(self.known_since).as_millis();
        u64::try_from(age).unwrap_or(u64::MAX)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request counted in at an instance.
#[derive(Debug)]
pub struct InFlight(Arc<Instance>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
