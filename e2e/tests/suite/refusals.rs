//! Each of the five steps that may be refused is refused once by what a user can do, and leaves nothing behind.

use e2e::Purchase;
use serde_json::{Value, json};

use crate::setting::{entries, shared_suite, shopper, state};

const STEPS: [&str; 5] = ["check out cart", "reserve stock", "authorize payment", "book shipment", "capture payment"];

/// Buys, and shows that the order was undone from `refused` back to the cart.
async fn undone(purchase: &Purchase, refused: &str, code: &str) -> Value {
    let suite = shared_suite().await;
    let carol = shopper(suite, "carol").await;
    let order = carol.buy(purchase).await.unwrap();
    assert_eq!(state(&order), "compensated", "{order:#}");
    assert_eq!((order["reason"]["step"].as_str(), order["reason"]["code"].as_str()), (Some(refused), Some(code)));
    let at = STEPS.iter().position(|step| *step == refused).unwrap();
    let earlier: Vec<_> = STEPS[..at].iter().map(ToString::to_string).collect();
    assert!(entries(&order, "done").starts_with(&earlier));
    // The refused step is undone with them, if it can be: its request might arrive once more.
    let asked: Vec<_> = STEPS[..4].iter().take(at + 1).rev().copied().collect();
    assert_eq!(entries(&order, "undone"), asked);
    assert_eq!(entries(&order, "refused"), [refused]);

    let id = order["id"].as_str().unwrap();
    let sam = shopper(suite, "sam").await;
    let of = async |path: String| sam.get(&path).await.unwrap();
    let reservation = of(format!("/api/inventory/v1/reservations/{id}")).await;
    assert!(reservation.status == 404 || reservation.body["state"] == "released", "{}", reservation.body);
    assert_eq!(reservation.status == 404, at < 1, "what was asked for is remembered as released");
    let payment = of(format!("/api/accounting/v1/payments/{id}")).await;
    let given_up = payment.body["state"] == "voided" || payment.body["state"] == "declined";
    assert!(payment.status == 404 || given_up, "{}", payment.body);
    let shipment = of(format!("/api/shipping/v1/shipments/{id}")).await;
    assert!(shipment.status == 404 || shipment.body["state"] == "cancelled", "{}", shipment.body);
    order
}

#[tokio::test]
async fn a_cart_that_is_empty_is_refused() {
    let suite = shared_suite().await;
    let carol = shopper(suite, "carol").await;
    let purchase = Purchase { lines: vec![], shipping_price: Some(490), ..Purchase::default() };
    let order = carol.buy(&purchase).await.unwrap();
    assert_eq!(state(&order), "compensated");
    assert_eq!(order["reason"]["code"], "cart_empty");
    assert_eq!(entries(&order, "undone"), ["check out cart"]);
}

#[tokio::test]
async fn a_product_that_is_out_of_stock_is_refused() {
    undone(&Purchase::of("CLOCK-SUN"), "reserve stock", "out_of_stock").await;
}

#[tokio::test]
async fn a_card_that_is_declined_is_refused() {
    undone(&Purchase::of("MUG-BLUE").paid_with("tok_declined"), "authorize payment", "payment_declined").await;
}

#[tokio::test]
async fn a_card_without_funds_is_refused() {
    let purchase = Purchase::of("MUG-BLUE").paid_with("tok_insufficient_funds");
    undone(&purchase, "authorize payment", "insufficient_funds").await;
}

#[tokio::test]
async fn an_order_over_the_credit_limit_is_refused() {
    undone(&Purchase::of("MUG-BLUE").paid_with("tok_on_account"), "authorize payment", "over_credit_limit").await;
}

#[tokio::test]
async fn an_address_that_is_not_served_is_refused() {
    let purchase = Purchase { shipping_price: Some(490), ..Purchase::of("MUG-BLUE").to("AQ") };
    undone(&purchase, "book shipment", "unserviceable_address").await;
}

#[tokio::test]
async fn a_parcel_that_is_too_heavy_is_refused() {
    let purchase = Purchase { shipping_price: Some(490), ..Purchase::of("OVEN-STONE") };
    undone(&purchase, "book shipment", "overweight").await;
}

#[tokio::test]
async fn a_shipping_price_that_is_not_the_rate_is_refused() {
    let purchase = Purchase { shipping_price: Some(1), ..Purchase::of("MUG-BLUE") };
    undone(&purchase, "book shipment", "price_mismatch").await;
}

#[tokio::test]
async fn a_capture_that_is_declined_undoes_everything_and_the_cart_can_be_bought_again() {
    let purchase = Purchase::of("MUG-BLUE").paid_with("tok_capture_declined");
    let order = undone(&purchase, "capture payment", "capture_declined").await;
    let suite = shared_suite().await;
    let carol = shopper(suite, "carol").await;
    let cart = order["cart_id"].as_str().unwrap();
    let again = carol.order_for(cart, &Purchase::default()).await.unwrap();
    let id = carol.place(again).await.unwrap().expect(202).unwrap().text("id").unwrap();
    assert_eq!(state(&carol.ended(&id).await.unwrap()), "confirmed");
}

#[tokio::test]
async fn a_payment_provider_that_never_answers_is_given_up_at_the_deadline() {
    let suite = shared_suite().await;
    let carol = shopper(suite, "carol").await;
    let order = carol.buy(&Purchase::of("MUG-BLUE").paid_with("tok_silent")).await.unwrap();
    assert_eq!(state(&order), "compensated", "{order:#}");
    // It may have happened, so it is undone together with the earlier ones.
    assert_eq!(entries(&order, "undone"), ["authorize payment", "reserve stock", "check out cart"]);
    assert!(!entries(&order, "silent").is_empty());
}

#[tokio::test]
async fn bad_orders_are_told_which_field_is_wrong() {
    let suite = shared_suite().await;
    let carol = shopper(suite, "carol").await;
    let purchase = Purchase::default();
    let cart = carol.fill_cart(&purchase).await.unwrap();
    let good = carol.order_for(&cart, &purchase).await.unwrap();
    for (pointer, wrong, field) in [
        ("/cart_id", json!("x"), "cart_id"),
        ("/ship_to/country", json!("Germany"), "ship_to"),
        ("/shipping/service", json!("teleport"), "shipping.service"),
        ("/shipping/price/currency", json!("XXX"), "shipping.price.currency"),
        ("/shipping/price/amount", json!(4.9), "shipping.price.amount"),
    ] {
        let mut order = good.clone();
        *order.pointer_mut(pointer).unwrap() = wrong;
        let answer = carol.place(order).await.unwrap().expect(422).unwrap();
        assert_eq!(answer.body["errors"][0]["field"], field, "{}", answer.body);
    }
}
