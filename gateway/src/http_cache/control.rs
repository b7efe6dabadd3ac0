//! `Cache-Control`, as an answer and as a request says it (RFC 9111, section 5.2).

use std::time::Duration;

use http::{HeaderMap, header};

/// What is longer is as good as for ever (RFC 9111, section 1.2.2), in seconds.
const LONGEST: u64 = 1 << 31;

/// The directives of one message. Their names are in any case, their values bare or quoted.
pub struct Directives<'h> {
    all: Vec<(&'h str, &'h str)>,
    readable: bool,
}

impl<'h> Directives<'h> {
    /// Those of these headers.
    pub fn of(headers: &'h HeaderMap) -> Self {
        let mut it = Self { all: Vec::new(), readable: true };
        for line in headers.get_all(header::CACHE_CONTROL) {
            match line.to_str() {
                Ok(line) => it.read(line),
                Err(_) => it.readable = false,
            }
        }
        it
    }

    // A comma between quotes separates nothing.
    fn read(&mut self, line: &'h str) {
        let (mut from, mut quoted) = (0, false);
        for (at, byte) in line.bytes().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted => {
                    self.take(&line[from..at]);
                    from = at + 1;
                }
                _ => {}
            }
        }
        self.take(&line[from..]);
        self.readable &= !quoted;
    }

    fn take(&mut self, directive: &'h str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if !name.trim().is_empty() {
            self.all.push((name.trim(), value.trim().trim_matches('"')));
        }
    }

    /// Whether all of it could be read.
    pub fn are_readable(&self) -> bool {
        self.readable
    }

    /// Whether this one is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// Its seconds. What is no number, or is said twice and differently, is none at all (RFC 9111, section 4.2.1).
    pub fn seconds(&self, name: &str) -> Option<Duration> {
        let mut values = self.values(name);
        let first = values.next()?;
        let agreed = values.all(|other| other == first);
        Some(seconds(first).filter(|_| agreed).unwrap_or_default())
    }

    fn values<'d>(&'d self, name: &'d str) -> impl Iterator<Item = &'h str> + use<'h, 'd> {
        self.all.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// Delta seconds. More than can be counted are the most that are.
pub fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(LONGEST).min(LONGEST)))
}

/// What a request asks of caches (RFC 9111, section 5.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Whether a copy is still right is to be asked first.
    pub no_cache: bool,
    /// Nothing of it is to be kept.
    pub no_store: bool,
    /// A copy or nothing.
    pub only_if_cached: bool,
    /// No older than this.
    pub max_age: Option<Duration>,
    /// Fresh for this long at least.
    pub min_fresh: Duration,
    /// Stale for this long at most.
    pub max_stale: Option<Duration>,
}

impl Wants {
    /// What these headers say.
    pub fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(header::CACHE_CONTROL) {
            // Section 5.4.
            let pragma = headers.get(header::PRAGMA).is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"no-cache"));
            return Self { no_cache: pragma, ..Self::default() };
        }
        let said = Directives::of(headers);
        // Without a value: however stale it is.
        let any = said.values("max-stale").any(str::is_empty).then_some(Duration::MAX);
        Self {
            no_cache: said.has("no-cache") || !said.are_readable(),
            no_store: said.has("no-store"),
            only_if_cached: said.has("only-if-cached"),
            max_age: said.seconds("max-age"),
            min_fresh: said.seconds("min-fresh").unwrap_or_default(),
            max_stale: any.or(said.seconds("max-stale")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::CACHE_CONTROL, line.parse().unwrap())).collect()
    }

    #[test]
    fn directives_are_known_in_any_case_on_any_line_and_between_quotes() {
        let headers = with(&["Public,MAX-AGE = \"60\" ,", "x=\"no-store, private\""]);
        let said = Directives::of(&headers);
        assert!(said.has("public") && said.are_readable());
        assert_eq!(said.seconds("max-age"), Some(Duration::from_mins(1)));
        assert!(!said.has("no-store") && !said.has("private"));
        assert!(Directives::of(&with(&["max-age=1", "No-Store"])).has("no-store"));
        assert!(Directives::of(&with(&["private=\"set-cookie\""])).has("private"));
    }

    #[test]
    fn what_does_not_end_cannot_be_read() {
        assert!(!Directives::of(&with(&["max-age=\"60, private"])).are_readable());
    }

    #[test]
    fn what_is_no_number_of_seconds_is_none() {
        for bad in ["max-age=1s", "max-age=-1", "max-age=", "max-age", "max-age=1, max-age=2", "max-age=1.5"] {
            assert_eq!(Directives::of(&with(&[bad])).seconds("max-age"), Some(Duration::ZERO), "{bad}");
        }
        let for_ever = Directives::of(&with(&["max-age=99999999999999999999999"])).seconds("max-age");
        assert_eq!(for_ever, Some(Duration::from_secs(LONGEST)));
        assert_eq!(Directives::of(&with(&["max-age=7, max-age=7"])).seconds("max-age"), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_request_says_what_it_wants() {
        assert_eq!(Wants::of(&HeaderMap::new()), Wants::default());
        assert!(Wants::of(&HeaderMap::from_iter([(header::PRAGMA, "no-cache".parse().unwrap())])).no_cache);
        assert_eq!(Wants::of(&with(&["max-stale"])).max_stale, Some(Duration::MAX));
        assert_eq!(Wants::of(&with(&["max-stale=5"])).max_stale, Some(Duration::from_secs(5)));
        assert!(Wants::of(&with(&["only-if-cached, no-store"])).only_if_cached);
    }
}
