//! An operator who reconciles services of which one was put back to an earlier moment.

use anyhow::{Result, ensure};
use e2e::{Shopper, client_token, patiently, reconciliation};
use serde_json::{Value, json};

use super::{
    orders::confirmed,
    stage::{Stage, insist},
};

/// Repairs until nobody disagrees about anything.
async fn reconcile(stage: &Stage<'_>) -> Result<()> {
    let wanted = json!({"repair": true, "orphans": "name", "settled_for_seconds": 0});
    patiently(async || {
        let found = reconciliation::reconcile(&stage.world.olga, &wanted).await?;
        let shown: String = found.disputed.iter().map(reconciliation::print).collect();
        ensure!(shown.is_empty(), "disputed:\n{shown}");
        Ok(())
    })
    .await
}

async fn has_left(stage: &Stage<'_>, id: &str) -> Result<()> {
    stage.world.alice.until(id, |state| state == "dispatched").await?;
    let reservation = format!("/api/inventory/v1/reservations/{id}");
    stage.world.sam.see(&reservation, |it| it["state"] == "shipped").await?;
    Ok(())
}

/// The parcel has left, and nobody was told.
pub async fn is_told_what_it_missed(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    stage.dispatch_untold(&id).await?;
    stage.arm().await?;
    reconcile(stage).await?;
    has_left(stage, &id).await
}

/// Shipping has forgotten a parcel that left.
pub async fn gives_a_parcel_back(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    let dispatch = format!("/api/shipping/v1/shipments/{id}/dispatch");
    stage.world.sam.post(&dispatch, json!({})).await?.expect(200)?;
    has_left(stage, &id).await?;
    let forget = format!(
        "alter table tracking_event disable trigger user;
         delete from tracking_event where order_id = '{id}'; delete from shipment where order_id = '{id}';
         alter table tracking_event enable trigger user"
    );
    stage.world.execute("shipping", &forget).await?;
    stage.arm().await?;
    reconcile(stage).await?;
    let shipment = format!("/api/shipping/v1/shipments/{id}");
    stage.world.sam.see(&shipment, |it: &Value| it["state"] == "dispatched").await?;
    Ok(())
}

/// What is announced again is known already, and changes nothing.
pub async fn announces_again(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    let sam = &stage.world.sam;
    sam.post(&format!("/api/shipping/v1/shipments/{id}/dispatch"), json!({})).await?.expect(200)?;
    has_left(stage, &id).await?;
    let suite = &stage.world.suite;
    let token = client_token(suite.public_url(), "order", &suite.secrets().order_client).await?;
    let machine = Shopper::with_token(suite.public_url(), &token)?;
    stage.arm().await?;
    let path = format!("/api/shipping/v1/shipments/{id}/announcement");
    insist(async || machine.post(&path, json!({})).await).await?.expect(200)?;
    has_left(stage, &id).await
}
