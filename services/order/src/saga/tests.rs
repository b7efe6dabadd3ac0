//! The rules of the engine, one by one. What holds for any sequence of replies is in `laws.rs`.

use super::*;
use crate::{cancellation::CANCELLATION, checkout::CHECKOUT, saga::runner::SAGAS};

const RESERVE: usize = 1;
const CAPTURE: usize = 4;
const CONFIRM: usize = 5;

fn no() -> Reply {
    Reply::Refused(Refusal::new("no", "No"))
}

fn yes() -> Reply {
    Reply::Done(Value::Null)
}

fn silent() -> Reply {
    Reply::Silent("504".to_owned())
}

fn overdue() -> Reply {
    Reply::Overdue("504".to_owned())
}

/// Asked so often at this step.
fn at(index: usize, attempts: u32) -> Progress {
    Progress { position: Position::Doing(index), attempts, reason: None }
}

fn undoing_at(index: usize) -> Progress {
    Progress { position: Position::Undoing(index), attempts: 1, reason: None }
}

fn position(progress: Progress, reply: &Reply) -> Position {
    after(&CHECKOUT, progress, reply).position
}

#[test]
fn the_checkout_asks_for_its_steps_in_the_order_of_the_table() {
    let names: Vec<_> = (0..CHECKOUT.len()).map(|index| CHECKOUT.step(index).name).collect();
    let table =
        ["check out cart", "reserve stock", "authorize payment", "book shipment", "capture payment", "confirm order"];
    assert_eq!(names, table);
    assert_eq!((names[RESERVE], names[CAPTURE], names[CONFIRM]), (table[1], table[4], table[5]));
}

#[test]
fn a_step_that_is_done_leads_to_the_next_and_the_last_ends_the_saga() {
    assert_eq!(position(at(RESERVE, 1), &yes()), Position::Doing(RESERVE + 1));
    assert_eq!(position(at(CONFIRM, 0), &yes()), Position::Done);
}

#[test]
fn a_refused_step_undoes_itself_and_the_earlier_ones_and_remembers_why() {
    for attempts in [1, 2] {
        let after = after(&CHECKOUT, at(RESERVE, attempts), &no());
        assert_eq!(after.position, Position::Undoing(RESERVE), "its request may arrive once more");
        assert_eq!(after.reason.unwrap().step, "reserve stock");
    }
}

#[test]
fn a_step_that_was_refused_without_being_sent_is_not_undone() {
    assert_eq!(position(at(RESERVE, 0), &no()), Position::Undoing(RESERVE - 1));
    assert_eq!(position(at(0, 0), &no()), Position::Closing);
}

#[test]
fn a_refused_decisive_step_undoes_every_undoable_one() {
    assert_eq!(position(at(CAPTURE, 1), &no()), Position::Undoing(CAPTURE - 1));
    assert_eq!(position(at(CAPTURE, 3), &no()), Position::Undoing(CAPTURE - 1));
}

#[test]
fn a_refused_saga_without_undoable_steps_has_nothing_to_undo() {
    assert_eq!(after(&CANCELLATION, Progress::START.asked(), &no()).position, Position::Closing);
}

#[test]
fn silence_is_not_refusal() {
    for index in 0..CHECKOUT.len() {
        assert_eq!(after(&CHECKOUT, at(index, 1), &silent()), at(index, 1), "{index}");
    }
}

#[test]
fn an_undoable_step_silent_past_its_deadline_is_undone_together_with_the_earlier_ones() {
    assert_eq!(position(at(RESERVE, 4), &overdue()), Position::Undoing(RESERVE));
}

#[test]
fn a_decisive_or_certain_step_is_asked_again_however_long_it_is_silent() {
    for index in [CAPTURE, CONFIRM] {
        assert_eq!(after(&CHECKOUT, at(index, 9), &overdue()), at(index, 9), "{index}");
    }
}

#[test]
fn only_an_undoable_step_on_its_way_forward_can_be_given_up() {
    assert!(!must_be_done(&CHECKOUT, &at(RESERVE, 1)));
    for progress in [at(CAPTURE, 1), at(CONFIRM, 1), undoing_at(RESERVE)] {
        assert!(must_be_done(&CHECKOUT, &progress));
    }
    assert!(must_be_done(&CANCELLATION, &Progress::START));
}

#[test]
fn a_certain_step_or_an_undo_cannot_be_refused() {
    for progress in [at(CONFIRM, 1), undoing_at(RESERVE)] {
        assert_eq!(after(&CHECKOUT, progress.clone(), &no()), progress);
        assert!(is_wrongly_refused(&CHECKOUT, &progress, &no()));
    }
    assert!(!is_wrongly_refused(&CHECKOUT, &at(CAPTURE, 1), &no()));
    assert!(!is_wrongly_refused(&CHECKOUT, &at(CONFIRM, 1), &silent()));
}

#[test]
fn progress_is_kept_by_the_names_of_steps_and_comes_back_the_same() {
    for saga in SAGAS {
        let positions = (0..saga.len()).map(Position::Doing).chain((0..saga.undoable.len()).map(Position::Undoing));
        for position in positions.chain([Position::Closing, Position::Done, Position::Undone]) {
            let progress = Progress { position, attempts: 3, reason: None };
            assert_eq!(saga.progress(&saga.standing(&progress)), Some(progress), "{}", saga.name);
        }
    }
    let mut unknown = CHECKOUT.standing(&Progress::START);
    unknown.step = Some("beam up".to_owned());
    assert_eq!(CHECKOUT.progress(&unknown), None);
}

#[test]
fn the_names_of_a_sagas_steps_are_different() {
    for saga in SAGAS {
        let mut names: Vec<_> = (0..saga.len()).map(|index| saga.step(index).name).collect();
        names.push(saga.undone.name);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), saga.len() + 1, "{}", saga.name);
    }
}
