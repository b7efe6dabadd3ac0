//! The stock of the demonstration.

use contracts::seed::PRODUCTS;
use inventory::{MIGRATOR, config::Seed};
use testkit::Clock;

use crate::started::Inventory;

#[tokio::test]
async fn the_demonstration_is_received_once_however_often_the_service_starts() {
    let database = testkit::postgres::database(&[&MIGRATOR]).await;
    let it = Inventory::on(database, Some(Seed::Demo)).await;
    inventory::seed::seed(&it.database.pool().await, Clock::system().now()).await.unwrap();
    for product in PRODUCTS {
        assert_eq!(it.level(product.sku).await, (product.stock, 0), "{}", product.sku);
    }
    let delivered = PRODUCTS.iter().filter(|product| product.stock > 0).count();
    assert_eq!(it.number("select count(*) from movement").await, i64::try_from(delivered).unwrap());
    it.end().await;
}

#[tokio::test]
async fn a_product_of_which_there_is_none_is_known_and_out_of_stock() {
    let database = testkit::postgres::database(&[&MIGRATOR]).await;
    let it = Inventory::on(database, Some(Seed::Demo)).await;
    let answer = it.reserve(contracts::OrderId::generate(), &[("CLOCK-SUN", 1)]).await.expect(409);
    assert_eq!(answer.code(), "out_of_stock");
    it.end().await;
}

#[tokio::test]
async fn every_product_of_the_demonstration_is_announced_also_one_of_which_there_is_none() {
    let database = testkit::postgres::database(&[&MIGRATOR]).await;
    let it = Inventory::on(database, Some(Seed::Demo)).await;
    inventory::seed::seed(&it.database.pool().await, Clock::system().now()).await.unwrap();
    let announced = "select count(*) from messaging.outbox where subject = 'inventory.stock.changed.v1'";
    assert_eq!(it.number(announced).await, i64::try_from(PRODUCTS.len()).unwrap());
    let of_none = format!("{announced} and aggregate = 'CLOCK-SUN' and body->'data'->>'available' = '0'");
    assert_eq!(it.number(&of_none).await, 1);
    it.end().await;
}
