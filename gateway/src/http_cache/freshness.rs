//! How long an answer is right without a question, and for how long after that it is better than none (RFC 9111,
//! section 4.2; RFC 5861). Time comes in as a parameter.

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderName, header};

use super::control::{Directives, Wants, seconds};

/// When an answer was asked for and when it came.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub asked: Instant,
    pub came: Instant,
    /// The same moment as `came`, on the clock that `Date` is by.
    pub clock: SystemTime,
}

/// What an answer says about how long it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    came: Instant,
    /// How old it was when it came.
    age: Duration,
    lifetime: Duration,
    while_asking: Duration,
    on_error: Duration,
    /// Never without a question.
    ask_always: bool,
    /// Never when it is stale.
    never_stale: bool,
}

/// What may be done with a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is right.
    Fresh,
    /// It will do, and is to be asked about meanwhile.
    Stale,
    /// Only after a question.
    Ask,
}

impl Freshness {
    /// Of an answer that may be kept for all who may ask for it; `None` if it may not. The gateway is strict: what was
    /// asked for with a token is kept only if it says that it is for everybody (RFC 9111, section 3.5), and what does
    /// not say how long it is fresh is not.
    pub fn of(headers: &HeaderMap, longest: Duration, times: Times) -> Option<Self> {
        let said = Directives::of(headers);
        let for_all = said.has("public") || said.has("s-maxage");
        if !said.are_readable() || said.has("no-store") || said.has("private") || !for_all {
            return None;
        }
        let lifetime = said.seconds("s-maxage").or(said.seconds("max-age")).or_else(|| until_expiry(headers, times));
        let whenever = |name| said.seconds(name).unwrap_or_default();
        Some(Self {
            came: times.came,
            age: age(headers, times),
            lifetime: lifetime.unwrap_or_default().min(longest),
            while_asking: whenever("stale-while-revalidate"),
            on_error: whenever("stale-if-error"),
            ask_always: said.has("no-cache"),
            // Section 5.2.2.10: `s-maxage` means `proxy-revalidate` as well.
            never_stale: ["must-revalidate", "proxy-revalidate", "s-maxage"].into_iter().any(|it| said.has(it)),
        })
    }

    /// Whether it is ever used again: without a question, or when that was answered.
    pub fn is_of_use(&self, headers: &HeaderMap) -> bool {
        let has_validator = [header::ETAG, header::LAST_MODIFIED].iter().any(|name| headers.contains_key(name));
        let stale_for = if self.never_stale { Duration::ZERO } else { self.while_asking.max(self.on_error) };
        has_validator || (self.lifetime + stale_for > self.age && !self.ask_always)
    }

    /// How old it is now (section 4.2.3).
    pub fn age(&self, now: Instant) -> Duration {
        self.age + now.saturating_duration_since(self.came)
    }

    /// Whole seconds that it is still fresh; less than none once it is stale.
    pub fn seconds_left(&self, now: Instant) -> i64 {
        let whole = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        whole(self.lifetime) - whole(self.age(now))
    }

    /// What a request that wants this may do with it.
    pub fn allows(&self, wants: &Wants, now: Instant) -> Use {
        let age = self.age(now);
        if wants.no_cache || self.ask_always || wants.max_age.is_some_and(|most| age > most) {
            return Use::Ask;
        }
        if age + wants.min_fresh < self.lifetime {
            return Use::Fresh;
        }
        let stale_for = age.saturating_sub(self.lifetime);
        let welcome = wants.max_stale.is_some_and(|most| stale_for <= most);
        // Who says how old an answer may be, or how fresh it must be, wants no stale one unless it says so.
        let unasked = wants.max_age.is_none() && wants.min_fresh.is_zero() && stale_for < self.while_asking;
        if !self.never_stale && (welcome || unasked) { Use::Stale } else { Use::Ask }
    }

    /// Whether it is better than the error that came instead.
    pub fn outlasts_error(&self, wants: &Wants, now: Instant) -> bool {
        let stale_for = self.age(now).saturating_sub(self.lifetime);
        let unwanted = wants.no_cache || wants.max_age.is_some_and(|most| self.age(now) > most);
        !self.never_stale && !self.ask_always && !unwanted && stale_for < self.on_error
    }
}

// Section 4.2.3. A clock that is ahead or behind makes an answer older, never younger.
fn age(headers: &HeaderMap, times: Times) -> Duration {
    let apparent = date(headers, &header::DATE).and_then(|date| times.clock.duration_since(date).ok());
    // `Date` has no fractions of a second.
    let apparent = Duration::from_secs(apparent.unwrap_or_default().as_secs());
    let said = headers.get(header::AGE).and_then(|age| seconds(age.to_str().ok()?.trim())).unwrap_or_default();
    apparent.max(said + times.came.saturating_duration_since(times.asked))
}

// Section 5.3. What is no date is in the past.
fn until_expiry(headers: &HeaderMap, times: Times) -> Option<Duration> {
    headers.contains_key(header::EXPIRES).then(|| {
        let from = date(headers, &header::DATE).unwrap_or(times.clock);
        date(headers, &header::EXPIRES).and_then(|until| until.duration_since(from).ok()).unwrap_or_default()
    })
}

/// A header that is a date, once.
pub fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut all = headers.get_all(name).iter();
    let first = all.next().filter(|_| all.next().is_none())?;
    httpdate::parse_http_date(first.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn times() -> Times {
        let now = Instant::now();
        // Sun, 06 Nov 1994 08:49:37 GMT
        Times { asked: now, came: now, clock: SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777) }
    }

    fn of(all: &[(HeaderName, &str)]) -> Option<(Freshness, Instant)> {
        let times = times();
        Freshness::of(&headers(all), HOUR, times).map(|freshness| (freshness, times.came))
    }

    fn said(cache_control: &str) -> Option<(Freshness, Instant)> {
        of(&[(header::CACHE_CONTROL, cache_control)])
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn only_what_is_for_everybody_is_kept() {
        for good in ["public, max-age=60", "PUBLIC,Max-Age=60", "s-maxage=60", "public"] {
            assert!(said(good).is_some(), "{good}");
        }
        for bad in ["", "max-age=60", "public, private", "public, Private=\"x\"", "public, NO-STORE", "public, a=\""] {
            assert_eq!(said(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_answer_is_fresh_for_as_long_as_it_says_and_no_longer() {
        for (all, lifetime) in [
            (&[(header::CACHE_CONTROL, "public, max-age=60")][..], 60),
            (&[(header::CACHE_CONTROL, "public, max-age=60, s-maxage=5")], 5),
            (&[(header::CACHE_CONTROL, "public, max-age=60"), (header::AGE, "50")], 10),
            (&[(header::CACHE_CONTROL, "public, max-age=60"), (header::DATE, "Sun, 06 Nov 1994 08:49:07 GMT")], 30),
            (&[(header::CACHE_CONTROL, "public, max-age=60"), (header::EXPIRES, "0")], 60),
            (&[(header::CACHE_CONTROL, "public"), (header::EXPIRES, "Sun, 06 Nov 1994 08:49:57 GMT")], 20),
            (&[(header::CACHE_CONTROL, "public"), (header::EXPIRES, "0")], 0),
            (&[(header::CACHE_CONTROL, "public")], 0),
            (&[(header::CACHE_CONTROL, "public, max-age=999999999")], 3600),
        ] {
            let (freshness, came) = of(all).unwrap();
            let at = |now| freshness.allows(&Wants::default(), now);
            if lifetime > 0 {
                assert_eq!(at(came + secs(lifetime - 1) + Duration::from_millis(999)), Use::Fresh, "{all:?}");
            }
            assert_eq!(at(came + secs(lifetime)), Use::Ask, "{all:?}");
        }
    }

    #[test]
    fn the_time_that_the_answer_took_counts() {
        let mut times = times();
        times.came += secs(3);
        let freshness = Freshness::of(&headers(&[(header::CACHE_CONTROL, "public, max-age=9")]), HOUR, times).unwrap();
        assert_eq!(freshness.age(times.came).as_secs(), 3);
    }

    #[test]
    fn a_stale_answer_will_do_only_where_that_is_said() {
        let (freshness, came) = said("public, max-age=60, stale-while-revalidate=10, stale-if-error=20").unwrap();
        let wants = Wants::default();
        assert_eq!(freshness.allows(&wants, came + secs(69)), Use::Stale);
        assert_eq!(freshness.allows(&wants, came + secs(70)), Use::Ask);
        assert!(
            freshness.outlasts_error(&wants, came + secs(79)) && !freshness.outlasts_error(&wants, came + secs(80))
        );
        for strict in ["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"] {
            let text = format!("public, max-age=60, stale-while-revalidate=10, stale-if-error=20, {strict}");
            let (freshness, came) = said(&text).unwrap();
            assert_eq!(freshness.allows(&wants, came + secs(61)), Use::Ask, "{strict}");
            assert!(!freshness.outlasts_error(&wants, came + secs(61)), "{strict}");
        }
    }

    #[test]
    fn a_request_may_want_more_or_less() {
        let (freshness, came) = said("public, max-age=60, stale-while-revalidate=10").unwrap();
        let allows = |wants: Wants, after| freshness.allows(&wants, came + secs(after));
        let wants = Wants::default();
        assert_eq!(allows(Wants { no_cache: true, ..wants }, 0), Use::Ask);
        assert_eq!(allows(Wants { max_age: Some(secs(5)), ..wants }, 5), Use::Fresh);
        assert_eq!(allows(Wants { max_age: Some(secs(5)), ..wants }, 6), Use::Ask);
        assert_eq!(allows(Wants { min_fresh: secs(50), ..wants }, 11), Use::Ask);
        assert_eq!(allows(Wants { max_age: Some(HOUR), ..wants }, 61), Use::Ask);
        assert_eq!(allows(Wants { max_stale: Some(secs(30)), ..wants }, 90), Use::Stale);
        assert_eq!(allows(Wants { max_stale: Some(secs(30)), ..wants }, 91), Use::Ask);
    }

    proptest! {
        #[test]
        fn what_is_stale_stays_so_whatever_was_said(
            cache_control in "(public|max-age=[0-9]{1,4}|s-maxage=[0-9]{1,2}|no-cache|stale-while-revalidate=9|[ -~]{0,12})(, ?(public|max-age=[0-9]{1,4}|[ -~]{0,12})){0,3}",
            age in proptest::option::of("[0-9]{1,5}|[ -~]{0,5}"),
            date in proptest::option::of("Sun, 06 Nov 1994 0[0-9]:49:37 GMT|[ -~]{0,9}"),
            early in 0_u64..5_000,
            later in 0_u64..5_000,
        ) {
            let mut all = vec![(header::CACHE_CONTROL, cache_control.as_str())];
            all.extend(age.as_deref().map(|age| (header::AGE, age)));
            all.extend(date.as_deref().map(|date| (header::DATE, date)));
            if let Some((freshness, came)) = of(&all) {
                let rank = |after| match freshness.allows(&Wants::default(), came + secs(after)) {
                    Use::Fresh => 0,
                    Use::Stale => 1,
                    Use::Ask => 2,
                };
                prop_assert!(rank(early) <= rank(early + later));
                prop_assert_eq!(rank(3_600 + 9), 2);
            }
        }

        #[test]
        fn what_says_private_or_no_store_is_never_kept(
            before in "(public, ?|max-age=60 ?,|x=\"a,b\",){0,3}",
            forbids in "[Pp][Rr][Ii][Vv][Aa][Tt][Ee](=\"[a-z, ]{0,9}\")?|[Nn][Oo]-[Ss][Tt][Oo][Rr][Ee]",
            after in "( ?, ?public|,s-maxage=60){0,2}",
        ) {
            let text = format!("{before}{forbids}{after}");
            prop_assert_eq!(said(&text), None);
        }
    }
}
