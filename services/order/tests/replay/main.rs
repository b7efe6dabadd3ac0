//! Saga logs of earlier versions, replayed on the engine as it is now: it has to ask for the same, in the same order,
//! read every row that was stored, and write the same log. A saga that an older version has begun is then finished by
//! this one as it would have been by that one.
//!
//! The logs in `logs/` were recorded from running sagas by `tests/api/recording.rs`. They are never edited and never
//! removed: a flow that is to go differently is another saga, under another name, beside the one that is under way.
//! `RECORD_SAGAS=1 cargo test -p order --test api recording` adds the logs of new scenarios.

// Clippy's exception for tests does not reach the functions beside them.
#![allow(clippy::unwrap_used)]

mod recorded;

use std::{fs, path::PathBuf, time::Duration};

use order::{
    domain::{Logged, SagaState, What},
    participants::classify,
    saga::{Action, Call, Reply, Request, held::Held, next, patience::Patience},
};
use recorded::{Exchange, Recorded};
use serde_json::{Value, json};

/// What to do when a replay goes differently.
const ADVICE: &str = "sagas that are under way would go on differently than they began. Logs are never edited: leave the \
     flow as it is and begin another saga for new orders, under a name of its own; see CONTRIBUTING.md, \"Change a saga\"";

fn logs() -> Vec<(String, Recorded)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/replay/logs");
    let mut logs: Vec<_> = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    logs.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let log = serde_json::from_slice(&fs::read(&path).unwrap());
        (name.clone(), log.unwrap_or_else(|error| panic!("{name} cannot be read any more: {error}; {ADVICE}")))
    };
    logs.into_iter().map(read).collect()
}

/// Whoever was recorded to be stuck was so at once; the others had time.
fn patience(log: &[Logged]) -> Patience {
    let is_stuck = log.iter().any(|logged| logged.entry.what == What::Stuck);
    let alarm_after = if is_stuck { Duration::ZERO } else { Duration::MAX };
    let (first_delay, longest_delay) = (Duration::from_millis(1), Duration::from_secs(1));
    Patience { first_delay, longest_delay, deadline: Duration::MAX, alarm_after }
}

fn described(Call { service, method, path, body }: &Call) -> Value {
    json!({ "method": method.as_str(), "service": service, "path": path, "body": body.clone().unwrap_or_default() })
}

/// What was answered, as the engine of today understands it, and has learned from.
fn reply(held: &mut Held, action: Action, exchange: &Exchange) -> Reply {
    let reply = match (&exchange.answer, &exchange.silence) {
        (Some(answer), _) => classify(answer.status(), &answer.bytes()),
        (None, silence) => Reply::Silent(silence.clone().unwrap()),
    };
    match reply {
        Reply::Done(answer) => match held.saga.learn(action, &mut held.order, &answer) {
            Ok(()) => Reply::Done(answer),
            Err(error) => Reply::Silent(format!("the answer cannot be understood: {error}")),
        },
        Reply::Silent(why) if exchange.overdue => Reply::Overdue(why),
        other => other,
    }
}

fn replay(name: &str, recorded: &Recorded) {
    let mut held = Held::new(recorded.saga(), &recorded.taken(), recorded.begins.order()).unwrap();
    let patience = patience(&recorded.log);
    let mut exchanges = recorded.exchanges.iter().enumerate();
    loop {
        let action = next(&held.progress);
        let (step, request) = match held.saga.request(action, &held.order) {
            None => break,
            Some((step, Request::Call(call))) => {
                let Some((nr, exchange)) = exchanges.next() else { break };
                if let Some(settlement) = &exchange.settled {
                    held.settle(&settlement.clone().into()).unwrap();
                    continue;
                }
                let at = format!("{name}, request {nr}");
                held.note_asked(action, step);
                assert_eq!(described(&call), exchange.asks, "{at}: {ADVICE}");
                let stored = exchange.row.as_ref().unwrap();
                assert_eq!(&held.unsaved().0, &stored.standing(), "{at}: what is stored; {ADVICE}");
                assert_eq!(
                    held.saga.progress(&stored.standing()).as_ref(),
                    Some(&held.progress),
                    "{at}: what is read; {ADVICE}"
                );
                (step, reply(&mut held, action, exchange))
            }
            Some((step, Request::Change(change))) => {
                let (reason, now) = (held.progress.reason.clone(), recorded.ends.order.updated_at());
                held.order.apply(change, reason.as_ref(), now);
                (step, Reply::Done(Value::Null))
            }
            Some((step, Request::Refuse(refusal))) => (step, Reply::Refused(refusal)),
        };
        held.note_reply(action, step, &request, Duration::from_secs(1), &patience);
    }
    assert!(exchanges.next().is_none(), "{name}: more was asked for; {ADVICE}");
    assert_eq!(held.unsaved().0, recorded.ends.row.standing(), "{name}: where it ends; {ADVICE}");
    assert_eq!(held.order, recorded.ends.order.order(), "{name}: the order; {ADVICE}");
    let log: Vec<_> = recorded.log.iter().map(|logged| &logged.entry).collect();
    assert_eq!(held.unsaved().1.iter().collect::<Vec<_>>(), log, "{name}: the log; {ADVICE}");
}

#[test]
fn every_recorded_saga_goes_on_as_it_began() {
    let logs = logs();
    assert!(!logs.is_empty());
    for (name, recorded) in &logs {
        replay(name, recorded);
    }
}

#[test]
fn there_is_a_log_of_every_outcome() {
    let logs = logs();
    let steps = |saga: &str, what: What| {
        let of_it = logs.iter().filter(|(_, recorded)| recorded.saga().name == saga);
        let entries = of_it.flat_map(|(_, recorded)| &recorded.log).filter(move |logged| logged.entry.what == what);
        let mut steps: Vec<_> = entries.map(|logged| logged.entry.step.clone()).collect();
        steps.sort();
        steps.dedup();
        steps
    };
    let refusable =
        ["authorize payment", "book shipment", "capture payment", "check out cart", "reserve stock"].map(str::to_owned);
    assert!(
        refusable.iter().all(|step| steps("checkout", What::Refused).contains(step)),
        "each step that may be refused"
    );
    let undoable = ["authorize payment", "book shipment", "check out cart", "reserve stock"].map(str::to_owned);
    assert_eq!(steps("checkout", What::GivenUp), undoable);
    assert_eq!(steps("cancellation", What::Refused), ["stop shipment"]);
    for saga in ["checkout", "cancellation"] {
        assert!(!steps(saga, What::Stuck).is_empty() && !steps(saga, What::Settled).is_empty(), "{saga}");
        let ends = |state| logs.iter().any(|(_, it)| it.saga().name == saga && it.ends.row.standing().state == state);
        assert!([SagaState::Running, SagaState::Done, SagaState::Undone].into_iter().all(ends), "{saga}");
    }
}
