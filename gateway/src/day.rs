//! Days by UTC, as quotas and statements count them: from the first of 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, OffsetDateTime};

/// A day's seconds.
pub const SECONDS: u64 = 86_400;

/// Which day it is, and how long it still lasts.
pub fn today() -> (u64, Duration) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    (since / SECONDS, Duration::from_secs(SECONDS - since % SECONDS))
}

/// The date of a day.
pub fn date(day: u64) -> Date {
    let days = time::Duration::days(i64::try_from(day).unwrap_or(i64::MAX / 86_400));
    OffsetDateTime::UNIX_EPOCH.date().saturating_add(days)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_day_has_the_date_that_it_has_for_everybody() {
        for (day, date) in
            [(0, date!(1970 - 01 - 01)), (19_782, date!(2024 - 02 - 29)), (20_778, date!(2026 - 11 - 21))]
        {
            assert_eq!(super::date(day), date);
        }
        let (before, now, after) = (today().0, OffsetDateTime::now_utc().date(), today().0);
        assert!([super::date(before), super::date(after)].contains(&now));
        assert!(today().1 <= Duration::from_secs(SECONDS) && !today().1.is_zero());
        assert!(super::date(u64::MAX) > now);
    }
}
