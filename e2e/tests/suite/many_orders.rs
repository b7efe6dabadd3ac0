//! Many orders at a time, a third of them refused somewhere: all end, and all invariants hold.

use e2e::{Purchase, invariants, patiently};
use futures::{StreamExt, stream};

use crate::setting::{databases, own_suite, shopper, state};

const ORDERS: usize = 200;
const AT_A_TIME: usize = 16;

/// Two thirds go through, the rest is refused at one of the steps that can be.
fn purchase(nr: usize) -> Purchase {
    let good = Purchase::of(["MUG-BLUE", "MUG-GREEN", "NOTEBOOK-DOT"][nr % 3]);
    match nr % 15 {
        2 => Purchase::of("CLOCK-SUN"),
        5 => good.paid_with("tok_declined"),
        8 => Purchase { shipping_price: Some(490), ..good.to("AQ") },
        11 => good.paid_with("tok_capture_declined"),
        14 => Purchase { lines: vec![], shipping_price: Some(490), ..Purchase::default() },
        _ => good,
    }
}

#[tokio::test]
async fn many_orders_at_a_time_all_end_and_every_invariant_holds() {
    let suite = own_suite().await;
    let alice = shopper(&suite, "alice").await;
    let began = std::time::Instant::now();
    let orders =
        stream::iter(0..ORDERS).map(async |nr| (nr, alice.buy(&purchase(nr)).await)).buffer_unordered(AT_A_TIME);
    let orders: Vec<_> = orders.collect().await;
    println!("{ORDERS} orders, {AT_A_TIME} at a time, ended in {:.1?}", began.elapsed());
    for (nr, order) in orders {
        let order = order.unwrap_or_else(|error| panic!("order {nr}: {error:#}"));
        let expected = if nr % 3 == 2 { "compensated" } else { "confirmed" };
        assert_eq!(state(&order), expected, "order {nr}: {order:#}");
    }
    let databases = databases(&suite);
    assert_eq!(invariants::inside(&databases).await.unwrap(), Vec::<String>::new());
    let at_rest = patiently(async || {
        let found = invariants::between(&databases).await?;
        anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    });
    at_rest.await.unwrap();
}
