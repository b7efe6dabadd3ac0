//! One running instance of a service, as the gateway sees it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::uri::Authority;
use registry::Registration;

use super::ejection::{Ejection, Record};
use crate::recent::Recent;

/// One running instance of a service, as the gateway sees it.
#[derive(Debug)]
pub struct Instance {
    /// Host and port.
    pub authority: Authority,
    /// What it is called by: the name, if that is one which has several addresses.
    pub host: HeaderValue,
    /// Different for each, and never used again.
    pub number: u64,
    /// What it says of itself in the registry, if it is there.
    pub registered: Option<Registration>,
    /// What it answered lately.
    pub recent: Recent,
    in_flight: AtomicUsize,
    record: Mutex<Record>,
    // Milliseconds since `known_since`, 0 or OUT. Beside the record, so that choosing takes no lock.
    back_since: AtomicU64,
    known_since: Instant,
}

/// It was never ejected.
const ALWAYS: u64 = 0;
/// It is ejected.
const OUT: u64 = u64::MAX;

impl Instance {
    pub fn new(authority: Authority) -> Self {
        let host = host(&authority);
        Self::called(authority, host)
    }

    fn called(authority: Authority, host: HeaderValue) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let known_since = Instant::now();
        let record = Mutex::new(Record::new(known_since));
        let (in_flight, back_since) = (AtomicUsize::new(0), AtomicU64::new(ALWAYS));
        let recent = Recent::default();
        Self { authority, host, number, registered: None, recent, in_flight, record, back_since, known_since }
    }

    /// At one of the addresses of `name`.
    pub fn of_name(authority: Authority, name: &Authority) -> Self {
        Self::called(authority, host(name))
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
        let mut record = self.record();
        if record.failed(policy, others, now) {
            self.leave("failures");
        }
    }

    /// It could not be connected to: ejected at once.
    pub fn refused(&self, policy: &Ejection, now: Instant) {
        let mut record = self.record();
        if !self.is_out() {
            record.eject(policy, now);
            self.leave("refused");
        }
    }

    /// Whether it is ejected, and was left alone for long enough to be probed.
    pub fn is_due(&self, now: Instant) -> bool {
        self.is_out() && self.record().is_due(now)
    }

    /// What came of a probe: it is back, or is left alone for longer.
    pub fn probed(&self, policy: &Ejection, well: bool, now: Instant) {
        let mut record = self.record();
        if record.probed(policy, well, now) {
            self.back_since.store(self.age(now).max(ALWAYS + 1), Ordering::Relaxed);
            tracing::info!(instance = %self.authority, "back");
        }
    }

    /// Whether it is ejected.
    pub fn is_out(&self) -> bool {
        self.back_since.load(Ordering::Relaxed) == OUT
    }

    /// In which share of the draws it takes part: nothing while it is ejected, more and more when it is back.
    pub fn weight(&self, policy: &Ejection, now: Instant) -> f64 {
        match self.back_since.load(Ordering::Relaxed) {
            ALWAYS => 1.0,
            OUT => 0.0,
            since => policy.weight(Duration::from_millis(self.age(now).saturating_sub(since))),
        }
    }

    /// Lately: calls, failed.
    pub fn lately(&self, now: Instant) -> [u32; 2] {
        self.record().lately(now)
    }

    // Under the record's lock, or a probe's answer could be overwritten.
    fn leave(&self, why: &'static str) {
        self.back_since.store(OUT, Ordering::Relaxed);
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

fn host(authority: &Authority) -> HeaderValue {
    HeaderValue::from_str(authority.as_str()).expect("an authority is made of visible characters")
}

/// A request counted in at an instance.
#[derive(Debug)]
pub struct InFlight(Arc<Instance>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
