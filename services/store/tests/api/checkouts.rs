//! `/v1/checkouts/{order_id}`: an order takes a cart, or gives it back.

use contracts::{CartId, OrderId, seed};
use futures::future::{join, join_all};
use serde_json::{Value, json};
use testkit::Answer;

use crate::started::{Store, price};

#[tokio::test]
async fn a_checkout_fixes_the_prices_of_its_moment() {
    let store = Store::start().await;
    let (order, cart) = (OrderId::generate(), store.filled_cart().await);
    let taken = store.check_out(order, cart).await.expect(200).json();
    assert_eq!(
        taken,
        json!({
            "order_id": order, "cart_id": cart, "total": price(9880), "weight_grams": 1260,
            "lines": [
                {"sku": "MUG-BLUE", "name": "The mug blue", "quantity": 2, "unit_price": price(1490), "weight_grams": 420},
                {"sku": "PEN-FOUNTAIN", "name": "The pen fountain", "quantity": 1, "unit_price": price(6900), "weight_grams": 420},
            ],
        })
    );
    store.client.put("/v1/products/MUG-BLUE/price", &store.sam(), &json!({"price": price(1)})).await.expect(200);
    store.withdraw("PEN-FOUNTAIN").await;
    assert_eq!(store.check_out(order, cart).await.expect(200).json(), taken);
    let seen = store.client.get(&format!("/v1/checkouts/{order}"), &store.sam()).await.expect(200).json();
    assert_eq!((&seen["state"], &seen["snapshot"]), (&json!("done"), &taken));
    store.end().await;
}

#[tokio::test]
async fn of_many_orders_for_one_cart_exactly_one_gets_it() {
    let store = Store::start().await;
    for _ in 0..5 {
        let cart = store.filled_cart().await;
        let answers = join_all((0..12).map(|_| store.check_out(OrderId::generate(), cart))).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let lost = answers.iter().filter(|answer| answer.status == 409 && answer.code() == "cart_checked_out").count();
        assert_eq!((won, lost), (1, 11));
    }
    store.end().await;
}

#[tokio::test]
async fn the_same_request_many_times_at_once_has_one_effect_and_one_answer() {
    let store = Store::start().await;
    let (order, cart) = (OrderId::generate(), store.filled_cart().await);
    let answers = join_all((0..12).map(|_| store.check_out(order, cart))).await;
    let first = answers[0].json();
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.json() == first), "{answers:?}");
    assert_eq!(store.number("select count(*) from checkout").await, 1);
    store.end().await;
}

#[tokio::test]
async fn another_request_for_the_same_order_is_a_conflict() {
    let store = Store::start().await;
    let (order, cart, other) = (OrderId::generate(), store.filled_cart().await, store.filled_cart().await);
    store.check_out(order, cart).await.expect(200);
    assert_eq!(store.check_out(order, other).await.expect(409).code(), "conflicting_request");
    assert_eq!(store.check_out_of(order, cart, seed::BOB).await.expect(409).code(), "conflicting_request");
    assert_eq!(store.show_cart(other).await["state"], "open");
    store.end().await;
}

#[tokio::test]
async fn a_checkout_is_refused_with_the_facts_and_leaves_the_cart_open() {
    let store = Store::start().await;
    let order = OrderId::generate();
    let (empty, full) = (store.cart().await, store.filled_cart().await);
    assert_eq!(store.check_out(order, empty).await.expect(409).code(), "cart_empty");
    assert_eq!(store.check_out(order, CartId::generate()).await.expect(404).code(), "cart_not_found");
    assert_eq!(store.check_out_of(order, full, seed::BOB).await.expect(404).code(), "cart_not_found");
    store.withdraw("PEN-FOUNTAIN").await;
    let withdrawn = store.check_out(order, full).await.expect(409).json();
    assert_eq!((&withdrawn["code"], &withdrawn["sku"]), (&json!("product_withdrawn"), &json!("PEN-FOUNTAIN")));
    for cart in [empty, full] {
        assert_eq!(store.show_cart(cart).await["state"], "open");
    }
    assert_eq!(store.number("select count(*) from checkout").await, 0);
    store.end().await;
}

#[tokio::test]
async fn an_undone_checkout_opens_the_cart_for_another_order() {
    let store = Store::start().await;
    let (first, second, cart) = (OrderId::generate(), OrderId::generate(), store.filled_cart().await);
    store.check_out(first, cart).await.expect(200);
    for _ in 0..2 {
        store.undo(first).await;
    }
    assert_eq!(store.show_cart(cart).await["state"], "open");
    assert_eq!(store.check_out(first, cart).await.expect(409).code(), "checkout_reopened");
    store.put_line(cart, "MUG-BLUE", 5).await.expect(200);
    assert_eq!(store.check_out(second, cart).await.expect(200).json()["total"], price(14350));
    // The first order's undo must not take the cart away from the second.
    store.undo(first).await;
    assert_eq!(store.show_cart(cart).await["state"], "checked_out");
    store.end().await;
}

#[tokio::test]
async fn an_undo_that_comes_first_is_remembered() {
    let store = Store::start().await;
    let (order, cart) = (OrderId::generate(), store.filled_cart().await);
    store.undo(order).await;
    assert_eq!(store.check_out(order, cart).await.expect(409).code(), "checkout_reopened");
    assert_eq!(store.show_cart(cart).await["state"], "open");
    let seen = store.client.get(&format!("/v1/checkouts/{order}"), &store.sam()).await.expect(200).json();
    assert_eq!((&seen["state"], seen.get("request")), (&json!("reopened"), None));
    store.end().await;
}

#[tokio::test]
async fn a_checkout_that_was_refused_and_undone_is_refused_for_good() {
    let store = Store::start().await;
    let (order, empty, cart) = (OrderId::generate(), store.cart().await, store.filled_cart().await);
    assert_eq!(store.check_out(order, empty).await.expect(409).code(), "cart_empty");
    store.undo(order).await;
    assert_eq!(store.check_out(order, cart).await.expect(409).code(), "checkout_reopened");
    assert_eq!(store.show_cart(cart).await["state"], "open");
    store.end().await;
}

#[tokio::test]
async fn a_checkout_and_its_undo_at_once_leave_the_cart_open() {
    let store = Store::start().await;
    for _ in 0..30 {
        let (order, cart) = (OrderId::generate(), store.filled_cart().await);
        let (done, ()) = join(store.check_out(order, cart), store.undo(order)).await;
        assert!(done.status == 200 || done.code() == "checkout_reopened", "{done:?}");
        assert_eq!(store.show_cart(cart).await["state"], "open", "{done:?}");
        store.check_out(OrderId::generate(), cart).await.expect(200);
    }
    store.end().await;
}

#[tokio::test]
async fn a_line_changed_while_the_cart_is_checked_out_is_in_the_snapshot_or_refused() {
    let store = Store::start().await;
    for _ in 0..20 {
        let (order, cart) = (OrderId::generate(), store.filled_cart().await);
        let (taken, changed) = join(store.check_out(order, cart), store.put_line(cart, "MUG-BLUE", 7)).await;
        let quantity = &taken.expect(200).json()["lines"][0]["quantity"];
        assert_eq!(*quantity, if changed.status == 200 { 7 } else { 2 }, "{changed:?}");
        assert_eq!(&store.show_cart(cart).await["lines"][0]["quantity"], quantity);
    }
    store.end().await;
}

#[tokio::test]
async fn staff_page_through_checkouts() {
    let store = Store::start().await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        let order = OrderId::generate();
        store.check_out(order, store.filled_cart().await).await.expect(200);
        orders.insert(0, json!(order));
    }
    let list = async |query: &str| store.client.get(&format!("/v1/checkouts?{query}"), &store.sam()).await.expect(200);
    let ids = |page: &Answer| -> Vec<Value> {
        page.json()["items"].as_array().unwrap().iter().map(|checkout| checkout["order_id"].clone()).collect()
    };
    let first = list("limit=2").await;
    let second = list(&format!("limit=2&after={}", first.json()["next"].as_str().unwrap())).await;
    assert_eq!([ids(&first), ids(&second)].concat(), orders);
    let missing = store.client.get(&format!("/v1/checkouts/{}", OrderId::generate()), &store.sam()).await.expect(404);
    assert_eq!(missing.code(), "checkout_not_found");
    store.end().await;
}
