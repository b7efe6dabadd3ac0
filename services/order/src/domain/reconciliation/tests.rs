//! Every decision against everything that a participant can say.

use contracts::OrderId;
use time::macros::datetime;

use super::{
    Step::{
        AnnounceConfirmed, AnnounceShipment, AuthorizePayment, BookShipment, CancelOrder, CancelShipment,
        CapturePayment, CheckOutCart, RecoverShipment, RefundPayment, ReleaseStock, ReopenCart, ReserveStock,
        TakeInNews, VoidPayment,
    },
    *,
};

const AT: time::OffsetDateTime = datetime!(2026-01-01 0:00 UTC);
const DECIDED: [Decided; 7] = [
    Decided::Open,
    Decided::Bought,
    Decided::Sent,
    Decided::Arrived,
    Decided::Cancelled,
    Decided::Undone,
    Decided::Nothing,
];

fn checkouts() -> Vec<Option<Checkout>> {
    let of = |state, held: bool| Checkout {
        order_id: OrderId::from(uuid::Uuid::nil()),
        state,
        request: held.then_some(serde::de::IgnoredAny),
        changed_at: AT,
    };
    let states = [of(CheckoutState::Done, true), of(CheckoutState::Reopened, true), of(CheckoutState::Reopened, false)];
    std::iter::once(None).chain(states.map(Some)).collect()
}

fn reservations() -> Vec<Option<Reservation>> {
    use ReservationState::{Committed, Held, Released, Shipped};
    let of = |state| Some(Reservation { order_id: OrderId::from(uuid::Uuid::nil()), state, changed_at: AT });
    std::iter::once(None).chain([Held, Committed, Shipped, Released].map(of)).collect()
}

fn payments() -> Vec<Option<Payment>> {
    use PaymentState::{
        Authorized, Authorizing, CaptureDeclined, Captured, Capturing, Declined, Refunded, Refunding, Voided, Voiding,
    };
    let of = |(state, number): (PaymentState, Option<&str>)| {
        let (order_id, invoice_number) = (OrderId::from(uuid::Uuid::nil()), number.map(str::to_owned));
        Some(Payment { order_id, state, invoice_number, captured_at: None })
    };
    let plain = [Authorizing, Authorized, Declined, Capturing, CaptureDeclined, Voiding, Voided, Refunding, Refunded];
    let states = plain.map(|state| (state, None)).into_iter();
    let states = states.chain([(Captured, None), (Captured, Some("INV-1")), (Captured, Some("INV-2"))]);
    std::iter::once(None).chain(states.map(of)).collect()
}

fn shipments() -> Vec<Option<Shipment>> {
    use ShipmentState::{Booked, Cancelled, Delivered, Dispatched, Prepared};
    let of = |state| {
        let (order_id, tracking_number) = (OrderId::from(uuid::Uuid::nil()), "RS1".to_owned());
        Some(Shipment { order_id, state, tracking_number, changed_at: AT })
    };
    std::iter::once(None).chain([Booked, Prepared, Dispatched, Delivered, Cancelled].map(of)).collect()
}

/// 4 × 5 × 13 × 6 things that participants can say together.
fn everything() -> Vec<Found> {
    let mut all = Vec::new();
    for checkout in checkouts() {
        for reservation in reservations() {
            for payment in payments() {
                for shipment in shipments() {
                    let (checkout, reservation) = (checkout.clone(), reservation.clone());
                    let (payment, shipment) = (payment.clone(), shipment.clone());
                    all.push(Found { checkout, reservation, payment, shipment });
                }
            }
        }
    }
    all
}

fn of_invoiced(decided: Decided, found: &Found) -> Vec<Disagreement> {
    disagreements(decided, Some("INV-1"), found)
}

/// What a participant says after a step of ours that it does not refuse; and what the others do when they hear of it.
fn do_step(found: &mut Found, step: Step) -> bool {
    let order_id = OrderId::from(uuid::Uuid::nil());
    match step {
        CheckOutCart => {
            found.checkout.get_or_insert_with(|| checkouts()[1].clone().unwrap()).state = CheckoutState::Done;
        }
        ReopenCart => found.checkout.as_mut().unwrap().state = CheckoutState::Reopened,
        ReserveStock => found.reservation = reservations()[1].clone(),
        ReleaseStock => match found.reservation.as_ref().map(|it| it.state) {
            Some(ReservationState::Shipped) => return false,
            _ => found.reservation = reservations()[4].clone(),
        },
        AuthorizePayment => {
            found.payment =
                Some(Payment { order_id, state: PaymentState::Authorized, invoice_number: None, captured_at: None });
        }
        CapturePayment | VoidPayment | RefundPayment => {
            use PaymentState::{
                Authorized, Authorizing, CaptureDeclined, Captured, Capturing, Declined, Refunded, Refunding, Voided,
                Voiding,
            };
            let payment = found.payment.as_mut().unwrap();
            payment.state = match (step, payment.state) {
                // A void settles the intent first: the money may have been taken.
                (CapturePayment, Authorizing | Authorized | Capturing) | (VoidPayment, Capturing) => Captured,
                (CapturePayment, Captured | Refunding | Refunded) => payment.state,
                (VoidPayment, Authorizing | Authorized | CaptureDeclined | Voiding | Voided) => Voided,
                (VoidPayment, Declined) => Declined,
                (RefundPayment, Captured | Refunding | Refunded) => Refunded,
                _ => return false,
            };
        }
        BookShipment => found.shipment = shipments()[1].clone(),
        CancelShipment => match found.shipment.as_ref().unwrap().state {
            ShipmentState::Dispatched | ShipmentState::Delivered => return false,
            _ => found.shipment.as_mut().unwrap().state = ShipmentState::Cancelled,
        },
        AnnounceConfirmed => {
            let Some(reservation) = found.reservation.as_mut() else { return false };
            if reservation.state == ReservationState::Held {
                reservation.state = ReservationState::Committed;
            }
            let Some(payment) = found.payment.as_mut() else { return false };
            if payment.state == PaymentState::Captured {
                payment.invoice_number.get_or_insert("INV-1".to_owned());
            }
            if let Some(shipment) = found.shipment.as_mut().filter(|it| it.state == ShipmentState::Booked) {
                shipment.state = ShipmentState::Prepared;
            }
        }
        AnnounceShipment => {
            if !found.parcel_has_left() {
                return false;
            }
            if let Some(reservation) = found.reservation.as_mut() {
                reservation.state = ReservationState::Shipped;
            }
        }
        TakeInNews | CancelOrder | RecoverShipment => unreachable!("is done below"),
    }
    true
}

/// The order's own steps: what it takes in, and the cancellation that begins again.
fn follow(decided: Decided, invoice: &mut String, found: &mut Found, step: Step) -> Option<Decided> {
    match step {
        TakeInNews => {
            if let Some(number) = found.payment.as_ref().and_then(|it| it.invoice_number.clone()) {
                *invoice = number;
            }
            Some(match found.shipment.as_ref().map(|it| it.state) {
                Some(ShipmentState::Delivered) => Decided::Arrived,
                Some(ShipmentState::Dispatched) if decided == Decided::Bought => Decided::Sent,
                _ => decided,
            })
        }
        RecoverShipment => {
            let arrived = decided == Decided::Arrived;
            found.shipment = shipments()[if arrived { 4 } else { 3 }].clone();
            Some(decided)
        }
        CancelOrder => {
            // What is cancelled without ever having been booked shipping remembers, and does not list.
            found.shipment.as_mut().expect("it is booked before").state = ShipmentState::Cancelled;
            found.reservation = reservations()[4].clone();
            do_step(found, RefundPayment).then_some(Decided::Cancelled)
        }
        step => do_step(found, step).then_some(decided),
    }
}

#[test]
fn an_order_that_a_saga_works_on_is_left_alone() {
    assert!(everything().iter().all(|found| of_invoiced(Decided::Open, found).is_empty()));
}

#[test]
fn what_was_never_found_by_anybody_is_put_back_whole() {
    let steps = |decided| plan(&of_invoiced(decided, &Found::default()));
    let all = [CheckOutCart, ReserveStock, AuthorizePayment, CapturePayment, BookShipment, AnnounceConfirmed];
    assert_eq!(steps(Decided::Bought), all);
    let back = [BookShipment, CancelShipment, RefundPayment, ReleaseStock];
    assert_eq!(steps(Decided::Cancelled), [&[CheckOutCart, AuthorizePayment, CapturePayment], &back[..]].concat());
    assert!(steps(Decided::Undone).is_empty() && steps(Decided::Nothing).is_empty());
}

/// For every decision and everything that can be found: each disagreement is for a person, or its repair leads in a
/// few rounds to where nothing is left to repair. No repair is refused by those who were asked.
#[test]
fn every_repair_ends_in_agreement_or_with_a_person() {
    for begun in DECIDED {
        for before in everything() {
            let (mut decided, mut found, mut invoice) = (begun, before.clone(), "INV-1".to_owned());
            for _ in 0..5 {
                let open = disagreements(decided, Some(&invoice), &found);
                for step in plan(&open) {
                    match follow(decided, &mut invoice, &mut found, step) {
                        Some(now) => decided = now,
                        // Refused by what only a person can put right, which is named.
                        None => assert!(open.iter().any(|it| it.steps.is_empty()), "{begun:?} {before:?}: {step:?}"),
                    }
                }
            }
            let left = disagreements(decided, Some(&invoice), &found);
            let for_a_person = left.iter().any(|it| it.steps.is_empty());
            assert!(left.is_empty() || for_a_person, "{begun:?} {before:?} stays {left:?}, found {found:?}");
        }
    }
}

#[test]
fn what_has_left_the_building_is_never_undone_nor_sent_again() {
    for found in everything().iter().filter(|found| found.goods_have_left()) {
        for decided in [Decided::Cancelled, Decided::Undone, Decided::Nothing] {
            assert!(plan(&of_invoiced(decided, found)).is_empty(), "{decided:?} {found:?}");
        }
        for decided in [Decided::Bought, Decided::Sent, Decided::Arrived] {
            let steps = plan(&of_invoiced(decided, found));
            assert!(
                !steps.contains(&BookShipment) && !steps.contains(&CancelOrder),
                "{decided:?} {found:?}: {steps:?}"
            );
        }
    }
}

#[test]
fn what_is_about_to_be_cancelled_again_is_not_announced_as_bought_before() {
    for steps in everything().iter().map(|found| plan(&of_invoiced(Decided::Bought, found))) {
        let announced = [AnnounceConfirmed, AnnounceShipment, TakeInNews, ReserveStock];
        let both = steps.contains(&CancelOrder) && steps.iter().any(|step| announced.contains(step));
        assert!(!both, "{steps:?}");
    }
}

#[test]
fn money_is_never_taken_for_what_is_undone_and_never_given_back_for_what_stands() {
    for found in everything() {
        for decided in DECIDED {
            let steps = plan(&of_invoiced(decided, &found));
            let taken = steps.contains(&CapturePayment) && !steps.contains(&RefundPayment);
            assert!(!taken || decided.stands(), "{decided:?} {found:?}: {steps:?}");
            let given_back = steps.contains(&RefundPayment) || steps.contains(&VoidPayment);
            assert!(!given_back || !decided.stands(), "{decided:?} {found:?}: {steps:?}");
        }
    }
}

#[test]
fn agreement_is_what_the_invariants_say() {
    for found in everything() {
        let (payment, shipment) = (found.says(Participant::Accounting), found.says(Participant::Shipping));
        let reservation = found.says(Participant::Inventory);
        let sound = |decided| match decided {
            Decided::Bought => payment == "captured, INV-1" && shipment == "prepared" && reservation == "committed",
            Decided::Sent => payment == "captured, INV-1" && shipment == "dispatched" && reservation == "shipped",
            Decided::Arrived => payment == "captured, INV-1" && shipment == "delivered" && reservation == "shipped",
            Decided::Cancelled => payment == "refunded" && shipment == "cancelled" && reservation == "released",
            Decided::Undone | Decided::Nothing => {
                ["nothing", "voided", "declined", "refunded"].contains(&payment.as_str())
                    && ["nothing", "cancelled"].contains(&shipment.as_str())
                    && ["nothing", "released"].contains(&reservation.as_str())
            }
            Decided::Open => true,
        };
        for decided in DECIDED {
            let others = of_invoiced(decided, &found);
            let others = others.iter().filter(|it| it.with != Participant::Store).count();
            assert_eq!(others == 0, sound(decided), "{decided:?} {found:?}");
        }
    }
}
