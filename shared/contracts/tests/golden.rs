//! The wire form of every event, pinned: a change shows up in review as a changed file.
//! After a deliberate change run the tests with `UPDATE_GOLDEN=1` and commit the difference.

#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

use contracts::{
    Address, CloudEvent, Currency, CustomerId, Event, EventId, Money, OrderId, Quantity, Sku, accounting, auth,
    gateway, inventory, order, shipping, store,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use time::{OffsetDateTime, macros::datetime};

const AT: OffsetDateTime = datetime!(2026-11-21 10:15:30.123456 UTC);

fn order_id() -> OrderId {
    "01900000-0000-7000-8000-00000000000a".parse().unwrap()
}

fn customer_id() -> CustomerId {
    "01900000-0000-7000-8000-000000000001".parse().unwrap()
}

fn sku() -> Sku {
    Sku::parse("MUG-BLUE").unwrap()
}

fn euro(amount: i64) -> Money {
    Money::new(amount, Currency::Eur)
}

/// The event in its envelope is the golden file, and the golden file reads back as the event, whatever a newer
/// publisher adds to it.
fn assert_golden<E: Event + PartialEq + std::fmt::Debug>(event: E)
where
    CloudEvent<E>: Serialize + DeserializeOwned,
{
    let envelope = CloudEvent {
        specversion: "1.0".to_owned(),
        id: "01900000-0000-7000-8000-00000000000e".parse::<EventId>().unwrap(),
        source: format!("/{}", E::TYPE.split('.').next().unwrap()),
        kind: E::TYPE.to_owned(),
        subject: event.aggregate(),
        time: AT,
        datacontenttype: "application/json".to_owned(),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        data: event,
    };
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{}.json", E::TYPE));
    let json = serde_json::to_string_pretty(&envelope).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &json).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(json, golden, "the wire form of {} changed", E::TYPE);
    assert_eq!(serde_json::from_str::<CloudEvent<E>>(&golden).unwrap(), envelope);
    let mut newer = serde_json::from_str(&golden).unwrap();
    add_everywhere(&mut newer);
    let read = serde_json::from_value::<CloudEvent<E>>(newer);
    assert_eq!(read.unwrap_or_else(|error| panic!("what a newer publisher adds to {}: {error}", E::TYPE)), envelope);
}

/// A member that is not known, in every object.
fn add_everywhere(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(add_everywhere);
            members.insert("added_later".to_owned(), Value::Bool(true));
        }
        Value::Array(items) => items.iter_mut().for_each(add_everywhere),
        _ => {}
    }
}

#[test]
fn events_of_order() {
    let line = order::OrderLine {
        sku: sku(),
        name: "Blue mug".to_owned(),
        quantity: Quantity::new(2).unwrap(),
        unit_price: euro(1_290),
    };
    let ship_to = Address {
        name: "Alice Example".to_owned(),
        street: "Hauptstr. 1".to_owned(),
        postal_code: "10115".to_owned(),
        city: "Berlin".to_owned(),
        country: "DE".to_owned(),
    };
    assert_golden(order::OrderConfirmed {
        order_id: order_id(),
        customer_id: customer_id(),
        lines: vec![line],
        shipping_price: euro(490),
        total: euro(3_070),
        ship_to,
        confirmed_at: AT,
    });
    assert_golden(order::OrderCompensated {
        order_id: order_id(),
        customer_id: customer_id(),
        step: "reserve stock".to_owned(),
        code: "out_of_stock".to_owned(),
    });
    assert_golden(order::OrderCancelled { order_id: order_id(), customer_id: customer_id(), cancelled_at: AT });
    assert_golden(order::OrderStuck {
        order_id: order_id(),
        saga: "checkout".to_owned(),
        step: "capture payment".to_owned(),
        since: AT,
        attempts: 7,
    });
}

#[test]
fn events_of_accounting() {
    assert_golden(accounting::PaymentCaptured { order_id: order_id(), amount: euro(3_070) });
    assert_golden(accounting::PaymentRefunded { order_id: order_id(), amount: euro(3_070) });
    assert_golden(accounting::InvoiceIssued {
        order_id: order_id(),
        number: "2026-000001".to_owned(),
        total: euro(3_070),
    });
}

#[test]
fn events_of_inventory() {
    assert_golden(inventory::StockChanged { sku: sku(), on_hand: 10, reserved: 3, available: 7, version: 42 });
}

#[test]
fn events_of_shipping() {
    let tracking_number = "RS000000000042".to_owned();
    assert_golden(shipping::ShipmentDispatched {
        order_id: order_id(),
        tracking_number: tracking_number.clone(),
        dispatched_at: AT,
    });
    assert_golden(shipping::ShipmentDelivered { order_id: order_id(), tracking_number, delivered_at: AT });
}

#[test]
fn events_of_store() {
    assert_golden(store::ProductChanged {
        sku: sku(),
        name: "Blue mug".to_owned(),
        price: euro(1_290),
        withdrawn: false,
        version: 3,
    });
}

#[test]
fn events_of_auth() {
    assert_golden(auth::TokensRevoked {
        token_hashes: vec!["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned()],
        grant_id: "01900000-0000-7000-8000-0000000000f0".to_owned(),
    });
    assert_golden(auth::SecurityRecorded {
        id: "01900000-0000-7000-8000-0000000000f1".to_owned(),
        kind: "reuse".to_owned(),
        subject: Some(customer_id().to_string()),
        client_id: Some("demo".to_owned()),
        grant_id: Some("01900000-0000-7000-8000-0000000000f0".to_owned()),
        by: None,
    });
}

#[test]
fn events_of_gateway() {
    let of = |route: &str, status, count| gateway::MeteredCalls { route: route.to_owned(), status, count };
    assert_golden(gateway::CallsMetered {
        client_id: "reporting".to_owned(),
        plan: "partner".to_owned(),
        gateway: "01900000-0000-7000-8000-0000000000a7".parse().unwrap(),
        since: AT,
        until: AT + time::Duration::seconds(5),
        calls: vec![of("/api/store/v1/", 200, 1_200), of("/api/store/v1/", 404, 3)],
    });
}
