//! The stock of the demonstration, received once however often the service starts.

use contracts::{Sku, inventory::StockChanged, seed::PRODUCTS};
use database::Pool;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    db,
    domain::{Cause, Kind, Pieces, Reference},
    events,
};

/// The delivery note of the first delivery.
const NOTE: &str = "seed";

/// Receives every product of the demonstration that was not received before.
pub async fn seed(pool: &Pool, now: OffsetDateTime) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    for product in PRODUCTS {
        let sku = Sku::parse(product.sku)?;
        let is_new = db::insert_stock(&mut tx, &sku).await?;
        match Pieces::try_from(product.stock) {
            Ok(pieces) => receive_once(&mut tx, &sku, pieces, now).await?,
            // A product of which there is none is known all the same, and out of stock.
            Err(_) if is_new => announce_none(&mut tx, &sku, now).await?,
            Err(_) => {}
        }
    }
    tx.commit("seed stock").await?;
    Ok(())
}

async fn receive_once(db: &mut PgConnection, sku: &Sku, pieces: Pieces, now: OffsetDateTime) -> anyhow::Result<()> {
    let shelf = db::lock_stock(db, &[sku.as_str()]).await?;
    if db::find_by_reference(db, sku, Kind::Received, NOTE).await?.is_some() {
        return Ok(());
    }
    let changes: Vec<_> = shelf.iter().map(|stock| stock.receive(pieces)).collect();
    let receipt = Cause::Receipt { reference: Reference::try_from(NOTE.to_owned())? };
    db::save_changes(db, &changes, &receipt, NOTE, now).await?;
    events::announce_changes(db, &changes, now).await?;
    Ok(())
}

async fn announce_none(db: &mut PgConnection, sku: &Sku, now: OffsetDateTime) -> anyhow::Result<()> {
    if let Some(stock) = db::find_stock(db, sku).await? {
        messaging::announce(db, &StockChanged::from(&stock), now).await?;
    }
    Ok(())
}
