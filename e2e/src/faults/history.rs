//! What clients asked and were answered, as they saw it: every acknowledgement is a promise that is checked later. Each
//! line of the file is one invocation or one completion (`ok`, `fail`, or `unknown`: nobody knows whether it happened).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::invariants::{States, Violation};

/// How an operation came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Ok,
    /// It did not happen.
    Fail,
    /// It happened or it did not.
    Unknown,
}

/// The record of one run. Shared by all clients.
pub struct History {
    begin: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    file: BufWriter<File>,
    invocations: u64,
    counts: BTreeMap<(String, &'static str), u64>,
    promises: Promises,
}

/// What was acknowledged.
#[derive(Default)]
struct Promises {
    /// Idempotency key to order.
    placed: BTreeMap<String, String>,
    /// The last state that a client saw of an order.
    seen: BTreeMap<String, String>,
    cancelled: BTreeSet<String>,
    dispatched: BTreeSet<String>,
    delivered: BTreeSet<String>,
    broken: Vec<Violation>,
}

/// An operation under way.
pub struct Invocation {
    nr: u64,
    operation: &'static str,
    subject: String,
}

impl History {
    /// A record that is written to `path` as it grows.
    pub fn at(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let (counts, promises) = (BTreeMap::new(), Promises::default());
        let inner = Inner { file: BufWriter::new(file), invocations: 0, counts, promises };
        Ok(Self { begin: Instant::now(), inner: Mutex::new(inner) })
    }

    /// A client is about to do `operation` with `subject`: an order, or for `place` the idempotency key.
    pub fn invoke(&self, client: usize, operation: &'static str, subject: &str) -> Invocation {
        let mut inner = self.inner();
        inner.invocations += 1;
        let nr = inner.invocations;
        self.line(&mut inner, json!({"nr": nr, "client": client, "what": "invoke", operation: subject}));
        Invocation { nr, operation, subject: subject.to_owned() }
    }

    /// What came of it: `told` is what the answer said, e.g. the order's id or its state.
    pub fn complete(&self, invocation: &Invocation, outcome: Outcome, told: &str) {
        let mut inner = self.inner();
        let word = outcome.word();
        *inner.counts.entry((invocation.operation.to_owned(), word)).or_default() += 1;
        self.line(
            &mut inner,
            json!({"nr": invocation.nr, "what": word, invocation.operation: invocation.subject, "told": told}),
        );
        if outcome == Outcome::Ok {
            inner.promises.take(invocation.operation, &invocation.subject, told);
        }
    }

    /// Something that is not a client's: a fault, a round.
    pub fn note(&self, what: &str) {
        let mut inner = self.inner();
        self.line(&mut inner, json!({"note": what}));
    }

    /// Which promises are not kept, when everything is at rest: `orders` says where each order stands, `charges` what
    /// the payment provider holds.
    pub fn broken_promises(&self, orders: &States, charges: &States) -> Vec<Violation> {
        let mut inner = self.inner();
        let _ = inner.file.flush();
        inner.promises.broken_by(orders, charges)
    }

    /// How often each operation came out how.
    pub fn counts(&self) -> Vec<String> {
        self.inner()
            .counts
            .iter()
            .map(|((operation, outcome), count)| format!("{operation} {outcome} {count}"))
            .collect()
    }

    fn line(&self, inner: &mut Inner, mut line: Value) {
        line["ms"] = json!(u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX));
        // The run goes on without its record; what was promised is kept in memory too.
        let _ = writeln!(inner.file, "{line}");
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        }
    }
}

impl Promises {
    fn take(&mut self, operation: &str, subject: &str, told: &str) {
        match operation {
            "place" => {
                let first = self.placed.entry(subject.to_owned()).or_insert_with(|| told.to_owned());
                if first != told {
                    self.broken.push(format!("key {subject} made order {first}, and then {told}"));
                }
            }
            "see" => {
                let before = self.seen.insert(subject.to_owned(), told.to_owned());
                if before.as_ref().is_some_and(|before| !may_follow(before, told)) {
                    self.broken.push(format!("order {subject} was {}, and then {told}", before.unwrap_or_default()));
                }
            }
            "cancel" => drop(self.cancelled.insert(subject.to_owned())),
            "dispatch" => drop(self.dispatched.insert(subject.to_owned())),
            "deliver" => drop(self.delivered.insert(subject.to_owned())),
            _ => {}
        }
    }

    fn broken_by(&self, orders: &States, charges: &States) -> Vec<Violation> {
        let mut broken = self.broken.clone();
        let of = |id: &String| orders.get(id).map_or("lost", String::as_str);
        let mut must = |id: &String, what: &str, states: &[&str]| {
            if !states.contains(&of(id)) {
                broken.push(format!("order {id} {what} and is {}", of(id)));
            }
        };
        for id in self.placed.values() {
            must(id, "was accepted", &["confirmed", "compensated", "cancelled", "dispatched", "delivered"]);
        }
        for (id, state) in &self.seen {
            let ends = ["confirmed", "compensated", "cancelled", "dispatched", "delivered"];
            must(id, &format!("was seen {state}"), &ends.map(|end| if may_follow(state, end) { end } else { "" }));
        }
        // Accepted, a cancellation is refused only where the parcel was faster.
        self.cancelled.iter().for_each(|id| must(id, "is to be cancelled", &["cancelled", "dispatched", "delivered"]));
        self.dispatched.iter().for_each(|id| must(id, "has left", &["dispatched", "delivered"]));
        self.delivered.iter().for_each(|id| must(id, "has arrived", &["delivered"]));
        for (id, charge) in charges {
            let right: &[&str] = match of(id) {
                "confirmed" | "dispatched" | "delivered" => &["captured 1"],
                "cancelled" => &["refunded 0"],
                _ => &["voided 0", "declined 0", "insufficient_funds 0"],
            };
            if !right.contains(&charge.as_str()) {
                broken.push(format!("order {id} is {}, and the provider says {charge}", of(id)));
            }
        }
        broken
    }
}

/// Whether who saw an order in the state `before` may see it in `after` later.
fn may_follow(before: &str, after: &str) -> bool {
    let rank = |state: &str| match state {
        "pending" => 0,
        "confirmed" | "cancelling" => 1,
        "dispatched" => 2,
        _ => 3,
    };
    match (before, after) {
        (before, after) if before == after => true,
        ("compensated" | "cancelled" | "delivered", _) | ("dispatched", "cancelled") => false,
        (_, "compensated") => before == "pending",
        _ => rank(before) <= rank(after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(all: &[(&str, &str)]) -> States {
        all.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned())).collect()
    }

    fn broken(told: &[(&str, &str, &str)], orders: &[(&str, &str)], charges: &[(&str, &str)]) -> Vec<Violation> {
        let mut promises = Promises::default();
        for (operation, subject, told) in told {
            promises.take(operation, subject, told);
        }
        promises.broken_by(&states(orders), &states(charges))
    }

    #[test]
    fn what_was_promised_and_kept_is_no_violation() {
        let told = [
            ("place", "k", "a"),
            ("place", "k", "a"),
            ("see", "a", "pending"),
            ("see", "a", "cancelling"),
            ("see", "a", "confirmed"),
            ("dispatch", "a", ""),
            ("cancel", "a", ""),
        ];
        assert!(broken(&told, &[("a", "dispatched")], &[("a", "captured 1")]).is_empty());
        assert!(broken(&[], &[("a", "cancelled")], &[("a", "refunded 0")]).is_empty());
    }

    #[test]
    fn an_accepted_order_that_is_lost_or_not_ended_is_found() {
        assert_eq!(broken(&[("place", "k", "a")], &[], &[]), ["order a was accepted and is lost"]);
        assert_eq!(broken(&[("place", "k", "a")], &[("a", "pending")], &[]), ["order a was accepted and is pending"]);
    }

    #[test]
    fn a_key_that_makes_two_orders_is_found() {
        let told = [("place", "k", "a"), ("place", "k", "b")];
        assert_eq!(broken(&told, &[("a", "confirmed"), ("b", "confirmed")], &[]).len(), 1);
    }

    #[test]
    fn a_state_that_is_taken_back_is_found() {
        assert_eq!(broken(&[("see", "a", "confirmed")], &[("a", "compensated")], &[]).len(), 1);
        let told = [("see", "a", "compensated"), ("see", "a", "confirmed")];
        assert_eq!(broken(&told, &[("a", "confirmed")], &[]).len(), 1);
    }

    #[test]
    fn an_acknowledged_cancellation_or_parcel_that_is_forgotten_is_found() {
        for (operation, state) in [("cancel", "confirmed"), ("dispatch", "confirmed"), ("deliver", "dispatched")] {
            assert_eq!(broken(&[(operation, "a", "")], &[("a", state)], &[]).len(), 1, "{operation}");
        }
    }

    #[test]
    fn money_that_was_taken_twice_or_kept_is_found() {
        for (state, charge) in [("confirmed", "captured 0"), ("compensated", "captured 1"), ("cancelled", "captured 1")]
        {
            assert_eq!(broken(&[], &[("a", state)], &[("a", charge)]).len(), 1, "{state}");
        }
        assert_eq!(broken(&[], &[("a", "compensated")], &[("a", "authorized 0")]).len(), 1);
    }
}
