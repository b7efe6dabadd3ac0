//! The life of a process beside its requests: it starts, on an empty database too, stops, and meets events it cannot use.

use anyhow::{Context, Result, ensure};
use contracts::{Event, OrderId, inventory::StockChanged, shipping::ShipmentDispatched};
use e2e::patiently;
use serde_json::{Value, json};
use sqlx::Connection;
use uuid::Uuid;

use super::{
    orders::buys,
    stage::{Stage, insist},
};

/// Dies while it starts or right after, and starts again.
pub async fn starts_again(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    stage.risen().await
}

/// Dies while it fills an empty database, and starts again on what it left. It must come up whole.
pub async fn starts_on_an_empty_database(stage: &Stage<'_>) -> Result<()> {
    let (suite, process) = (&stage.world.suite, stage.case.process);
    let name = format!("{process}_{}", Uuid::now_v7().simple());
    let url = suite.postgres().access().create_service_database(&name, &name).await?;
    stage.arm_with(&[("DATABASE_URL", url.clone())]).await?;
    stage.risen().await?;
    let planted = match process {
        "store" => {
            "select (select count(*) from product) + (select count(*) from category) + (select count(*) from picture)"
        }
        "inventory" => "select count(*) from movement where reference = 'seed'",
        "accounting" => {
            "select count(*) from customer_account where customer_id = '01900000-0000-7000-8000-000000000001'"
        }
        "auth" => {
            "select (select count(*) from client) + (select count(*) from end_user) + (select count(*) from signing_key)"
        }
        _ => "select count(*) from messaging.relay_lease",
    };
    let mut fresh = sqlx::PgConnection::connect(&url).await?;
    let there: i64 = sqlx::query_scalar(planted).fetch_one(&mut fresh).await?;
    let wanted: i64 = sqlx::query_scalar(planted).fetch_one(&mut stage.world.connect(process).await?).await?;
    ensure!(there == wanted && wanted > 0, "{there} of {wanted}");
    suite.start_with(process, &[])?;
    suite.ready(process).await
}

/// SIGTERM, and it dies on the way out.
pub async fn stops(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    stage.world.suite.terminate(stage.case.process)?;
    stage.risen().await
}

/// It had accepted an order and died: with the order left over it starts, and dies again.
pub async fn finds_what_was_left_over(stage: &Stage<'_>) -> Result<()> {
    buys(stage).await
}

/// An event of an order that nobody has heard of ends as one dead letter.
pub async fn hears_of_an_unknown_order(stage: &Stage<'_>) -> Result<()> {
    let world = stage.world;
    let id = OrderId::generate();
    let event = json!({
        "specversion": "1.0", "id": Uuid::now_v7(), "source": "/shipping", "type": ShipmentDispatched::TYPE,
        "subject": id, "time": "2026-01-01T00:00:00Z", "datacontenttype": "application/json",
        "data": {"order_id": id, "tracking_number": "RS0000000000", "dispatched_at": "2026-01-01T00:00:00Z"},
    });
    stage.arm().await?;
    let nats = async_nats::connect(world.suite.nats().url()).await?;
    let jetstream = async_nats::jetstream::new(nats);
    jetstream.publish(ShipmentDispatched::TYPE, event.to_string().into()).await?.await?;
    let of_it = |letters: &Value| {
        let letters = letters["items"].as_array().into_iter().flatten();
        letters.filter(|it| it["error"].to_string().contains(&id.to_string())).count()
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
