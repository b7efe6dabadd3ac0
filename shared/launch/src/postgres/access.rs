//! The way into a server as superuser, and databases with a role of their own each, closed to every other role.

use anyhow::Result;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

/// Where a server is and its superuser's password. The user is `postgres`.
#[derive(Clone)]
pub struct Access {
    /// Name or address.
    pub host: String,
    /// Its port there.
    pub port: u16,
    /// The superuser's.
    pub password: String,
}

impl Access {
    /// The URL for a role's own database.
    pub fn url(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@{}:{}/{database}", self.host, self.port)
    }

    /// A connection as superuser to `database`.
    pub async fn connect(&self, database: &str) -> sqlx::Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass().host(&self.host).port(self.port).database(database);
        let options = options.username("postgres").password(&self.password).ssl_mode(PgSslMode::Disable);
        options.disable_statement_logging().connect().await
    }

    /// Executes statements as superuser in `database`. PostgreSQL itself quotes the parts into each, as `format` does.
    pub async fn run(&self, database: &str, statements: &[(&'static str, &[&str])]) -> sqlx::Result<()> {
        let mut db = self.connect(database).await?;
        for (statement, parts) in statements {
            let whole = quoted(&mut db, statement, parts).await?;
            sqlx::raw_sql(AssertSqlSafe(whole)).execute(&mut db).await?;
        }
        db.close().await
    }

    /// A role that is no superuser and makes no databases, and a database of the same name that it owns and nobody else
    /// may connect to. Done again it changes nothing but the password. Answers the URL.
    pub async fn create_service_database(&self, name: &str, password: &str) -> Result<String> {
        self.create_role(name).await?;
        self.run("postgres", &[("ALTER ROLE %I PASSWORD %L", &[name, password])]).await?;
        if !self.has_database(name).await? {
            self.run("postgres", &[("CREATE DATABASE %1$I OWNER %1$I", &[name])]).await?;
        }
        self.run("postgres", &[("REVOKE ALL ON DATABASE %I FROM PUBLIC", &[name])]).await?;
        Ok(self.url(name, password, name))
    }

    /// The databases that come with a cluster are nobody's to connect to either.
    pub async fn close_to_other_roles(&self) -> sqlx::Result<()> {
        self.run("postgres", &[("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC", &[])]).await
    }

    /// The role of a service, if it is not there yet: no superuser, and it makes no databases.
    pub(super) async fn create_role(&self, name: &str) -> sqlx::Result<()> {
        if !self.has("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).await? {
            let statement = "CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN";
            self.run("postgres", &[(statement, &[name])]).await?;
        }
        Ok(())
    }

    pub(super) async fn has_database(&self, name: &str) -> sqlx::Result<bool> {
        self.has("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).await
    }

    async fn has(&self, question: &'static str, name: &str) -> sqlx::Result<bool> {
        let mut db = self.connect("postgres").await?;
        let found = sqlx::query_scalar(question).bind(name).fetch_one(&mut db).await?;
        db.close().await?;
        Ok(found)
    }
}

/// The statement with its parts quoted into it.
pub(super) async fn quoted(db: &mut PgConnection, statement: &str, parts: &[&str]) -> sqlx::Result<String> {
    let question = "SELECT format($1, VARIADIC $2::text[])";
    sqlx::query_scalar(question).bind(statement).bind(parts).fetch_one(db).await
}
