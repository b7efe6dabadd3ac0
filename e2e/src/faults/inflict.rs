//! Breaks things at their time and heals them, and in the end everything.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use launch::{link::Way, suite::Suite};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::plan::{Fault, Planned};

/// How long everything may take until it is ready again.
const PATIENCE: Duration = Duration::from_mins(2);

/// Inflicts all that is planned; answers when the last is healed.
pub async fn all(suite: &Arc<Suite>, planned: &[Planned]) -> Result<()> {
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for one in planned.iter().cloned() {
        let suite = suite.clone();
        tasks.spawn(async move {
            sleep_until(begin + one.at).await;
            inflict(&suite, &one.fault).await?;
            sleep(one.lasts).await;
            heal(&suite, &one.fault).await
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

/// Breaks it.
pub async fn inflict(suite: &Suite, fault: &Fault) -> Result<()> {
    match fault {
        Fault::Kill(id) => suite.kill(id)?,
        Fault::Freeze(id) => suite.pause(id)?,
        Fault::RestartPostgres => suite.postgres().restart(true).await?,
        Fault::KillPostgres => suite.postgres().kill(),
        Fault::KillNats => suite.nats().kill(),
        Fault::FreezeNats => suite.nats().pause(),
        Fault::Link(from, to, way) => suite.set_way(from, to, *way)?,
        Fault::Clock(id, ahead) => suite.set_clock(id, *ahead)?,
    }
    Ok(())
}

/// Undoes it. A process that is started is not waited for.
pub async fn heal(suite: &Suite, fault: &Fault) -> Result<()> {
    match fault {
        Fault::Kill(id) => suite.start_again(id)?,
        Fault::Freeze(id) => suite.resume(id)?,
        Fault::RestartPostgres => {}
        Fault::KillPostgres => suite.postgres().restart(true).await?,
        Fault::KillNats => suite.nats().restart().await?,
        Fault::FreezeNats => suite.nats().resume(),
        Fault::Link(from, to, _) => suite.set_way(from, to, Way::Open)?,
        Fault::Clock(id, _) => suite.set_clock(id, 0)?,
    }
    Ok(())
}

/// Waits until everything is ready, and starts again what ended by itself: a process that found no database at its
/// start may give up. Answers what was started.
pub async fn recover(suite: &Suite) -> Result<Vec<String>> {
    let (begin, mut started) = (Instant::now(), Vec::new());
    loop {
        started.extend(suite.revive().await);
        let mut waiting = Vec::new();
        for instance in suite.status() {
            if !suite.is_ready(&instance.id).await? {
                waiting.push(instance.id);
            }
        }
        if waiting.is_empty() {
            return Ok(started);
        }
        if begin.elapsed() > PATIENCE {
            let sessions = sessions(suite).await.unwrap_or_else(|error| format!("{error:#}"));
            bail!("not ready within {PATIENCE:?}: {}. Sessions of PostgreSQL:\n{sessions}", waiting.join(", "));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// What PostgreSQL is busy with, for whoever has to find out what hangs.
async fn sessions(suite: &Suite) -> Result<String> {
    let sql = "select concat_ws(' ', pid, datname, state, wait_event_type, wait_event, now() - xact_start,
                   'blocked by ' || nullif(pg_blocking_pids(pid), '{}')::text, left(query, 120))
               from pg_stat_activity where datname is not null and pid <> pg_backend_pid() order by datname, xact_start";
    let mut db = suite.postgres().access().connect("postgres").await?;
    Ok(sqlx::query_scalar::<_, String>(sql).fetch_all(&mut db).await?.join("\n"))
}
