//! Forward-only migrations, run at start under sqlx's advisory lock so that several instances may start at once.

use std::time::Duration;

use crash::{Moment, Point};
use sqlx::{Connection, PgConnection, migrate::Migrator};
use tokio::time::{Instant, sleep};

use crate::{error::Result, login::log_in, patience::within, settings::Settings};

/// How long a starting service waits for its database to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Brings the schema up to date, waiting up to 30 s for the database to answer.
///
/// A schema that is newer than this program is taken as it is: during an upgrade, and after one that is taken back, the
/// older program runs on what the newer one has added. That it can is up to the migrations, which only add.
pub async fn migrate(settings: &Settings, migrators: &[&Migrator]) -> Result<()> {
    let mut connection = connect(settings).await?;
    let point = Point::new("migrate");
    point.reached(Moment::Before);
    for migrator in migrators {
        forgiving(migrator).run_direct(None, &mut connection, false).await?;
    }
    point.reached(Moment::After);
    connection.close().await?;
    Ok(())
}

/// The same migrations, to which others that were applied do not matter. What this program knows must be as it knows it.
fn forgiving(migrator: &Migrator) -> Migrator {
    Migrator {
        migrations: migrator.migrations.clone(),
        ignore_missing: true,
        locking: migrator.locking,
        no_tx: migrator.no_tx,
        table_name: migrator.table_name.clone(),
        create_schemas: migrator.create_schemas.clone(),
    }
}

async fn connect(settings: &Settings) -> Result<PgConnection> {
    let options = settings.options()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let connected = within(async { Ok::<_, crate::Error>(log_in(&options).await?) });
        match connected.await {
            Err(error) if error.unavailable() && Instant::now() < deadline => {
                tracing::info!(%error, "waiting for the database");
                sleep(Duration::from_millis(250)).await;
            }
            outcome => return outcome,
        }
    }
}
