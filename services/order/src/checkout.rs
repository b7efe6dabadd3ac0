//! Buying: the whole flow on one screen.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    domain::{Basket, Change, Order, Refusal},
    saga::{Call, Request, Saga, step},
};

/// From a cart to a confirmed order, or back to the cart.
pub const CHECKOUT: Saga<Order> = Saga {
    name: "checkout",
    // Undone from last to first if a later step is refused.
    undoable: &[
        step("check out cart", check_out_cart).learn(take_over_basket).undo(reopen_cart),
        step("reserve stock", reserve_stock).undo(release_stock),
        step("authorize payment", authorize_payment).undo(void_payment),
        step("book shipment", book_shipment).undo(cancel_shipment),
    ],
    // The last step that may be refused.
    decisive: step("capture payment", capture_payment),
    // Never refused: asked again until done.
    certain: &[step("confirm order", confirm_order)],
    undone: step("compensate order", compensate_order),
};

pub(crate) fn check_out_cart(order: &Order) -> Request {
    put("store", "checkouts", order, json!({ "cart_id": order.cart_id, "customer_id": order.customer_id }))
}

fn take_over_basket(order: &mut Order, answer: &Value) -> Result<(), serde_json::Error> {
    order.basket = Some(serde_json::from_value::<Basket>(answer.clone())?);
    Ok(())
}

fn reopen_cart(order: &Order) -> Request {
    delete("store", "checkouts", order)
}

pub(crate) fn reserve_stock(order: &Order) -> Request {
    let lines: Vec<_> = order.lines().iter().map(|l| json!({ "sku": l.sku, "quantity": l.quantity })).collect();
    put("inventory", "reservations", order, json!({ "lines": lines }))
}

pub(crate) fn release_stock(order: &Order) -> Request {
    delete("inventory", "reservations", order)
}

pub(crate) fn authorize_payment(order: &Order) -> Request {
    let Some(amount) = order.total() else {
        let why = "The prices in the cart and the price of shipping do not add up to one amount.";
        return Request::Refuse(Refusal::new("currency_mismatch", "Currencies differ").detail(why));
    };
    let body = json!({ "customer_id": order.customer_id, "amount": amount, "method": order.payment_method });
    put("accounting", "payments", order, body)
}

fn void_payment(order: &Order) -> Request {
    delete("accounting", "payments", order)
}

pub(crate) fn book_shipment(order: &Order) -> Request {
    put("shipping", "shipments", order, booking(order))
}

pub(crate) fn booking(order: &Order) -> Value {
    json!({
        "customer_id": order.customer_id,
        "to": order.ship_to,
        "weight_grams": order.weight_grams(),
        "service": order.shipping.service,
        "price": order.shipping.price,
    })
}

pub(crate) fn cancel_shipment(order: &Order) -> Request {
    delete("shipping", "shipments", order)
}

pub(crate) fn capture_payment(order: &Order) -> Request {
    post("accounting", &format!("/v1/payments/{}/capture", order.id))
}

fn confirm_order(_: &Order) -> Request {
    Request::Change(Change::Confirm)
}

fn compensate_order(_: &Order) -> Request {
    Request::Change(Change::Compensate)
}

fn put(service: &'static str, resource: &str, order: &Order, body: Value) -> Request {
    let path = format!("/v1/{resource}/{}", order.id);
    Request::Call(Call { service, method: Method::PUT, path, body: Some(body) })
}

fn delete(service: &'static str, resource: &str, order: &Order) -> Request {
    let path = format!("/v1/{resource}/{}", order.id);
    Request::Call(Call { service, method: Method::DELETE, path, body: None })
}

pub(crate) fn post(service: &'static str, path: &str) -> Request {
    Request::Call(Call { service, method: Method::POST, path: path.to_owned(), body: None })
}
