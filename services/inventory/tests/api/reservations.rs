//! `/v1/reservations` and `/v1/reservations/{order_id}`.

use contracts::OrderId;
use serde_json::{Value, json};

use crate::started::Inventory;

#[tokio::test]
async fn an_order_reserves_all_its_lines() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    it.receive("BOWL-ASH", 5).await;
    let order = OrderId::generate();
    let reservation = it.reserve(order, &[("MUG-BLUE", 2), ("BOWL-ASH", 5)]).await.expect(200).json();
    assert_eq!((&reservation["state"], &reservation["reserved_by"]), (&json!("held"), &json!("client:order")));
    let by_sku = json!([{"sku": "BOWL-ASH", "quantity": 5}, {"sku": "MUG-BLUE", "quantity": 2}]);
    assert_eq!(reservation["lines"], by_sku);
    assert_eq!((it.level("MUG-BLUE").await, it.level("BOWL-ASH").await), ((10, 2), (5, 5)));
    assert_eq!(it.reservation(order).await.expect(200).json(), reservation);
    it.end().await;
}

#[tokio::test]
async fn a_reservation_is_refused_when_stock_is_short() {
    let it = Inventory::start().await;
    it.receive("LAMP-ARC", 2).await;
    it.reserved(&[("LAMP-ARC", 1)]).await;
    let order = OrderId::generate();
    let problem = it.reserve(order, &[("LAMP-ARC", 2)]).await.expect(409).json();
    assert_eq!(problem["code"], "out_of_stock");
    assert_eq!((&problem["sku"], &problem["wanted"], &problem["left"]), (&json!("LAMP-ARC"), &json!(2), &json!(1)));
    it.reservation(order).await.expect(404);
    it.end().await;
}

#[tokio::test]
async fn nothing_is_reserved_when_one_of_many_lines_is_short() {
    let it = Inventory::start().await;
    for sku in ["AAA", "BBB", "DDD"] {
        it.receive(sku, 10).await;
    }
    it.receive("CCC", 1).await;
    let order = OrderId::generate();
    let problem = it.reserve(order, &[("AAA", 1), ("BBB", 1), ("CCC", 2), ("DDD", 1)]).await.expect(409).json();
    assert_eq!((&problem["code"], &problem["sku"]), (&json!("out_of_stock"), &json!("CCC")));
    for (sku, on_hand) in [("AAA", 10), ("BBB", 10), ("CCC", 1), ("DDD", 10)] {
        assert_eq!(it.level(sku).await, (on_hand, 0), "{sku}");
    }
    it.end().await;
}

#[tokio::test]
async fn a_refused_order_may_ask_again_when_goods_have_come() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    let order = OrderId::generate();
    it.reserve(order, &[("MUG-BLUE", 2)]).await.expect(409);
    it.receive("MUG-BLUE", 1).await;
    it.reserve(order, &[("MUG-BLUE", 2)]).await.expect(200);
    it.end().await;
}

#[tokio::test]
async fn a_product_that_was_never_received_is_unknown() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    let problem = it.reserve(OrderId::generate(), &[("MUG-BLUE", 1), ("MUG-RED", 1)]).await.expect(422).json();
    assert_eq!((&problem["code"], &problem["sku"]), (&json!("unknown_sku"), &json!("MUG-RED")));
    assert_eq!(it.level("MUG-BLUE").await, (1, 0));
    it.end().await;
}

#[tokio::test]
async fn the_same_request_again_has_the_same_answer_and_one_effect() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    it.receive("BOWL-ASH", 10).await;
    let order = OrderId::generate();
    let first = it.reserve(order, &[("MUG-BLUE", 2), ("BOWL-ASH", 1)]).await.expect(200).json();
    let again = it.reserve(order, &[("BOWL-ASH", 1), ("MUG-BLUE", 2)]).await.expect(200).json();
    assert_eq!(first, again);
    assert_eq!((it.level("MUG-BLUE").await, it.level("BOWL-ASH").await), ((10, 2), (10, 1)));
    it.end().await;
}

#[tokio::test]
async fn another_request_for_the_same_order_is_refused() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    assert_eq!(it.reserve(order, &[("MUG-BLUE", 3)]).await.expect(409).code(), "conflicting_request");
    assert_eq!(it.level("MUG-BLUE").await, (10, 2));
    it.end().await;
}

#[tokio::test]
async fn a_release_puts_everything_back() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    it.receive("BOWL-ASH", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2), ("BOWL-ASH", 1)]).await;
    it.release(order).await.expect(204);
    assert_eq!(it.state(order).await, "released");
    assert_eq!((it.level("MUG-BLUE").await, it.level("BOWL-ASH").await), ((10, 0), (10, 0)));
    it.end().await;
}

#[tokio::test]
async fn a_second_release_changes_nothing() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    it.reserved(&[("MUG-BLUE", 5)]).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.release(order).await.expect(204);
    it.release(order).await.expect(204);
    assert_eq!(it.level("MUG-BLUE").await, (10, 5));
    it.end().await;
}

#[tokio::test]
async fn what_was_released_is_not_reserved_again() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = it.reserved(&[("MUG-BLUE", 2)]).await;
    it.release(order).await.expect(204);
    assert_eq!(it.reserve(order, &[("MUG-BLUE", 2)]).await.expect(409).code(), "reservation_released");
    assert_eq!(it.level("MUG-BLUE").await, (10, 0));
    it.end().await;
}

#[tokio::test]
async fn a_release_that_overtakes_its_reservation_is_remembered() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let order = OrderId::generate();
    it.release(order).await.expect(204);
    assert_eq!(it.reserve(order, &[("MUG-BLUE", 2)]).await.expect(409).code(), "reservation_released");
    assert_eq!(it.level("MUG-BLUE").await, (10, 0));
    assert_eq!(it.movements("MUG-BLUE").await, [("received".to_owned(), 10)]);
    let tombstone = it.reservation(order).await.expect(200).json();
    assert_eq!((&tombstone["state"], &tombstone["lines"]), (&json!("released"), &json!([])));
    it.end().await;
}

#[tokio::test]
async fn a_reservation_that_was_refused_and_released_is_refused_for_good() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    let order = OrderId::generate();
    assert_eq!(it.reserve(order, &[("MUG-BLUE", 2)]).await.expect(409).code(), "out_of_stock");
    it.release(order).await.expect(204);
    it.receive("MUG-BLUE", 1).await;
    assert_eq!(it.reserve(order, &[("MUG-BLUE", 2)]).await.expect(409).code(), "reservation_released");
    assert_eq!(it.level("MUG-BLUE").await, (2, 0));
    it.end().await;
}

#[tokio::test]
async fn reservations_are_listed_by_state_youngest_order_first() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(it.reserved(&[("MUG-BLUE", 1)]).await);
    }
    it.release(orders[1]).await.expect(204);
    let ids = |page: &Value| {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|it| it["order_id"].as_str().unwrap().parse().unwrap()).collect::<Vec<OrderId>>()
    };
    let held = it.client.get("/v1/reservations?state=held&limit=2", &it.sam()).await.expect(200).json();
    assert_eq!(ids(&held), [orders[3], orders[2]]);
    let next = held["next"].as_str().unwrap();
    let rest = it.client.get(&format!("/v1/reservations?state=held&limit=2&after={next}"), &it.sam()).await;
    assert_eq!(ids(&rest.expect(200).json()), [orders[0]]);
    let all = it.client.get("/v1/reservations", &it.sam()).await.expect(200).json();
    assert_eq!(ids(&all), [orders[3], orders[2], orders[1], orders[0]]);
    it.end().await;
}
