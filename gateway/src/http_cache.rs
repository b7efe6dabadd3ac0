//! Answers that are kept for everybody who may ask for them (RFC 9111): bounded by bytes, asked for by one at a time,
//! forgotten when something in their collection is changed.
//!
//! Nobody gets an answer from here that the service would have refused: a caller is known before its request comes here,
//! and shares copies only with callers of the same scopes and roles (`claims::Class`).

mod change;
mod changes;
pub mod control;
mod flights;
pub mod freshness;
mod question;
pub mod status;
mod stored;
pub mod variant;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, header};
use metrics::Counter;
use quick_cache::sync::DefaultLifecycle;
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter, sync};
use serde::Deserialize;

use crate::claims::Class;
use crate::kept::Kept;
use crate::policies::{Named, Within};
use crate::present::Present;
use crate::routes::Route;
use changes::Changes;
use control::Wants;
use flights::Flights;
use freshness::Use;
use status::{Status, Why};
use stored::Stored;

pub use question::answer;

/// One lock each.
const SHARDS: usize = 16;
/// Answers to requests for the same that differ in their headers, see `Vary`.
const VARIANTS: usize = 8;
/// So long requests pass whose answers were not for keeping.
const PASSING: Duration = Duration::from_secs(10);

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Section")]
pub struct Policy {
    /// Bytes of all that is kept.
    pub size: u64,
    /// Bytes of one content.
    pub largest: u64,
    /// No answer is fresh for longer, whatever it says.
    pub longest: Duration,
}

/// A section `[cache.…]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    size: Within<1, 65_536>,
    largest: Within<1, 65_536>,
    longest: Within<1, 604_800>,
}

impl TryFrom<Section> for Policy {
    type Error = &'static str;

    fn try_from(section: Section) -> Result<Self, &'static str> {
        let (size, largest) = (u64::from(section.size.get()) << 20, u64::from(section.largest.get()) << 10);
        if largest > size / 64 {
            return Err("`largest` must be at most a 64th of `size`");
        }
        Ok(Self { size, largest, longest: Duration::from_secs(section.longest.get().into()) })
    }
}

/// Every cache there is, by the name of its section.
#[derive(Default)]
pub struct Caches(Kept<&'static str, Policy, Cache>);

impl Caches {
    /// The one of a route, if its answers are kept.
    fn of<'r>(&self, route: &'r Route) -> Option<&'r Arc<Cache>> {
        let Named { name, policy } = route.cache?;
        Some(route.states.cache.get(|| self.0.of(name, policy, || Cache::new(name, policy))))
    }

    /// All of them as they stand now: name, bytes, entries.
    pub fn snapshot(&self) -> Vec<(&'static str, u64, usize)> {
        self.0.all().into_iter().map(|(name, cache)| (name, cache.entries.weight(), cache.entries.len())).collect()
    }
}

/// Under which an answer is kept. Who differs in any of it gets another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub service: &'static str,
    pub class: Class,
    pub target: PathAndQuery,
}

/// One of them.
pub struct Cache {
    name: &'static str,
    policy: Policy,
    entries: sync::Cache<Key, Entry, Weigh>,
    flights: Flights,
    changes: Changes,
    counters: [Counter; status::NAMES.len()],
}

#[derive(Clone)]
enum Entry {
    /// The latest first.
    Answers(Arc<[Arc<Stored>]>),
    /// What was answered last is not for keeping.
    Passing { until: Instant },
}

/// What is there for a request.
enum Look {
    Copy(Arc<Stored>, Use),
    Pass,
    /// Nothing that could be used.
    Miss(Why),
}

impl Cache {
    fn new(name: &'static str, policy: Policy) -> Self {
        let mut options = OptionsBuilder::new();
        options.shards(SHARDS).weight_capacity(policy.size);
        // About so many, of 4 KiB each.
        options.estimated_items_capacity(usize::try_from(policy.size >> 12).unwrap_or(usize::MAX).max(SHARDS * 32));
        let options = options.build().expect("nothing is left out");
        let entries =
            sync::Cache::with_options(options, Weigh, DefaultHashBuilder::default(), DefaultLifecycle::default());
        // To find a metric by its labels costs much more than to count.
        let counters =
            status::NAMES.map(|result| metrics::counter!("gateway_cache_total", "cache" => name, "result" => result));
        Self { name, policy, entries, flights: Flights::default(), changes: Changes::default(), counters }
    }

    fn generation(&self, key: &Key) -> u64 {
        self.changes.number(key.service, key.target.path())
    }

    fn look(&self, key: &Key, request: &HeaderMap, wants: &Wants, now: Instant) -> Look {
        let answers = match self.entries.get(key) {
            Some(Entry::Passing { until }) if now < until => return Look::Pass,
            None | Some(Entry::Passing { .. }) => return Look::Miss(Why::UriMiss),
            Some(Entry::Answers(answers)) => answers,
        };
        let generation = self.generation(key);
        let mut right = answers.iter().filter(|stored| stored.generation == generation).peekable();
        if right.peek().is_none() {
            return Look::Miss(Why::UriMiss);
        }
        match right.find(|stored| stored.variant.matches(request)) {
            Some(stored) => Look::Copy(Arc::clone(stored), stored.freshness.allows(wants, now)),
            None => Look::Miss(Why::VaryMiss),
        }
    }

    /// Keeps an answer to this request, instead of any that there is for it.
    fn keep(&self, key: Key, stored: &Arc<Stored>, request: &HeaderMap) {
        let known = match self.entries.get(&key) {
            Some(Entry::Answers(known)) => known,
            _ => Arc::from([]),
        };
        let others = known.iter().filter(|it| it.generation == stored.generation && !it.variant.matches(request));
        let answers = std::iter::once(stored).chain(others).take(VARIANTS).map(Arc::clone).collect();
        self.entries.insert(key, Entry::Answers(answers));
        self.show();
    }

    /// What was answered to this request is not for keeping. Copies that are for other requests stay.
    fn pass_for_a_while(&self, key: &Key, request: &HeaderMap, now: Instant) {
        let generation = self.generation(key);
        let others: Arc<[_]> = match self.entries.get(key) {
            Some(Entry::Answers(known)) => {
                let is_other = |it: &&Arc<Stored>| it.generation == generation && !it.variant.matches(request);
                known.iter().filter(is_other).map(Arc::clone).collect()
            }
            _ => Arc::from([]),
        };
        let entry = if others.is_empty() { Entry::Passing { until: now + PASSING } } else { Entry::Answers(others) };
        self.entries.insert(key.clone(), entry);
    }

    fn count(&self, status: Status) {
        self.counters[status.nth()].increment(1);
    }

    #[allow(clippy::cast_precision_loss)] // exact enough to look at
    fn show(&self) {
        metrics::gauge!("gateway_cache_bytes", "cache" => self.name).set(self.entries.weight() as f64);
    }
}

#[derive(Clone)]
struct Weigh;

impl Weighter<Key, Entry> for Weigh {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let content = match entry {
            Entry::Answers(answers) => answers.iter().map(|stored| stored.weight()).sum(),
            Entry::Passing { .. } => 0,
        };
        (size_of::<Key>() + key.target.as_str().len() + size_of::<Entry>() + content) as u64
    }
}

/// Whether copies are kept of what this asks for. Whoever wants a part, or this and no other state of it, asks the service.
fn is_plain(method: &Method, headers: &HeaderMap, present: Present) -> bool {
    let special = || [header::RANGE, header::IF_MATCH, header::IF_UNMODIFIED_SINCE, header::IF_RANGE].into_iter();
    let is_special = || special().any(|name| headers.contains_key(name));
    (method == Method::GET || method == Method::HEAD) && !(present.has(Present::PART_OR_STATE) && is_special())
}

#[cfg(test)]
mod tests;
