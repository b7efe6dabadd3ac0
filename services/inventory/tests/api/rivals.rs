//! What happens when many want the same at once.

use contracts::OrderId;
use futures::future::join_all;

use crate::started::Inventory;

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_buyers_at_once_exactly_ten_get_the_ten_pieces() {
    let it = Inventory::start().await;
    it.receive("LAMP-ARC", 10).await;
    let answers = join_all((0..50).map(|_| it.reserve(OrderId::generate(), &[("LAMP-ARC", 1)]))).await;
    let (got, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((got.len(), refused.len()), (10, 40));
    assert!(refused.iter().all(|answer| answer.code() == "out_of_stock"));
    assert_eq!(it.level("LAMP-ARC").await, (10, 10));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reservations_that_cross_in_opposite_order_do_not_deadlock() {
    let it = Inventory::start().await;
    let skus: Vec<String> = (10..18).map(|n| format!("SKU-{n}")).collect();
    for sku in &skus {
        it.receive(sku, 1000).await;
    }
    let forth: Vec<_> = skus.iter().map(|sku| (sku.as_str(), 1)).collect();
    let back: Vec<_> = forth.iter().rev().copied().collect();
    let orders = (0..24).map(|n| it.reserve(OrderId::generate(), if n % 2 == 0 { &forth } else { &back }));
    let answers = join_all(orders).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(it.level("SKU-10").await, (1000, 24));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_asked_twenty_times_at_once_reserves_once() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 100).await;
    let order = OrderId::generate();
    let answers = join_all((0..20).map(|_| it.reserve(order, &[("MUG-BLUE", 2)]))).await;
    let first = answers[0].json();
    assert!(answers.into_iter().all(|answer| answer.expect(200).json() == first));
    assert_eq!(it.level("MUG-BLUE").await, (100, 2));
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_beside_its_reservation_leaves_nothing_reserved() {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 100).await;
    for _ in 0..25 {
        let order = OrderId::generate();
        let (asked, released) = tokio::join!(it.reserve(order, &[("MUG-BLUE", 2)]), it.release(order));
        released.expect(204);
        assert!(asked.status == 200 || asked.code() == "reservation_released", "{asked:?}");
        assert_eq!(it.state(order).await, "released");
        assert_eq!(it.level("MUG-BLUE").await, (100, 0));
    }
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_add_up_after_a_day_of_everything_at_once() {
    let it = Inventory::start().await;
    it.receive("AAA", 20).await;
    it.receive("BBB", 20).await;
    let day = (0..60).map(|n| {
        let it = &it;
        async move {
            let order = OrderId::generate();
            let lines = if n % 2 == 0 { [("AAA", 1), ("BBB", 2)] } else { [("BBB", 1), ("AAA", 2)] };
            let reserved = it.reserve(order, &lines).await.status == 200;
            if n % 3 == 0 {
                it.release(order).await.expect(204);
            }
            if n % 10 == 0 {
                it.receive("AAA", 1).await;
            }
            it.assert_invariants().await;
            reserved && n % 3 != 0
        }
    });
    let live = join_all(day).await.into_iter().filter(|live| *live).count();
    assert_eq!(it.number("select count(*) from reservation where state = 'held'").await, i64::try_from(live).unwrap());
    it.end().await;
}
