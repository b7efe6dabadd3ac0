//! The clock as a parameter, so that tests can set it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};

/// Tells the time in UTC, to the microsecond, which is what PostgreSQL keeps: a time read back equals the one written.
#[derive(Clone, Default)]
pub struct Clock {
    // How far ahead of the system clock this one is, in microseconds.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self::default()
    }

    /// Now.
    pub fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc() + Duration::microseconds(self.ahead.load(Ordering::Relaxed));
        now.replace_nanosecond(now.nanosecond() / 1_000 * 1_000).unwrap_or(now)
    }

    /// Sets this clock and all its clones ahead by `by`. For tests.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.whole_microseconds()).expect("a test moves the clock by less than 292,000 years");
        self.ahead.fetch_add(micros, Ordering::Relaxed);
    }
}
