//! The life of a process beside its requests: it starts, on an empty database too, and stops.

use anyhow::{Result, ensure};
use sqlx::Connection;
use uuid::Uuid;

use super::{orders::buys, stage::Stage};

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
            // Not what came later: other cases register clients and rotate keys.
            "select (select count(*) from client where client_id in ('gateway', 'order', 'swagger', 'demo', 'reporting'))
                 + (select count(*) from end_user) + (select count(*) from (select from signing_key limit 1) as any_key)"
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
