//! The rules of an order, as sentences.

use contracts::{Currency, Quantity, Sku, seed};
use proptest::prelude::*;
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-21 10:00 UTC);

fn order(state: State) -> Order {
    let address = serde_json::json!({
        "name": "Alice", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE",
    });
    let euro = |amount| Money::new(amount, Currency::Eur);
    let line = Line {
        sku: Sku::parse("MUG-BLUE").unwrap(),
        name: "Mug, blue".to_owned(),
        quantity: Quantity::new(2).unwrap(),
        unit_price: euro(1250),
        weight_grams: 350,
    };
    Order {
        id: OrderId::generate(),
        customer_id: seed::ALICE,
        state,
        cart_id: CartId::generate(),
        ship_to: serde_json::from_value(address).unwrap(),
        shipping: Shipping { service: ShippingService::Standard, price: euro(490) },
        payment_method: "tok_ok".to_owned(),
        basket: Some(Basket { lines: vec![line], total: euro(2500), weight_grams: 700 }),
        facts: Facts::default(),
        created_at: NOW,
        updated_at: NOW,
    }
}

#[test]
fn the_amount_to_pay_is_the_cart_and_the_shipping() {
    let mut order = order(State::Pending);
    assert_eq!(order.total(), Some(Money::new(2990, Currency::Eur)));
    order.shipping.price.currency = Currency::Usd;
    assert_eq!(order.total(), None);
    order.basket = None;
    assert_eq!(order.total(), None);
}

#[test]
fn a_confirmed_order_announces_everything_that_others_need() {
    let mut order = order(State::Pending);
    let Some(Announcement::Confirmed(event)) = order.apply(Change::Confirm, None, NOW) else { panic!("no event") };
    assert_eq!((order.state, order.facts.confirmed_at), (State::Confirmed, Some(NOW)));
    assert_eq!((event.order_id, event.total.amount, event.lines.len()), (order.id, 2990, 1));
}

#[test]
fn a_compensated_order_says_which_step_was_refused_and_why() {
    let mut order = order(State::Pending);
    let reason = Reason::new("reserve stock", Refusal::new("out_of_stock", "Out of stock"));
    let announced = order.apply(Change::Compensate, Some(&reason), NOW);
    let Some(Announcement::Compensated(event)) = announced else { panic!("no event") };
    assert_eq!((event.step.as_str(), event.code.as_str()), ("reserve stock", "out_of_stock"));
    assert_eq!((order.state, order.facts.reason), (State::Compensated, Some(reason)));
}

#[test]
fn only_a_confirmed_order_can_be_cancelled_and_once_is_as_good_as_twice() {
    for state in [State::Pending, State::Dispatched, State::Delivered, State::Compensated] {
        assert_eq!(order(state).cancel(NOW), Err(CannotCancel { state, refused: None }), "{state}");
    }
    let mut order = order(State::Confirmed);
    assert_eq!(order.cancel(NOW), Ok(true));
    assert_eq!((order.state, order.cancel(NOW)), (State::Cancelling, Ok(false)));
    assert!(matches!(order.apply(Change::Cancel, None, NOW), Some(Announcement::Cancelled(_))));
    assert_eq!((order.state, order.cancel(NOW)), (State::Cancelled, Ok(false)));
}

#[test]
fn a_refused_cancellation_leads_back_to_where_the_parcel_is() {
    let refused = Reason::new("stop shipment", Refusal::new("already_dispatched", "The parcel has left"));
    for (dispatched, delivered, expected) in
        [(false, false, State::Confirmed), (true, false, State::Dispatched), (true, true, State::Delivered)]
    {
        let mut order = order(State::Cancelling);
        if dispatched {
            assert!(order.dispatched("TRACK", NOW, NOW));
        }
        if delivered {
            assert!(order.delivered("TRACK", NOW, NOW));
        }
        assert_eq!(order.state, State::Cancelling, "the saga decides");
        assert_eq!(order.apply(Change::Keep, Some(&refused), NOW), None);
        assert_eq!(order.state, expected);
        assert!(order.cancel(NOW).unwrap_err().refused.is_some() || dispatched);
    }
}

#[derive(Clone, Copy, Debug)]
enum Heard {
    Dispatched,
    Delivered,
    Invoiced,
}

proptest! {
    #[test]
    fn what_is_heard_in_any_order_and_any_number_of_times_leads_to_the_same(
        heard in Just([Heard::Dispatched, Heard::Delivered, Heard::Invoiced, Heard::Dispatched, Heard::Delivered])
            .prop_shuffle(),
    ) {
        let mut order = order(State::Confirmed);
        for what in heard {
            let before = order.clone();
            let news = match what {
                Heard::Dispatched => order.dispatched("TRACK", NOW, NOW),
                Heard::Delivered => order.delivered("TRACK", NOW, NOW),
                Heard::Invoiced => order.invoiced("2026-1", NOW),
            };
            prop_assert_eq!(news, order != before);
        }
        prop_assert_eq!(order.state, State::Delivered);
        prop_assert_eq!(order.facts.tracking_number.as_deref(), Some("TRACK"));
    }
}
