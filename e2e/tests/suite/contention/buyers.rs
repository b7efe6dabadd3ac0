//! More buyers than pieces.

use std::time::Instant;

use e2e::{Purchase, Shopper};
use futures::{StreamExt, stream};
use launch::suite::Suite;
use serde_json::{Value, json};

use super::{at_rest, new_product, nobody_noticed, shelf, tally};
use crate::setting::{own_suite, shopper, state};

const BUYERS: usize = 500;
const PIECES: i64 = 50;
/// Connections: of the buyers while they press the button, and of everything else.
const PRESSING: usize = 128;
const OTHERWISE: usize = 32;

/// One of the demonstration's customers, and what `POST /orders` is sent for a cart of their own.
type Buyer<'a> = (&'a Shopper, Value);

/// Fills a cart for each, spread over the customers.
async fn buyers<'a>(customers: &'a [Shopper], baskets: &[Purchase]) -> Vec<Buyer<'a>> {
    let filled = stream::iter(baskets.iter().enumerate()).map(async |(nr, basket)| {
        let customer = &customers[nr % customers.len()];
        let cart = customer.fill_cart(basket).await.unwrap();
        (customer, customer.order_for(&cart, basket).await.unwrap())
    });
    filled.buffer_unordered(OTHERWISE).collect().await
}

/// All press the button at once and wait until their order has ended.
async fn all_buy(buyers: Vec<Buyer<'_>>) -> Vec<Value> {
    let (began, count) = (Instant::now(), buyers.len());
    let pressed = stream::iter(buyers).map(async |(customer, order)| {
        let asked = Instant::now();
        let accepted = customer.place(order).await.unwrap().expect(202).unwrap();
        (customer, accepted.text("id").unwrap(), asked.elapsed())
    });
    let placed: Vec<_> = pressed.buffer_unordered(PRESSING).collect().await;
    let (accepted, slowest) = (began.elapsed(), placed.iter().map(|(.., took)| *took).max().unwrap());
    let ended = stream::iter(placed).map(async |(customer, id, _)| customer.ended(&id).await.unwrap());
    let orders: Vec<_> = ended.buffer_unordered(OTHERWISE).collect().await;
    let took = began.elapsed();
    println!(
        "{count} orders: accepted in {accepted:.1?}, the slowest in {slowest:.1?}; ended in {took:.1?}, one every {:.1?}",
        took / u32::try_from(count).unwrap()
    );
    orders
}

/// How an order ended, and why.
fn outcome(order: &Value) -> (&str, &str) {
    (state(order), order["reason"]["code"].as_str().unwrap_or_default())
}

fn ids(orders: &[Value], wanted: &str) -> Vec<String> {
    let those = orders.iter().filter(|order| state(order) == wanted);
    those.map(|order| order["id"].as_str().unwrap().to_owned()).collect()
}

/// Staff send the parcels off, as soon as each is packed.
async fn dispatch_all(sam: &Shopper, orders: &[String]) {
    let sent = stream::iter(orders).map(async |id| {
        let shipment = format!("/api/shipping/v1/shipments/{id}");
        sam.see(&shipment, |shipment| shipment["state"] == "prepared").await.unwrap();
        sam.post(&format!("{shipment}/dispatch"), json!({})).await.unwrap().expect(200).unwrap();
    });
    sent.buffer_unordered(OTHERWISE).collect::<Vec<_>>().await;
}

async fn customers(suite: &Suite) -> Vec<Shopper> {
    vec![shopper(suite, "alice").await, shopper(suite, "bob").await, shopper(suite, "carol").await]
}

#[tokio::test]
async fn of_five_hundred_buyers_exactly_fifty_get_the_fifty_pieces_and_nobody_notices_the_others() {
    let suite = own_suite().await;
    let (sam, customers) = (shopper(&suite, "sam").await, customers(&suite).await);
    new_product(&sam, "VASE-RARE", PIECES).await;
    let buyers = buyers(&customers, &vec![Purchase::of("VASE-RARE"); BUYERS]).await;
    let orders = shelf::watching(&suite, &sam, &["VASE-RARE"], all_buy(buyers)).await;
    let outcomes = tally(orders.iter().map(outcome));
    assert_eq!(outcomes, [(("compensated", "out_of_stock"), 450), (("confirmed", ""), 50)].into());
    assert_eq!(shelf::level(&sam, "VASE-RARE").await.unwrap(), (PIECES, PIECES, 0));
    at_rest(&suite).await;
    let sold = ids(&orders, "confirmed");
    shelf::watching(&suite, &sam, &["VASE-RARE"], dispatch_all(&sam, &sold)).await;
    let path = "/api/inventory/v1/stock/VASE-RARE";
    sam.see(path, |stock| stock["on_hand"] == 0).await.unwrap();
    assert_eq!(shelf::level(&sam, "VASE-RARE").await.unwrap(), (0, 0, 0));
    at_rest(&suite).await;
    nobody_noticed(&suite).await;
}

#[tokio::test]
async fn two_products_bought_in_crossing_order_are_sold_out_without_a_deadlock() {
    let suite = own_suite().await;
    let (sam, customers) = (shopper(&suite, "sam").await, customers(&suite).await);
    let pair = ["BOOKEND-LEFT", "BOOKEND-RIGHT"];
    for sku in pair {
        new_product(&sam, sku, 40).await;
    }
    let basket = |nr: usize| {
        let (one, other) = (pair[nr % 2], pair[(nr + 1) % 2]);
        Purchase { lines: vec![(one.to_owned(), 1), (other.to_owned(), 1)], ..Purchase::default() }
    };
    let buyers = buyers(&customers, &(0..120).map(basket).collect::<Vec<_>>()).await;
    let orders = shelf::watching(&suite, &sam, &pair, all_buy(buyers)).await;
    let outcomes = tally(orders.iter().map(outcome));
    assert_eq!(outcomes, [(("compensated", "out_of_stock"), 80), (("confirmed", ""), 40)].into());
    for sku in pair {
        assert_eq!(shelf::level(&sam, sku).await.unwrap(), (40, 40, 0));
    }
    // Parcels with both leave while other orders for both are cancelled.
    let sold = ids(&orders, "confirmed");
    let (kept, cancelled) = sold.split_at(20);
    let cancel = async {
        for id in cancelled {
            let customer = orders.iter().find(|order| order["id"] == id.as_str()).unwrap()["customer_id"].clone();
            let nr = customer.as_str().unwrap().bytes().last().unwrap() - b'1';
            let path = format!("/api/order/v1/orders/{id}/cancellation");
            customers[usize::from(nr)].post(&path, json!({})).await.unwrap().expect(202).unwrap();
        }
    };
    shelf::watching(&suite, &sam, &pair, async { tokio::join!(cancel, dispatch_all(&sam, kept)) }).await;
    for sku in pair {
        let path = format!("/api/inventory/v1/stock/{sku}");
        sam.see(&path, |stock| stock["on_hand"] == 20 && stock["available"] == 20).await.unwrap();
    }
    at_rest(&suite).await;
    nobody_noticed(&suite).await;
}
