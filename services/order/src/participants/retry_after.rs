//! When an answer asks to come again: `Retry-After` (RFC 9110, section 10.2.3).

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// In how long. A time is taken by the clock of the one who answered, as its `Date` says, so that ours may go wrong.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = text(headers, RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = moment(asked)? - moment(text(headers, DATE)?)?;
    Some(Duration::try_from(wait).unwrap_or_default())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(retry_after_says: &str, date: &str) -> Option<Duration> {
        let headers = [(RETRY_AFTER, retry_after_says), (DATE, date)];
        retry_after(&headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect())
    }

    #[test]
    fn seconds_and_a_time_are_understood_and_nonsense_is_not() {
        let now = "Sat, 21 Nov 2026 10:00:00 GMT";
        assert_eq!(read("3", now), Some(Duration::from_secs(3)));
        assert_eq!(read("Sat, 21 Nov 2026 10:00:07 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(read("Sat, 21 Nov 2026 09:00:00 GMT", now), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(nonsense, now), None, "{nonsense}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
