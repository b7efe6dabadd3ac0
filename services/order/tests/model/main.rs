//! An exhaustive model of the saga protocol: every order of events in which one saga can meet lost, late, repeated and
//! reordered messages, instances that crash or stall past their lease and wake up, participants that crash, undos that
//! overtake what they undo. The sagas and `next` and `after` are the engine's own; the shell around them, the row, the
//! network and the participants are in `protocol.rs`, `state.rs` and `participants.rs`.
//!
//! Faults are bounded, since a network that fails for ever lets nothing end; within the bounds nothing is left out. A
//! late request that never arrives needs no state of its own: whatever must hold, holds before it arrives as well. Every
//! event uses up a message, a step or a fault, so that no run is endless, and one that cannot go on has to have ended.

// Clippy's exception for tests does not reach the functions beside them.
#![allow(clippy::unwrap_used)]

mod participants;
mod protocol;
mod state;

use std::time::Instant;

use contracts::{CartId, OrderId, seed};
use order::{
    cancellation::CANCELLATION,
    checkout::CHECKOUT,
    domain::{Facts, Order, State},
};
use participants::{ACCOUNTING, Effect, Manners};
use protocol::Protocol;
use serde_json::json;
use state::Faults;
use stateright::{Checker, HasDiscoveries, Model, Property};
use time::macros::datetime;

const CAPTURED_AND_COMPENSATED: &str = "never captured and compensated";
const UNDONE_AND_STANDING: &str = "never both undone and standing";
const DONE_STANDS: &str = "a saga that ended done has every effect standing";
const UNDONE_LEAVES_NOTHING: &str = "a saga that ended undone has none";
const ONE_OUTCOME: &str = "one outcome, once";
const NOBODY_NEEDED: &str = "nothing that must be done is refused";
const ENDS: &str = "every saga ends";

fn properties() -> Vec<Property<Protocol>> {
    vec![
        Property::<Protocol>::always(CAPTURED_AND_COMPENSATED, |_, state| {
            !(state.standing[ACCOUNTING] == Effect::Captured && state.changes.contains(&"compensated"))
        }),
        Property::<Protocol>::always(UNDONE_AND_STANDING, |_, state| {
            state.standing.iter().zip(state.taken_back).all(|(effect, taken_back)| !(taken_back && effect.stands()))
        }),
        Property::<Protocol>::always(DONE_STANDS, |model, state| {
            state.ended() != Some(true) || (model.left)(true, state.standing)
        }),
        Property::<Protocol>::always(UNDONE_LEAVES_NOTHING, |model, state| {
            state.ended() != Some(false) || (model.left)(false, state.standing)
        }),
        Property::<Protocol>::always(ONE_OUTCOME, |_, state| {
            state.changes.len() == usize::from(state.ended().is_some()) && state.changes.len() < 2
        }),
        Property::<Protocol>::always(NOBODY_NEEDED, |_, state| !state.hopeless),
        // As an `always`: the library's `eventually` can miss a run that joins another.
        Property::<Protocol>::always(ENDS, |model, state| state.ended().is_some() || model.can_go_on(state)),
        Property::<Protocol>::sometimes("it can end done", |_, state| state.ended() == Some(true)),
        Property::<Protocol>::sometimes("it can end undone", |_, state| state.ended() == Some(false)),
    ]
}

/// What a checkout leaves.
fn bought(done: bool, standing: [Effect; 4]) -> bool {
    if done {
        standing == [Effect::Made, Effect::Made, Effect::Captured, Effect::Made]
    } else {
        !standing.iter().any(|effect| effect.stands())
    }
}

/// What a cancellation leaves: nothing, or everything as it was, with the parcel on its way.
fn cancelled(done: bool, standing: [Effect; 4]) -> bool {
    if done {
        standing[1..] == [Effect::TakenBack, Effect::Refunded, Effect::TakenBack]
    } else {
        standing[1..] == [Effect::Made, Effect::Captured, Effect::Dispatched]
    }
}

fn order(state: State) -> Order {
    let euro = |amount| json!({"amount": amount, "currency": "EUR"});
    let address =
        json!({"name": "Alice", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"});
    let now = datetime!(2026-11-21 10:00 UTC);
    Order {
        id: OrderId::generate(),
        customer_id: seed::ALICE,
        state,
        cart_id: CartId::generate(),
        ship_to: serde_json::from_value(address).unwrap(),
        shipping: serde_json::from_value(json!({"service": "standard", "price": euro(490)})).unwrap(),
        payment_method: "tok_ok".to_owned(),
        basket: Some(serde_json::from_value(json!({"lines": [], "total": euro(2500), "weight_grams": 700})).unwrap()),
        facts: Facts::default(),
        created_at: now,
        updated_at: now,
    }
}

fn checkout(faults: Faults) -> Protocol {
    Protocol::new(&CHECKOUT, &order(State::Pending), faults)
}

fn cancellation(faults: Faults) -> Protocol {
    let before = [Effect::Made, Effect::Made, Effect::Captured, Effect::Made];
    Protocol { before, left: cancelled, ..Protocol::new(&CANCELLATION, &order(State::Cancelling), faults) }
}

/// Explores everything, and holds it to every property.
fn holds(what: &str, model: Protocol) {
    let (faults, begun) = (model.faults, Instant::now());
    let checked = model.checker().threads(2).spawn_bfs().join();
    let (states, depth, took) = (checked.unique_state_count(), checked.max_depth(), begun.elapsed());
    println!("{what}: {states} states, {depth} deep, in {took:.1?}, with {faults:?}");
    checked.assert_properties();
}

/// Explores until it finds that one of these does not hold; returns which.
fn breaks(what: &str, model: Protocol, properties: &[&'static str]) -> Vec<&'static str> {
    let any = HasDiscoveries::AnyOf(properties.iter().copied().collect());
    let checked = model.checker().threads(2).finish_when(any).spawn_bfs().join();
    let found: Vec<_> = properties.iter().copied().filter(|name| checked.discovery(name).is_some()).collect();
    println!("{what}: after {} states found {found:?}", checked.unique_state_count());
    for name in &found {
        println!("{name}: {:?}", checked.discovery(name).unwrap().into_actions());
    }
    found
}

const NONE: Faults = Faults { network: 0, duplicates: 0, crashes: 0, stalls: 0 };

#[test]
fn a_checkout_holds_whatever_is_lost_late_and_reordered() {
    holds("checkout", checkout(Faults { network: 3, ..NONE }));
}

#[test]
fn a_checkout_holds_with_instances_that_crash_stall_and_wake_up() {
    holds("checkout", checkout(Faults { network: 1, crashes: 1, stalls: 1, ..NONE }));
}

#[test]
fn a_checkout_holds_with_everything_repeated() {
    holds("checkout", checkout(Faults { network: 1, duplicates: 2, ..NONE }));
}

#[test]
fn a_checkout_holds_with_requests_repeated_and_instances_that_stall() {
    holds("checkout", checkout(Faults { duplicates: 2, stalls: 1, ..NONE }));
}

#[test]
fn a_cancellation_holds_with_every_fault_at_once() {
    holds("cancellation", cancellation(Faults { network: 1, duplicates: 1, crashes: 1, stalls: 1 }));
}

#[test]
fn a_cancellation_holds_whatever_is_lost_late_and_reordered() {
    holds("cancellation", cancellation(Faults { network: 4, duplicates: 2, ..NONE }));
}

#[test]
fn a_checkout_holds_with_two_instances_that_stall() {
    holds("checkout", checkout(Faults { stalls: 2, ..NONE }));
}

#[test]
fn without_tombstones_what_was_undone_stands() {
    let manners = Manners { tombstones: false, ..Manners::REAL };
    let model = Protocol { manners, ..checkout(Faults { network: 1, ..NONE }) };
    let found = breaks("no tombstones", model, &[UNDONE_AND_STANDING]);
    assert_eq!(found, [UNDONE_AND_STANDING]);
}

#[test]
fn without_the_epoch_an_instance_that_wakes_up_undoes_a_confirmed_order() {
    let model = Protocol { fence: false, ..checkout(Faults { network: 1, stalls: 1, ..NONE }) };
    let found = breaks("no fence", model, &[DONE_STANDS]);
    assert_eq!(found, [DONE_STANDS]);
}

#[test]
fn a_late_capture_leaves_a_void_that_cannot_be_done_if_accounting_forgets_that_it_declined() {
    let manners = Manners { declined_captures_last: false, ..Manners::REAL };
    let model = Protocol { manners, ..checkout(Faults { network: 1, ..NONE }) };
    let found = breaks("declined captures that do not last", model, &[ENDS]);
    assert_eq!(found, [ENDS]);
}
