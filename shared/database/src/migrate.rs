//! Forward-only migrations, run at start under sqlx's advisory lock so that several instances may start at once.

use std::time::Duration;

use sqlx::{Connection, PgConnection, migrate::Migrator};
use tokio::time::{Instant, sleep};

use crate::{error::Result, settings::Settings};

/// How long a starting service waits for its database to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Brings the schema up to date, waiting up to 30 s for the database to answer.
pub async fn migrate(settings: &Settings, migrators: &[&Migrator]) -> Result<()> {
    let mut connection = connect(settings).await?;
    for migrator in migrators {
        migrator.run_direct(None, &mut connection, false).await?;
    }
    connection.close().await?;
    Ok(())
}

async fn connect(settings: &Settings) -> Result<PgConnection> {
    let options = settings.options()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match PgConnection::connect_with(&options).await.map_err(crate::Error::from) {
            Err(error) if error.unavailable() && Instant::now() < deadline => {
                tracing::info!(%error, "waiting for the database");
                sleep(Duration::from_millis(250)).await;
            }
            outcome => return outcome,
        }
    }
}
