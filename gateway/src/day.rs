//! Days by UTC, as quotas and statements count them: from the first of 1970.

use std::{
    cell::Cell,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use time::{Date, OffsetDateTime};

/// A day's seconds.
pub const SECONDS: u64 = 86_400;
/// So long a reading of the clock that may be set is believed.
const BELIEVED: Duration = Duration::from_secs(1);

thread_local! {
    // The day, and until when.
    static KNOWN: Cell<Option<(Day, Instant)>> = const { Cell::new(None) };
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub number: u64,
    ends: Instant,
}

impl Day {
    /// The one it is now.
    pub fn at(now: Instant) -> Self {
        match KNOWN.get() {
            Some((day, until)) if now < until => day,
            _ => {
                let day = Self::read(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), Instant::now());
                KNOWN.set(Some((day, day.ends.min(now + BELIEVED))));
                day
            }
        }
    }

    fn read(since_1970: Duration, now: Instant) -> Self {
        let number = since_1970.as_secs() / SECONDS;
        Self { number, ends: now + Duration::from_secs((number + 1) * SECONDS).saturating_sub(since_1970) }
    }

    /// How long it still lasts.
    pub fn left(self, now: Instant) -> Duration {
        self.ends.saturating_duration_since(now)
    }
}

/// The date of a day.
pub fn date(number: u64) -> Date {
    let days = time::Duration::days(i64::try_from(number).unwrap_or(i64::MAX / 86_400));
    OffsetDateTime::UNIX_EPOCH.date().saturating_add(days)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_day_has_the_date_that_it_has_for_everybody() {
        for (number, expected) in
            [(0, date!(1970 - 01 - 01)), (19_782, date!(2024 - 02 - 29)), (20_778, date!(2026 - 11 - 21))]
        {
            assert_eq!(date(number), expected);
        }
        assert!(date(u64::MAX) > date!(9999 - 12 - 30));
        let today = || OffsetDateTime::now_utc().date();
        let (before, now, after) = (today(), date(Day::at(Instant::now()).number), today());
        assert!([before, after].contains(&now));
    }

    #[test]
    fn a_day_lasts_until_midnight_and_is_read_anew_within_a_second() {
        let now = Instant::now();
        let evening = Day::read(Duration::from_millis(20_779 * SECONDS * 1_000 - 250), now);
        assert_eq!((evening.number, evening.left(now)), (20_778, Duration::from_millis(250)));
        assert_eq!(evening.left(now + Duration::from_secs(1)), Duration::ZERO);
        let midnight = Day::read(Duration::from_secs(20_779 * SECONDS), now);
        assert_eq!((midnight.number, midnight.left(now)), (20_779, Duration::from_secs(SECONDS)));
        // As if the clock had been set.
        for (ends, believed) in [(now + BELIEVED, true), (now, false)] {
            KNOWN.set(Some((Day { number: 7, ends }, ends)));
            assert_eq!(Day::at(now).number == 7, believed);
        }
        let (_, until) = KNOWN.get().unwrap();
        assert!(until <= now + BELIEVED);
    }
}
