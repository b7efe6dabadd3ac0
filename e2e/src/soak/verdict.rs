//! What was left behind, if anything.

use std::collections::BTreeMap;

use super::readings::{Permits, Reading};

/// More handles than after the warm-up may be open: a connection or two that others keep for a while.
const HANDLES: u64 = 8;
/// Nor may there be many more threads; those for blocking calls come and go.
const THREADS: u64 = 8;
/// How much higher the floor of memory may be in the last third than in the first: what a heap needs to settle.
const MEMORY: u64 = 6 * 1024;
const PERCENT: u64 = 10;

/// What a process held.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// After the warm-up, at rest.
    pub warm: Reading,
    pub under_load: Vec<Reading>,
    /// At the end, at rest.
    pub at_rest: Reading,
}

impl From<Reading> for Series {
    fn from(warm: Reading) -> Self {
        Self { warm, ..Self::default() }
    }
}

impl Series {
    /// The floor of memory in the first and in the last third under load: what a quarter of the readings is not above. What
    /// leaks raises it, and what is busy for a moment does not.
    pub fn thirds(&self) -> (u64, u64) {
        let third = self.under_load.len().div_ceil(3);
        let first = &self.under_load[..third];
        let last = &self.under_load[self.under_load.len() - third..];
        (floor(first), floor(last))
    }

    fn left_behind(&self) -> Vec<String> {
        let (first, last) = self.thirds();
        let allowed = first + first * PERCENT / 100 + MEMORY;
        let checks = [
            ("handles are open", self.at_rest.handles, self.warm.handles + HANDLES),
            ("threads run", self.at_rest.threads, self.warm.threads + THREADS),
            ("KiB are the floor of the last third", last, allowed),
        ];
        let wrong = checks.into_iter().filter(|(_, is, most)| is > most);
        wrong.map(|(what, is, most)| format!("{is} {what}, more than {most}")).collect()
    }
}

fn floor(readings: &[Reading]) -> u64 {
    let mut all: Vec<_> = readings.iter().map(|it| it.memory).collect();
    all.sort_unstable();
    all.get(all.len() / 4).copied().unwrap_or_default()
}

/// What is wrong, a line each.
pub fn left_behind(series: &BTreeMap<String, Series>, permits: &Permits) -> Vec<String> {
    let of_processes =
        series.iter().flat_map(|(id, it)| it.left_behind().into_iter().map(move |it| format!("{id}: {it}")));
    let permits = (*permits != Permits::default()).then(|| format!("gateway: not given back: {permits:?}"));
    of_processes.chain(permits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(memory: u64, handles: u64) -> Reading {
        Reading { memory, handles, threads: 4 }
    }

    fn series(under_load: impl IntoIterator<Item = u64>, at_rest: Reading) -> Series {
        let under_load = under_load.into_iter().map(|memory| reading(memory, 500)).collect();
        Series { warm: reading(40_000, 50), under_load, at_rest }
    }

    #[test]
    fn what_was_held_under_load_and_given_back_is_not_left_behind() {
        let peaks = (0..30).map(|nth| if nth % 5 > 1 { 90_000 } else { 50_000 });
        let all = BTreeMap::from([("store".to_owned(), series(peaks, reading(60_000, 58)))]);
        assert_eq!(left_behind(&all, &Permits::default()), Vec::<String>::new());
    }

    #[test]
    fn a_permit_a_handle_a_thread_and_growing_memory_are() {
        let growing = series((0..30).map(|nth| 50_000 + nth * 1_000), reading(50_000, 59));
        let mut threads = series([50_000; 30], reading(50_000, 50));
        threads.at_rest.threads = 13;
        let all = BTreeMap::from([("gateway".to_owned(), growing), ("order".to_owned(), threads)]);
        let wrong = left_behind(&all, &Permits { waiting: 1, ..Permits::default() });
        assert_eq!(wrong.len(), 4, "{wrong:#?}");
        for part in ["gateway: 59 handles", "gateway: 72000 KiB", "order: 13 threads", "waiting: 1"] {
            assert!(wrong.iter().any(|it| it.contains(part)), "no {part} in {wrong:#?}");
        }
    }
}
