//! `pg_dump` and `pg_restore` of this machine. Passwords go through the child's environment.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection};

use super::{Access, Cluster, access::quoted};
use crate::program;

/// What a database is called while it is filled.
const FRESH: &str = "_restored";
const DROP: &str = "DROP DATABASE IF EXISTS %I WITH (FORCE)";
const RENAME: &str = "ALTER DATABASE %I RENAME TO %I;";
/// What the database that it replaces is called until it is dropped.
const OLD: &str = "_replaced";
/// What inventory has for the case that it or a listener was put back: see its migrations.
const STOCK_AGAIN: &str = "DO $$ BEGIN IF to_regprocedure('announce_stock_again()') IS NOT NULL THEN
    PERFORM announce_stock_again(); END IF; END $$";
/// Tables of auth that hold what can be revoked, taken back or used up.
const FORGOTTEN: [&str; 9] = [
    "login_session",
    "authorization_grant",
    "authorization_code",
    "access_token",
    "refresh_token",
    "device_authorization",
    "pushed_request",
    "consent",
    "initial_access_token",
];

impl Access {
    /// Writes what a snapshot holds to `file`, in PostgreSQL's own format.
    pub async fn dump(&self, database: &str, snapshot: &str, file: &Path) -> Result<()> {
        let mut command = self.tool("pg_dump")?;
        command.args(["--format=custom", "--snapshot", snapshot, "--dbname", database, "--file"]).arg(file);
        run(command).await
    }

    /// Fills a new database beside `name` from `file`; [`Access::swap`] puts it in the other's place.
    pub async fn fill(&self, name: &str, file: &Path) -> Result<()> {
        let fresh = format!("{name}{FRESH}");
        self.create_role(name).await?;
        self.run(
            "postgres",
            &[
                (DROP, &[&fresh]),
                ("CREATE DATABASE %I OWNER %I", &[&fresh, name]),
                ("REVOKE ALL ON DATABASE %I FROM PUBLIC", &[&fresh]),
            ],
        )
        .await?;
        let mut command = self.tool("pg_restore")?;
        command.args(["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]);
        command.args(["--role", name, "--dbname", &fresh]).arg(file);
        run(command).await?;
        match name {
            "auth" => self.forget_tokens(&fresh).await,
            _ => Ok(()),
        }
    }

    /// What was revoked, taken back or used up since the backup would be good again: everybody logs in and is asked anew.
    async fn forget_tokens(&self, database: &str) -> Result<()> {
        let mut db = self.connect(database).await?;
        // A backup of an older program has not all of them yet.
        let there = "SELECT string_agg(quote_ident(name), ', ') FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL";
        let there: String = sqlx::query_scalar(there).bind(FORGOTTEN).fetch_one(&mut db).await?;
        let truncate = format!("TRUNCATE {there}");
        sqlx::raw_sql(AssertSqlSafe(truncate)).execute(&mut db).await.context("auth's tokens cannot be forgotten")?;
        Ok(db.close().await?)
    }

    /// Puts what [`Access::fill`] made in the place of each of these databases: of all, or of none.
    pub async fn swap(&self, names: &[&str]) -> Result<()> {
        let mut db = self.connect("postgres").await?;
        let mut renaming = String::new();
        for name in names {
            let (fresh, old) = (format!("{name}{FRESH}"), format!("{name}{OLD}"));
            self.run("postgres", &[(DROP, &[&old])]).await?;
            if self.has_database(name).await? {
                renaming += &quoted(&mut db, RENAME, &[name, &old]).await?;
            }
            renaming += &quoted(&mut db, RENAME, &[&fresh, name]).await?;
        }
        // Sent as one, the statements are one transaction.
        sqlx::raw_sql(AssertSqlSafe(renaming)).execute(&mut db).await.context("the databases are still in use")?;
        db.close().await?;
        for name in names {
            self.run("postgres", &[(DROP, &[&format!("{name}{OLD}")])]).await?;
        }
        Ok(())
    }

    /// Lets everything wait for its publication again that the outbox keeps. After a restore: nobody knows any more who
    /// has heard it. Whom it took effect for before knows it by its id. How stock stands is said anew: of what was lost
    /// the outbox keeps the last hour only, and who has heard of a later version listens to no earlier one.
    pub async fn publish_all_again(&self, name: &str) -> Result<u64> {
        let mut db = self.connect(name).await?;
        if !sqlx::query_scalar("SELECT to_regclass('messaging.outbox') IS NOT NULL").fetch_one(&mut db).await? {
            return Ok(0);
        }
        let again = "UPDATE messaging.outbox SET published_at = NULL WHERE published_at IS NOT NULL";
        let done = sqlx::query(again).execute(&mut db).await?;
        sqlx::raw_sql(STOCK_AGAIN).execute(&mut db).await.context("stock cannot be announced again")?;
        db.close().await?;
        Ok(done.rows_affected())
    }

    fn tool(&self, name: &str) -> Result<Command> {
        let programs = program::postgres_programs().context("PostgreSQL's programs are not on this machine")?;
        let mut command = Command::new(programs.join(name));
        command.args(["--host", &self.host, "--port", &self.port.to_string(), "--username", "postgres"]);
        command.arg("--no-password").env("PGPASSWORD", &self.password).env("PGSSLMODE", "disable");
        Ok(command)
    }
}

impl Cluster {
    /// The port of a cluster that another process of ours runs on `data`, if one does.
    pub fn port_of(data: &Path) -> Result<Option<u16>> {
        // The fourth line, see the documentation of `postmaster.pid`.
        let said = std::fs::read_to_string(Self::place(data)?.join("postmaster.pid")).ok();
        Ok(said.and_then(|said| said.lines().nth(3)?.trim().parse().ok()))
    }
}

async fn run(mut command: Command) -> Result<()> {
    let outcome = tokio::task::spawn_blocking(move || {
        let outcome = command.output();
        (command, outcome)
    });
    let (command, outcome) = outcome.await?;
    let program = Path::new(command.get_program()).display().to_string();
    let outcome = outcome.with_context(|| format!("cannot start {program}"))?;
    ensure!(outcome.status.success(), "{program} failed: {}", String::from_utf8_lossy(&outcome.stderr));
    Ok(())
}
