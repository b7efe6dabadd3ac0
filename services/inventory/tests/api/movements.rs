//! `/v1/stock/{sku}/receipts`, `/adjustments` and `/movements`.

use serde_json::{Value, json};
use testkit::Answer;

use crate::started::Inventory;

async fn receive(it: &Inventory, quantity: i64, reference: &str) -> Answer {
    let body = json!({"quantity": quantity, "reference": reference});
    it.client.post("/v1/stock/MUG-BLUE/receipts", &it.sam(), &body).await
}

async fn adjust(it: &Inventory, body: Value) -> Answer {
    it.client.post("/v1/stock/MUG-BLUE/adjustments", &it.sam(), &body).await
}

#[tokio::test]
async fn a_receipt_puts_a_new_product_on_the_shelf() {
    let it = Inventory::start().await;
    let movement = receive(&it, 24, "DN-1").await.expect(201).json();
    assert_eq!((&movement["kind"], &movement["quantity"]), (&json!("received"), &json!(24)));
    assert_eq!(movement["actor"], "01900000-0000-7000-8000-000000000011");
    assert_eq!(it.level("MUG-BLUE").await, (24, 0));
    it.end().await;
}

#[tokio::test]
async fn a_receipt_reported_twice_counts_once() {
    let it = Inventory::start().await;
    let first = receive(&it, 24, "DN-1").await.expect(201);
    let again = receive(&it, 24, "DN-1").await.expect(201);
    assert_eq!(first.json(), again.json());
    assert_eq!(it.level("MUG-BLUE").await, (24, 0));
    receive(&it, 24, "DN-2").await.expect(201);
    assert_eq!(it.level("MUG-BLUE").await, (48, 0));
    it.end().await;
}

#[tokio::test]
async fn a_receipt_reported_twenty_times_at_once_counts_once() {
    let it = Inventory::start().await;
    let answers = futures::future::join_all((0..20).map(|_| receive(&it, 5, "DN-1"))).await;
    let first = answers[0].clone().expect(201).json();
    assert!(answers.into_iter().all(|answer| answer.expect(201).json() == first));
    assert_eq!(it.level("MUG-BLUE").await, (5, 0));
    it.end().await;
}

#[tokio::test]
async fn another_receipt_with_the_same_reference_is_refused() {
    let it = Inventory::start().await;
    receive(&it, 24, "DN-1").await.expect(201);
    assert_eq!(receive(&it, 25, "DN-1").await.expect(409).code(), "conflicting_request");
    assert_eq!(it.level("MUG-BLUE").await, (24, 0));
    it.end().await;
}

#[tokio::test]
async fn the_same_reference_names_one_receipt_of_each_product() {
    let it = Inventory::start().await;
    receive(&it, 2, "DN-1").await.expect(201);
    let body = json!({"quantity": 3, "reference": "DN-1"});
    it.client.post("/v1/stock/MUG-GREEN/receipts", &it.sam(), &body).await.expect(201);
    assert_eq!((it.level("MUG-BLUE").await, it.level("MUG-GREEN").await), ((2, 0), (3, 0)));
    it.end().await;
}

#[tokio::test]
async fn an_adjustment_goes_up_and_down_and_says_why() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    let movement = adjust(&it, json!({"quantity": -3, "reason": "broken"})).await.expect(201).json();
    assert_eq!((&movement["quantity"], &movement["reason"]), (&json!(-3), &json!("broken")));
    adjust(&it, json!({"quantity": 1, "reason": "found"})).await.expect(201);
    assert_eq!(it.level("MUG-BLUE").await, (8, 0));
    it.end().await;
}

#[tokio::test]
async fn an_adjustment_with_a_reference_counts_once() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 3).await;
    let count = json!({"quantity": -3, "reason": "stolen", "reference": "COUNT-1"});
    let first = adjust(&it, count.clone()).await.expect(201).json();
    assert_eq!(adjust(&it, count.clone()).await.expect(201).json(), first);
    let other = json!({"quantity": -3, "reason": "eaten", "reference": "COUNT-1"});
    assert_eq!(adjust(&it, other).await.expect(409).code(), "conflicting_request");
    assert_eq!(it.level("MUG-BLUE").await, (0, 0));
    it.end().await;
}

#[tokio::test]
async fn what_is_reserved_cannot_be_counted_away() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    it.reserved(&[("MUG-BLUE", 4)]).await;
    let problem = adjust(&it, json!({"quantity": -7, "reason": "broken"})).await.expect(409).json();
    assert_eq!(problem["code"], "below_reserved");
    assert_eq!((&problem["on_hand"], &problem["reserved"], &problem["taken"]), (&json!(10), &json!(4), &json!(7)));
    adjust(&it, json!({"quantity": -6, "reason": "broken"})).await.expect(201);
    assert_eq!(it.level("MUG-BLUE").await, (4, 4));
    it.end().await;
}

#[tokio::test]
async fn a_product_that_was_never_received_cannot_be_adjusted() {
    let it = Inventory::start().await;
    let answer = adjust(&it, json!({"quantity": 1, "reason": "found"})).await.expect(404);
    assert_eq!(answer.code(), "stock_not_found");
    it.end().await;
}

#[tokio::test]
async fn movements_are_listed_latest_first_in_pages() {
    let it = Inventory::start().await;
    for quantity in 1..=5 {
        it.receive("MUG-BLUE", quantity).await;
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/stock/MUG-BLUE/movements?limit=2{after}");
        let page = it.client.get(&path, &it.sam()).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|movement| movement["quantity"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    it.end().await;
}

#[tokio::test]
async fn the_database_refuses_to_rewrite_movements() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    let mut db = it.database.connect().await;
    for sql in ["update movement set quantity = 2", "delete from movement", "truncate movement"] {
        let refused = sqlx::raw_sql(sql).execute(&mut db).await.map_err(database::Error::from).unwrap_err();
        assert_eq!(refused.constraint(), Some("movement_append_only"), "{sql}: {refused}");
    }
    it.end().await;
}

#[tokio::test]
async fn the_database_refuses_impossible_stock() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 1).await;
    let mut db = it.database.connect().await;
    for (sql, constraint) in [
        ("update stock set on_hand = -1, reserved = -1", "stock_on_hand_not_negative"),
        ("update stock set reserved = -1", "stock_reserved_not_negative"),
        ("update stock set reserved = 2", "stock_reserved_within_on_hand"),
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut db).await.map_err(database::Error::from).unwrap_err();
        assert_eq!(refused.constraint(), Some(constraint), "{sql}: {refused}");
    }
    it.end().await;
}
