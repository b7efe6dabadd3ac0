//! The rules of the engine, for every saga there is: single rules as sentences, then laws over any sequence of replies.

use proptest::prelude::*;

use super::*;
use crate::{cancellation::CANCELLATION, checkout::CHECKOUT, domain::Order, saga::runner::SAGAS};

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
fn a_refused_step_undoes_the_earlier_ones_and_remembers_why() {
    let after = after(&CHECKOUT, at(RESERVE, 1), &no());
    assert_eq!(after.position, Position::Undoing(RESERVE - 1));
    assert_eq!(after.reason.unwrap().step, "reserve stock");
}

#[test]
fn a_step_refused_after_silence_is_undone_too_since_the_first_request_may_still_arrive() {
    assert_eq!(position(at(RESERVE, 2), &no()), Position::Undoing(RESERVE));
}

#[test]
fn a_refused_decisive_step_undoes_every_undoable_one() {
    assert_eq!(position(at(CAPTURE, 1), &no()), Position::Undoing(CAPTURE - 1));
    assert_eq!(position(at(CAPTURE, 3), &no()), Position::Undoing(CAPTURE - 1));
}

#[test]
fn a_first_step_that_is_refused_leaves_nothing_to_undo() {
    assert_eq!(position(at(0, 1), &no()), Position::Closing);
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

/// What became of each step, as the participants would know it.
#[derive(Default)]
struct World {
    /// May have happened and is not undone.
    standing: Vec<usize>,
    undone: Vec<usize>,
    decided: bool,
}

/// Lets a saga meet `replies`, one for each request, and then only yes. Crashes between request and reply are silent.
fn play(saga: &Saga<Order>, replies: &[Reply]) -> (Progress, World) {
    let (mut progress, mut world) = (Progress::START, World::default());
    let mut replies = replies.iter();
    for _ in 0..1000 {
        let action = next(&progress);
        if matches!(action, Action::Done | Action::Undone) {
            break;
        }
        progress = progress.asked();
        let reply = replies.next().cloned().unwrap_or_else(yes);
        match (action, &reply) {
            (Action::Do(_), Reply::Refused(_)) => {}
            (Action::Do(index), _) if !world.standing.contains(&index) => world.standing.push(index),
            (Action::Undo(index), Reply::Done(_)) => {
                world.standing.retain(|&it| it != index);
                world.undone.push(index);
            }
            _ => {}
        }
        world.decided |= matches!((action, &reply), (Action::Do(i), Reply::Done(_)) if i == saga.undoable.len());
        progress = after(saga, progress, &reply);
    }
    (progress, world)
}

fn any_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![3 => Just(yes()), 2 => Just(silent()), 1 => Just(overdue()), 1 => Just(no())]
}

proptest! {
    #[test]
    fn whatever_is_replied_a_saga_ends_with_all_done_or_nothing_left(
        saga in 0..SAGAS.len(), replies in prop::collection::vec(any_reply(), 0..40),
    ) {
        let saga = SAGAS[saga];
        let (progress, world) = play(saga, &replies);
        match progress.position {
            Position::Done => {
                prop_assert_eq!(world.standing.len(), saga.len());
                prop_assert!(world.undone.is_empty() && progress.reason.is_none());
            }
            Position::Undone => {
                // A decisive step that was refused has no effect, whatever was silent before.
                let undoable: Vec<_> = world.standing.iter().filter(|&&i| saga.is_undoable(i)).collect();
                prop_assert!(undoable.is_empty(), "left standing: {undoable:?}");
                prop_assert!(!world.decided && progress.reason.is_some());
            }
            other => prop_assert!(false, "did not end: {other:?}"),
        }
    }

    #[test]
    fn what_may_have_happened_is_undone_once_from_last_to_first_and_nothing_else(
        saga in 0..SAGAS.len(), replies in prop::collection::vec(any_reply(), 0..40),
    ) {
        let saga = SAGAS[saga];
        let (progress, world) = play(saga, &replies);
        if progress.position == Position::Undone {
            let highest = world.undone.first().map_or(0, |&first| first + 1);
            let expected: Vec<_> = (0..highest).rev().collect();
            prop_assert_eq!(&world.undone, &expected);
            let failed = saga.index_of(&progress.reason.unwrap().step).unwrap();
            prop_assert!(highest == failed || highest == failed + 1);
        }
    }

    #[test]
    fn the_same_replies_again_lead_to_the_same_end(
        saga in 0..SAGAS.len(), replies in prop::collection::vec(any_reply(), 0..40),
    ) {
        let saga = SAGAS[saga];
        prop_assert_eq!(play(saga, &replies).0, play(saga, &replies).0);
    }
}

#[test]
fn each_saga_refused_at_any_step_that_may_be_refused_undoes_exactly_the_earlier_ones() {
    for saga in SAGAS {
        for failed in 0..=saga.undoable.len() {
            let mut replies = vec![yes(); failed];
            replies.push(no());
            let (progress, world) = play(saga, &replies);
            assert_eq!(progress.position, Position::Undone, "{} at {failed}", saga.name);
            assert_eq!(world.undone, (0..failed).rev().collect::<Vec<_>>());
        }
    }
}

#[test]
fn each_saga_with_every_request_repeated_ends_as_if_asked_once() {
    for saga in SAGAS {
        let replies: Vec<_> = (0..saga.len()).flat_map(|_| [silent(), yes()]).collect();
        let (progress, world) = play(saga, &replies);
        assert_eq!((progress.position, world.standing.len()), (Position::Done, saga.len()), "{}", saga.name);
    }
}

#[test]
fn each_saga_with_every_undo_repeated_ends_as_if_undone_once() {
    for saga in SAGAS {
        for failed in 0..=saga.undoable.len() {
            let mut replies = vec![yes(); failed];
            replies.push(no());
            replies.extend((0..failed).flat_map(|_| [silent(), yes()]));
            let (progress, world) = play(saga, &replies);
            assert_eq!(progress.position, Position::Undone, "{} at {failed}", saga.name);
            assert_eq!(world.undone, (0..failed).rev().collect::<Vec<_>>());
        }
    }
}
