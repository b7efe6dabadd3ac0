//! The stock of the demonstration, received once however often the service starts.

use contracts::{Sku, seed::PRODUCTS};
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
        db::insert_stock(&mut tx, &sku).await?;
        // A product of which there is none is known all the same, and out of stock.
        if let Ok(pieces) = Pieces::try_from(product.stock) {
            receive_once(&mut tx, &sku, pieces, now).await?;
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
