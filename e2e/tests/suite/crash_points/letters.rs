//! Events that a process cannot use, and what operators do about them.

use anyhow::{Context, Result, ensure};
use contracts::{Event, OrderId, inventory::StockChanged, shipping::ShipmentDispatched};
use e2e::patiently;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::{Stage, insist};

/// An event of an order that nobody has heard of ends as one dead letter.
pub async fn hears_of_an_unknown_order(stage: &Stage<'_>) -> Result<()> {
    let id = OrderId::generate();
    let event = json!({
        "specversion": "1.0", "id": Uuid::now_v7(), "source": "/shipping", "type": ShipmentDispatched::TYPE,
        "subject": id, "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json",
        "data": {"order_id": id, "tracking_number": "RS0000000000", "dispatched_at": "2026-01-01T00:00:00Z"},
    });
    ends_as_one_letter(stage, &event, &id.to_string()).await
}

/// So does a message that is no event.
pub async fn hears_nonsense(stage: &Stage<'_>) -> Result<()> {
    let kind = format!("nonsense.{}", Uuid::now_v7());
    ends_as_one_letter(stage, &json!({"type": kind}), &kind).await
}

async fn ends_as_one_letter(stage: &Stage<'_>, event: &Value, mark: &str) -> Result<()> {
    let world = stage.world;
    stage.arm().await?;
    let nats = registry::connect(async_nats::ConnectOptions::new(), &world.suite.nats().url()).await?;
    let jetstream = async_nats::jetstream::new(nats);
    jetstream.publish(ShipmentDispatched::TYPE, event.to_string().into()).await?.await?;
    let of_it = |letters: &Value| {
        let letters = letters["items"].as_array().into_iter().flatten();
        letters.filter(|it| it["error"].to_string().contains(mark)).count()
    };
    let path = "/api/order/v1/dead-letters?limit=100";
    world.olga.see(path, |letters| of_it(letters) > 0).await?;
    stage.risen().await?;
    // What was delivered again meanwhile has been acknowledged, by inventory as well, which cannot use it either.
    let shipping = jetstream.get_stream("shipping").await?;
    patiently(async || {
        for consumer in ["order-shipping-shipment-dispatched-v1", "inventory-shipping-shipment-dispatched-v1"] {
            let info = shipping.consumer_info(consumer).await?;
            ensure!(info.num_ack_pending == 0 && info.num_pending == 0, "{consumer} has not acknowledged");
        }
        Ok(())
    })
    .await?;
    let letters = insist(async || world.olga.get(path).await).await?.expect(200)?.body;
    for service in ["order", "inventory"] {
        world.execute(service, "delete from messaging.dead_letter").await?;
    }
    ensure!(of_it(&letters) == 1, "not one letter: {letters:#}");
    Ok(())
}

/// A dead letter is redriven by an operator, once.
pub async fn redrives_a_dead_letter(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    let (letter, event) = (Uuid::now_v7(), Uuid::now_v7());
    // The stock of a product nobody else sells, as told by an event that is older than any other.
    let sku = format!("X-{}", &event.simple().to_string()[20..]).to_uppercase();
    let body = json!({
        "specversion": "1.0", "id": event, "source": "/inventory", "type": StockChanged::TYPE, "subject": sku,
        "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json",
        "data": {"sku": sku, "on_hand": 0, "reserved": 0, "available": 0, "version": 1},
    });
    let insert = format!(
        "insert into messaging.dead_letter (id, consumer, subject, body, error, deliveries) values
         ('{letter}', 'store-inventory-stock-changed-v1', '{}', convert_to('{body}', 'UTF8'), 'for this test', 6)",
        StockChanged::TYPE
    );
    world.execute("store", &insert).await?;
    stage.arm().await?;
    let path = format!("/api/store/v1/dead-letters/{letter}/redrive");
    let answer = insist(async || world.olga.post(&path, json!({})).await).await?;
    let done = answer.status == 200 || answer.body["code"] == "already_redriven";
    ensure!(done, "{} {}", answer.status, answer.body);
    let shown = insist(async || world.olga.get(&format!("/api/store/v1/dead-letters/{letter}")).await).await?;
    let by = shown.expect(200)?.body["redriven_by"].as_str().context("not redriven")?.to_owned();
    let taken: i64 = sqlx::query_scalar("select count(*) from availability where sku = $1")
        .bind(&sku)
        .fetch_one(&mut world.connect("store").await?)
        .await?;
    world.execute("store", &format!("delete from availability where sku = '{sku}'")).await?;
    ensure!(taken == 1 && !by.is_empty(), "{taken} effects, redriven by {by}");
    Ok(())
}

/// A redrive fails and is recorded as that; then the letter is discarded, once.
pub async fn gives_a_dead_letter_up(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    let letter = Uuid::now_v7();
    let insert = format!(
        "insert into messaging.dead_letter (id, consumer, subject, body, error, deliveries) values
         ('{letter}', 'store-inventory-stock-changed-v1', '{}', 'nonsense {letter}', 'for this test', 6)",
        StockChanged::TYPE
    );
    world.execute("store", &insert).await?;
    stage.arm().await?;
    let path = format!("/api/store/v1/dead-letters/{letter}");
    let failed = insist(async || world.olga.post(&format!("{path}/redrive"), json!({})).await).await?.expect(409)?;
    ensure!(failed.body["code"] == "redrive_failed", "{}", failed.body);
    let reason = json!({"reason": "made up for this test"});
    let gone = insist(async || world.olga.post(&format!("{path}/discard"), reason.clone()).await).await?;
    ensure!(gone.status == 200 || gone.body["code"] == "already_discarded", "{} {}", gone.status, gone.body);
    let actions = format!("/api/store/v1/dead-letter-actions?dead_letter={letter}");
    let actions = insist(async || world.olga.get(&actions).await).await?.expect(200)?.body;
    let count = |outcome: &str| {
        let all = actions["items"].as_array().into_iter().flatten();
        all.filter(|action| action["outcome"] == outcome).count()
    };
    ensure!(count("failed") > 0 && count("discarded") == 1, "{actions:#}");
    Ok(())
}
