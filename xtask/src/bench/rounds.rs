//! What was measured, round by round.

use std::time::Duration;

use super::load::Measured;

/// A row for each contender; all are compared with the first ones.
pub struct Rounds {
    names: Vec<String>,
    compared: usize,
    measured: Vec<Vec<Measured>>,
    // Microseconds of work for each answer.
    work: Vec<Vec<f64>>,
}

impl Rounds {
    /// The first `compared` are what all are compared with.
    pub fn new(names: Vec<String>, compared: usize) -> Self {
        let (measured, work) = names.iter().map(|_| (Vec::new(), Vec::new())).unzip();
        Self { names, compared, measured, work }
    }

    #[allow(clippy::cast_precision_loss)] // counts are small
    pub fn add(&mut self, contender: usize, measured: Measured, work: Duration) {
        self.work[contender].push(work.as_secs_f64() * 1e6 / measured.all as f64);
        self.measured[contender].push(measured);
    }

    /// The last round in one line.
    pub fn last(&self) -> String {
        let shown = self.names.iter().zip(&self.measured);
        let shown = shown.filter_map(|(name, all)| all.last().map(|it| format!("{name} {:.0}/s", it.rate)));
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Medians, with the ratios of each round as Markdown.
    pub fn table(&self) -> String {
        let mut head = vec!["", "answers/s", "p50 ms", "p99 ms", "refused", "µs of work"]
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        let compared = &self.names[..self.compared];
        head.extend(compared.iter().map(|name| format!("answers/s ÷ {name}")));
        head.extend(compared.iter().map(|name| format!("answers per work ÷ {name}")));
        let rows = self.names.iter().enumerate().map(|(index, name)| self.row(index, name, compared.len()));
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let ruler = head.iter().map(|_| "---".to_owned()).collect();
        std::iter::once(head).chain(std::iter::once(ruler)).chain(rows).map(line).collect()
    }

    fn row(&self, index: usize, name: &str, compared: usize) -> Vec<String> {
        let all = &self.measured[index];
        #[allow(clippy::cast_precision_loss)] // microseconds of one answer
        let millis = |of: fn(&Measured) -> u64| format!("{:.2}", median(all.iter().map(|it| of(it) as f64)) / 1000.0);
        let rate = format!("{:.0}", median(all.iter().map(|it| it.rate)));
        let refused = all.iter().map(|it| it.refused).sum::<usize>().to_string();
        let work = format!("{:.1}", median(self.work[index].iter().copied()));
        let mut cells = vec![name.to_owned(), rate, millis(|it| it.p50), millis(|it| it.p99), refused, work];
        let rates = (0..compared).map(|other| ratios(all, &self.measured[other], |it| it.rate));
        let work = (0..compared).map(|other| ratios(&self.work[other], &self.work[index], |it| *it));
        cells.extend(rates.chain(work));
        cells
    }
}

// The median of each round's ratio, and the least and the most of them.
fn ratios<T>(these: &[T], others: &[T], of: fn(&T) -> f64) -> String {
    let ratios: Vec<f64> = these.iter().zip(others).map(|(it, other)| of(it) / of(other)).collect();
    let (least, most) = ratios.iter().fold((f64::MAX, 0.0_f64), |(least, most), it| (least.min(*it), most.max(*it)));
    format!("**{:.2}** ({least:.2} to {most:.2})", median(ratios.into_iter()))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_same_round() {
        let mut rounds = Rounds::new(vec!["slow".into(), "fast".into()], 2);
        for (slow, fast) in [(10.0, 20.0), (100.0, 200.0), (50.0, 150.0)] {
            rounds.add(
                0,
                Measured { rate: slow, p50: 1000, p99: 2000, refused: 0, all: 10 },
                Duration::from_micros(40),
            );
            rounds.add(1, Measured { rate: fast, p50: 500, p99: 900, refused: 0, all: 10 }, Duration::from_micros(20));
        }
        let table = rounds.table();
        assert!(table.contains("| fast | 150 | 0.50 | 0.90 | 0 | 2.0 | **2.00** (2.00 to 3.00) | **1.00**"), "{table}");
        assert_eq!(rounds.last(), "slow 50/s, fast 150/s");
    }
}
