//! An order that goes through, and what follows from it.

use e2e::{Purchase, Shopper};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::setting::{entries, shared_suite, shopper, state};

async fn stock(staff: &Shopper, sku: &str) -> (i64, i64) {
    let stock = staff.get(&format!("/api/inventory/v1/stock/{sku}")).await.unwrap().expect(200).unwrap().body;
    (stock["on_hand"].as_i64().unwrap(), stock["reserved"].as_i64().unwrap())
}

#[tokio::test]
async fn buying_goes_through_every_service() {
    let suite = shared_suite().await;
    let (alice, sam) = (shopper(suite, "alice").await, shopper(suite, "sam").await);
    let (on_hand, reserved) = stock(&sam, "TEAPOT-IRON").await;
    let order = alice.buy(&Purchase { lines: vec![("TEAPOT-IRON".into(), 3)], ..Purchase::default() }).await.unwrap();
    assert_eq!(state(&order), "confirmed", "{order:#}");
    assert_eq!(
        entries(&order, "done")[..6],
        ["check out cart", "reserve stock", "authorize payment", "book shipment", "capture payment", "confirm order"]
    );
    assert!(entries(&order, "undone").is_empty());
    assert_eq!(stock(&sam, "TEAPOT-IRON").await, (on_hand, reserved + 3));

    let id = order["id"].as_str().unwrap();
    let payment = alice.get(&format!("/api/accounting/v1/payments/{id}")).await.unwrap().expect(200).unwrap();
    assert_eq!((payment.body["state"].as_str(), &payment.body["amount"]), (Some("captured"), &order["total"]));
    // What is confirmed is prepared and invoiced by events.
    let shipment = async || alice.get(&format!("/api/shipping/v1/shipments/{id}")).await.unwrap().body;
    eventually(async || shipment().await["state"] == "prepared").await;
    eventually(async || alice.order(id).await.unwrap()["invoice_number"].is_string()).await;
    let number = alice.order(id).await.unwrap()["invoice_number"].as_str().unwrap().to_owned();
    let invoice = alice.get(&format!("/api/accounting/v1/invoices/{number}")).await.unwrap().expect(200).unwrap();
    assert_eq!(invoice.body["order_id"].as_str(), Some(id));

    // The parcel leaves and arrives; stock falls, and the order follows.
    sam.post(&format!("/api/shipping/v1/shipments/{id}/dispatch"), json!({})).await.unwrap().expect(200).unwrap();
    eventually(async || stock(&sam, "TEAPOT-IRON").await == (on_hand - 3, reserved)).await;
    alice.until(id, |state| state == "dispatched").await.unwrap();
    sam.post(&format!("/api/shipping/v1/shipments/{id}/deliver"), json!({})).await.unwrap().expect(200).unwrap();
    alice.until(id, |state| state == "delivered").await.unwrap();
    let balance = sam.get("/api/accounting/v1/trial-balance").await.unwrap().expect(200).unwrap();
    let totals = balance.body["totals"].as_array().unwrap();
    assert!(!totals.is_empty() && totals.iter().all(|total| total["amount"] == 0), "{}", balance.body);
}

#[tokio::test]
async fn the_catalogue_follows_the_stock() {
    let suite = shared_suite().await;
    let (alice, sam) = (shopper(suite, "alice").await, shopper(suite, "sam").await);
    let available = async || {
        let product = alice.get("/api/store/v1/products/PLANT-CACTUS").await.unwrap().expect(200).unwrap().body;
        product["availability"]["available"].as_i64()
    };
    eventually(async || available().await.is_some()).await;
    let before = available().await.unwrap();
    let receipt = json!({"quantity": 7, "reference": uuid::Uuid::now_v7().to_string()});
    let path = "/api/inventory/v1/stock/PLANT-CACTUS/receipts";
    let answer = sam.post(path, receipt).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.body);
    eventually(async || available().await == Some(before + 7)).await;
}

#[tokio::test]
async fn the_catalogue_comes_from_memory_until_somebody_edits_it() {
    let suite = shared_suite().await;
    let (alice, sam) = (shopper(suite, "alice").await, shopper(suite, "sam").await);
    let (path, sku) = ("/api/store/v1/products/MEMO-1", "MEMO-1");
    let product = |cents: i64| {
        json!({"name": format!("Memo {sku}"), "description": "", "category": "tableware",
            "price": {"amount": cents, "currency": "EUR"}, "weight_grams": 40})
    };
    for cents in [500, 700] {
        assert!(sam.put(path, product(cents)).await.unwrap().status.is_success());
        let price = async || alice.get(path).await.unwrap().expect(200).unwrap().body["price"]["amount"].as_i64();
        // Never the old one, not even for a moment.
        assert_eq!(price().await, Some(cents));
        eventually(async || {
            let answer = alice.get(path).await.unwrap().expect(200).unwrap();
            assert_eq!(answer.body["price"]["amount"], cents);
            answer.headers["cache-status"].to_str().unwrap().starts_with("gateway; hit")
        })
        .await;
    }
}

async fn place(alice: &Shopper, key: &str, order: &Value, headers: &[(&str, &str)]) -> e2e::Answer {
    let headers = [&[("Idempotency-Key", key)], headers].concat();
    alice.send(Method::POST, "/api/order/v1/orders", Some(order.clone()), &headers).await.unwrap()
}

#[tokio::test]
async fn the_same_order_asked_twice_is_one_order() {
    let suite = shared_suite().await;
    let alice = shopper(suite, "alice").await;
    let purchase = Purchase::of("MUG-GREEN");
    let cart = alice.fill_cart(&purchase).await.unwrap();
    let order = alice.order_for(&cart, &purchase).await.unwrap();
    let key = uuid::Uuid::now_v7().to_string();
    let first = place(&alice, &key, &order, &[]).await.expect(202).unwrap();
    let again = place(&alice, &key, &order, &[]).await.expect(202).unwrap();
    assert_eq!(first.text("id").unwrap(), again.text("id").unwrap());

    let mut other = order.clone();
    other["payment"]["method"] = "tok_declined".into();
    place(&alice, &key, &other, &[]).await.expect(422).unwrap();
    // The key belongs to its caller: Bob's is another one, and the cart is not his.
    let bob = shopper(suite, "bob").await;
    let his = place(&bob, &key, &order, &[]).await.expect(202).unwrap();
    let his = bob.ended(&his.text("id").unwrap()).await.unwrap();
    assert_eq!((state(&his), his["reason"]["code"].as_str()), ("compensated", Some("cart_not_found")), "{his:#}");
    let missing = alice.post("/api/order/v1/orders", order).await.unwrap().expect(400).unwrap();
    assert_eq!(missing.text("code").unwrap(), "idempotency_key_required");
}

#[tokio::test]
async fn who_prefers_to_wait_gets_the_outcome() {
    let suite = shared_suite().await;
    let alice = shopper(suite, "alice").await;
    let purchase = Purchase::of("BOWL-ASH");
    let cart = alice.fill_cart(&purchase).await.unwrap();
    let order = alice.order_for(&cart, &purchase).await.unwrap();
    let answer = place(&alice, &uuid::Uuid::now_v7().to_string(), &order, &[("Prefer", "wait=10")]).await;
    assert!(answer.status.is_success(), "{}", answer.body);
    assert_eq!(answer.text("state").unwrap(), "confirmed");
}

#[tokio::test]
async fn two_orders_for_one_cart_buy_it_once() {
    let suite = shared_suite().await;
    let alice = shopper(suite, "alice").await;
    let purchase = Purchase::of("POT-CLAY");
    let cart = alice.fill_cart(&purchase).await.unwrap();
    let order = alice.order_for(&cart, &purchase).await.unwrap();
    let (one, two) = tokio::join!(alice.place(order.clone()), alice.place(order));
    let (one, two) = (one.unwrap().expect(202).unwrap(), two.unwrap().expect(202).unwrap());
    let one = alice.ended(&one.text("id").unwrap()).await.unwrap();
    let two = alice.ended(&two.text("id").unwrap()).await.unwrap();
    let mut states = [state(&one), state(&two)];
    states.sort_unstable();
    assert_eq!(states, ["compensated", "confirmed"]);
}

#[tokio::test]
async fn the_timeline_is_streamed_live() {
    let suite = shared_suite().await;
    let alice = shopper(suite, "alice").await;
    let purchase = Purchase::of("BOOK-RUST").paid_with("tok_slow");
    let cart = alice.fill_cart(&purchase).await.unwrap();
    let order = alice.order_for(&cart, &purchase).await.unwrap();
    let id = alice.place(order).await.unwrap().expect(202).unwrap().text("id").unwrap();
    let url = format!("{}/api/order/v1/orders/{id}/events", suite.public_url());
    let answer = reqwest::Client::new().get(url).bearer_auth(alice.token()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut answer = answer;
    let mut seen = String::new();
    let whole = async {
        while !seen.contains("confirm order") {
            seen.push_str(std::str::from_utf8(&answer.chunk().await.unwrap().expect("the stream goes on")).unwrap());
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), whole)
        .await
        .expect("the order is confirmed in the stream");
    assert!(seen.contains("authorize payment"), "{seen}");
}
