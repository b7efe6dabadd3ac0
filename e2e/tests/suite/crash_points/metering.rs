//! Calls are counted at the gateway and added up by accounting, whoever dies on the way.

use anyhow::{Result, ensure};
use contracts::{Event, gateway::CallsMetered};
use e2e::patiently;
use serde_json::json;
use uuid::Uuid;

use super::stage::{Stage, insist};

/// Who counts calls dies on the way to the books, and is there again.
pub async fn is_called(stage: &Stage<'_>) -> Result<()> {
    let call =
        async || insist(async || stage.world.alice.get("/api/store/v1/products?limit=1").await).await?.expect(200);
    stage.arm().await?;
    call().await?;
    stage.risen().await?;
    call().await?;
    Ok(())
}

/// Calls were counted elsewhere: they are added once.
pub async fn is_told_of_calls(stage: &Stage<'_>) -> Result<()> {
    let (world, client) = (stage.world, Uuid::now_v7());
    let event = json!({
        "specversion": "1.0", "id": Uuid::now_v7(), "source": "/gateway", "type": CallsMetered::TYPE,
        "subject": client, "time": "2026-01-01T00:00:05Z", "datacontenttype": "application/json",
        "data": {
            "client_id": client, "plan": "partner", "gateway": Uuid::now_v7(), "since": "2026-01-01T00:00:00Z",
            "until": "2026-01-01T00:00:05Z", "calls": [{"route": "/api/store/v1/", "status": 200, "count": 7}],
        },
    });
    stage.arm().await?;
    let jetstream = async_nats::jetstream::new(
        registry::connect(async_nats::ConnectOptions::new(), &world.suite.nats().url()).await?,
    );
    jetstream.publish(CallsMetered::TYPE, event.to_string().into()).await?.await?;
    stage.risen().await?;
    let stream = jetstream.get_stream("gateway").await?;
    patiently(async || {
        let info = stream.consumer_info("accounting-gateway-calls-metered-v1").await?;
        ensure!(info.num_ack_pending == 0 && info.num_pending == 0, "not all are acknowledged");
        Ok(())
    })
    .await?;
    let path = format!("/api/accounting/v1/usage-statements?month=2026-01&client_id={client}");
    let found = insist(async || world.sam.get(&path).await).await?.expect(200)?.body;
    world.execute("accounting", &format!("delete from usage_total where client_id = '{client}'")).await?;
    ensure!(found["items"][0]["calls"] == 7, "{found:#}");
    Ok(())
}
