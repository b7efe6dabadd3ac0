//! Cancelling a confirmed order: possible until its parcel has left.

use crate::{
    checkout::{cancel_shipment, post, release_stock},
    domain::{Change, Order},
    saga::{Request, Saga, step},
};

/// From a confirmed order to a cancelled one, or to an order that stays as it was.
pub const CANCELLATION: Saga<Order> = Saga {
    name: "cancellation",
    undoable: &[],
    // Refused once the parcel has left.
    decisive: step("stop shipment", cancel_shipment),
    certain: &[
        step("refund payment", refund_payment),
        step("release stock", release_stock),
        step("cancel order", cancel_order),
    ],
    undone: step("keep order", keep_order),
};

fn refund_payment(order: &Order) -> Request {
    post("accounting", &format!("/v1/payments/{}/refund", order.id))
}

fn cancel_order(_: &Order) -> Request {
    Request::Change(Change::Cancel)
}

fn keep_order(_: &Order) -> Request {
    Request::Change(Change::Keep)
}
