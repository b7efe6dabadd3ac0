//! Until when an answer is of use. A caller may say how long it waits (`Request-Timeout-Ms`), the route says how long at
//! the most, and every hop behind is told what is left.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, request::Parts};
use tokio::time::Instant;
use web::REQUEST_TIMEOUT;

use crate::error::Refusal;
use crate::present::Present;
use crate::routes::Route;

/// The end of a request's time.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    pub at: Instant,
    /// How long it was from the beginning.
    pub total: Duration,
    /// Whether the caller set it: then missing it says little about the service.
    pub is_callers: bool,
}

impl Deadline {
    /// The caller's, but never later than this.
    pub fn within(headers: &HeaderMap, most: Duration) -> Result<Self, Refusal> {
        Self::from(headers, most, Instant::now())
    }

    fn from(headers: &HeaderMap, most: Duration, now: Instant) -> Result<Self, Refusal> {
        let asked = web::request_timeout(headers).map_err(|_| Refusal::BadRequestTimeout)?;
        let is_callers = asked.is_some_and(|asked| asked < most);
        let total = asked.map_or(most, |asked| asked.min(most));
        Ok(Self { at: now + total, total, is_callers })
    }

    /// That which the gateway itself sets for a part of something, or the caller's; never later than the route's.
    pub fn of_request(head: &Parts, present: Present, route: &Route, now: Instant) -> Result<Self, Refusal> {
        match head.extensions.get::<Self>() {
            Some(set) if set.total <= route.timeout => Ok(*set),
            None if present.has(Present::REQUEST_TIMEOUT) => Self::from(&head.headers, route.timeout, now),
            _ => Ok(Self { at: now + route.timeout, total: route.timeout, is_callers: false }),
        }
    }

    /// All the time that the route has.
    pub fn in_full(route: &Route) -> Self {
        Self { at: Instant::now() + route.timeout, total: route.timeout, is_callers: false }
    }

    /// What is left, as the next hop is told it.
    pub fn pass_on(&self, headers: &mut HeaderMap, now: Instant) {
        let left = u64::try_from(self.at.saturating_duration_since(now).as_millis().max(1)).unwrap_or(u64::MAX);
        if let Ok(left) = HeaderValue::from_str(itoa::Buffer::new().format(left)) {
            headers.insert(REQUEST_TIMEOUT, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Policies;

    fn of(asked: &[&str]) -> Result<Deadline, Refusal> {
        let headers = asked.iter().map(|value| (REQUEST_TIMEOUT, value.parse().unwrap())).collect();
        Deadline::within(&headers, Policies::standard().route("/api/store/v1/x").unwrap().timeout)
    }

    #[test]
    fn a_caller_may_shorten_the_time_and_not_lengthen_it() {
        let total =
            |asked: &[&str]| of(asked).map(|deadline| (deadline.total.as_millis(), deadline.is_callers)).unwrap();
        assert_eq!(total(&[]), (15_000, false));
        assert_eq!(total(&["200"]), (200, true));
        assert_eq!(total(&["15000"]), (15_000, false));
        assert_eq!(total(&["999999999"]), (15_000, false));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [&["0"][..], &[""], &["-1"], &["1.5"], &["1e3"], &["+5"], &["9999999999"], &["5", "5"]] {
            assert_eq!(of(bad).unwrap_err(), Refusal::BadRequestTimeout, "{bad:?}");
        }
    }

    #[test]
    fn the_next_hop_is_told_what_is_left() {
        let mut headers = HeaderMap::new();
        let told = |headers: &HeaderMap| headers[REQUEST_TIMEOUT].to_str().unwrap().parse::<u64>().unwrap();
        let mut deadline = of(&["900"]).unwrap();
        deadline.pass_on(&mut headers, Instant::now());
        assert!((1..=900).contains(&told(&headers)));
        // A request that is over is told the shortest time there is.
        deadline.at = Instant::now();
        deadline.pass_on(&mut headers, Instant::now());
        assert_eq!(told(&headers), 1);
    }
}
