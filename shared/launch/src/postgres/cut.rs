//! One moment of several databases: what was committed anywhere before it stands in its database's snapshot, what is
//! committed later stands in none. So no snapshot knows an effect whose cause another one lacks.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::{task::JoinSet, time::sleep};

use super::Access;

/// How often all databases are tried to be locked at once.
const ATTEMPTS: u32 = 100;
/// Who waits longer for a lock lets all go and tries again: meanwhile every writer waits behind it.
const PATIENCE_MS: u32 = 250;
/// Writers wait for a second before they look for a deadlock. We look sooner, so that it is us who give way.
const DEADLOCK_MS: u32 = 50;

/// A moment of several databases, until it is dropped.
pub struct Cut {
    /// One of each database.
    pub snapshots: Vec<Snapshot>,
    /// For how long writers were kept waiting, at the most.
    pub held: Duration,
    /// How many attempts it took.
    pub attempts: u32,
}

/// What one database held at that moment.
pub struct Snapshot {
    /// The database.
    pub database: String,
    /// For `pg_dump --snapshot`.
    pub id: String,
    /// The tables of migrations, each with the latest one that has run.
    pub migrations: Vec<(String, i64)>,
    // The snapshot is good as long as the transaction that exported it.
    _exported_by: PgConnection,
}

/// Both sides of one database: who locks, and who reads.
struct Place {
    database: String,
    locks: PgConnection,
    reads: PgConnection,
}

impl Access {
    /// Takes a moment of these databases while others write to them. Writers wait for milliseconds: SHARE locks on all
    /// tables of all databases let everybody read, make who writes wait, and are held only until every snapshot is
    /// taken.
    pub async fn cut(&self, databases: &[&str]) -> Result<Cut> {
        let mut places = each(databases.iter().map(|name| Place::open(self.clone(), (*name).to_owned()))).await?;
        for attempts in 1..=ATTEMPTS {
            let begun = Instant::now();
            let locked;
            (places, locked) = attempt(places).await?;
            if locked {
                let exported = each(places.into_iter().map(Place::export)).await?;
                let exported = each(exported.into_iter().map(|(place, id)| place.let_go(id))).await?;
                let held = begun.elapsed();
                let snapshots = each(exported.into_iter().map(|(place, id)| place.describe(id))).await?;
                return Ok(Cut { snapshots, held, attempts });
            }
            // Lets those in whom it kept waiting.
            sleep(Duration::from_millis(u64::from(PATIENCE_MS) / 5 * u64::from(attempts.min(10)))).await;
        }
        bail!("not all databases could be locked at once in {ATTEMPTS} attempts")
    }
}

/// Locks all places, or none.
async fn attempt(places: Vec<Place>) -> Result<(Vec<Place>, bool)> {
    let tried = each(places.into_iter().map(Place::lock)).await?;
    let locked = tried.iter().all(|(_, locked)| *locked);
    let mut places: Vec<_> = tried.into_iter().map(|(place, _)| place).collect();
    if !locked {
        for place in &mut places {
            sqlx::raw_sql("ROLLBACK").execute(&mut place.locks).await?;
        }
    }
    Ok((places, locked))
}

impl Place {
    async fn open(access: Access, database: String) -> Result<Self> {
        let (locks, reads) = (access.connect(&database).await, access.connect(&database).await);
        let (locks, reads) = (locks.with_context(|| format!("no connection to {database}"))?, reads?);
        Ok(Self { database, locks, reads })
    }

    /// Whether it could be locked in time.
    async fn lock(mut self) -> Result<(Self, bool)> {
        let tables = "SELECT coalesce(string_agg(format('%I.%I', schemaname, tablename), ', ' ORDER BY 1), '')
                      FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
        let tables: String = sqlx::query_scalar(tables).fetch_one(&mut self.locks).await?;
        if tables.is_empty() {
            sqlx::raw_sql("BEGIN").execute(&mut self.locks).await?;
            return Ok((self, true));
        }
        let statement = format!(
            "BEGIN; SET LOCAL statement_timeout = {PATIENCE_MS}; SET LOCAL deadlock_timeout = {DEADLOCK_MS};
             LOCK TABLE {tables} IN SHARE MODE"
        );
        match sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.locks).await {
            Ok(_) => Ok((self, true)),
            Err(sqlx::Error::Database(refused)) if is_busy(refused.code().as_deref()) => Ok((self, false)),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the snapshot; answers its id.
    async fn export(mut self) -> Result<(Self, String)> {
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut self.reads).await?;
        let id = sqlx::query_scalar("SELECT pg_export_snapshot()").fetch_one(&mut self.reads).await?;
        Ok((self, id))
    }

    /// Lets the writers in again.
    async fn let_go(mut self, id: String) -> Result<(Self, String)> {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.locks).await?;
        Ok((self, id))
    }

    async fn describe(mut self, id: String) -> Result<Snapshot> {
        let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE tablename = '_sqlx_migrations'
                      ORDER BY 1";
        let mut migrations = Vec::new();
        for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&mut self.reads).await? {
            let latest = format!("SELECT coalesce(max(version), 0) FROM {table}");
            let latest = sqlx::query_scalar(AssertSqlSafe(latest)).fetch_one(&mut self.reads).await?;
            migrations.push((table, latest));
        }
        Ok(Snapshot { database: self.database, id, migrations, _exported_by: self.reads })
    }
}

/// Cancelled by `statement_timeout`, chosen by the deadlock detector, or a lock that is not to be had.
fn is_busy(code: Option<&str>) -> bool {
    matches!(code, Some("57014" | "40P01" | "55P03"))
}

/// Waits for all of them, in their order.
async fn each<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
) -> Result<Vec<T>> {
    let mut set = JoinSet::new();
    for (nr, task) in tasks.into_iter().enumerate() {
        set.spawn(async move { (nr, task.await) });
    }
    let mut done = set.join_all().await;
    done.sort_by_key(|(nr, _)| *nr);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
