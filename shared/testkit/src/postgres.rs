//! A fresh database with a role of its own for every test, in one server per test binary.

mod server;

use std::{collections::HashMap, thread};

use launch::{postgres::Access, random_text};
use sqlx::{PgConnection, migrate::Migrator};
use tokio::sync::Mutex;

/// A database that belongs to one test. Dropped best-effort with this value, for good with the test binary.
pub struct Database {
    /// The URL with which its own role logs in.
    pub url: String,
    name: String,
    access: Access,
}

/// A database brought up to date by `migrators`. They run once per test binary, in a template; each test gets a copy.
pub async fn database(migrators: &[&Migrator]) -> Database {
    let access = server::access().await;
    let template = template(&access, migrators).await;
    let (name, password) = (format!("test_{}", random_text(16).to_lowercase()), random_text(16));
    let role = "CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD %L";
    let make: &[(_, &[&str])] = &[
        (role, &[&name, &password]),
        ("CREATE DATABASE %1$I OWNER %1$I TEMPLATE %2$I", &[&name, &template]),
        ("REVOKE ALL ON DATABASE %I FROM PUBLIC", &[&name]),
    ];
    access.run("postgres", make).await.expect("a database can be made");
    // What the migrations made belongs to the template's role.
    let handed_over = access.run(&name, &[("REASSIGN OWNED BY %I TO %I", &[&template, &name])]).await;
    handed_over.expect("a template can be handed over");
    Database { url: access.url(&name, &password, &name), name, access }
}

impl Database {
    /// What a service under test is given as its database.
    pub fn settings(&self) -> database::Settings {
        database::Settings::of(&self.url)
    }

    /// A pool as the service has it.
    pub async fn pool(&self) -> database::Pool {
        database::Pool::open(&self.settings()).await.expect("the test's database answers")
    }

    /// A connection as the service's role, to look at what a test did.
    pub async fn connect(&self) -> PgConnection {
        let options = self.url.parse().expect("the URL was made here");
        database::log_in(&options).await.expect("the test's database answers")
    }

    /// Ends every session of this database, as a restart of PostgreSQL would.
    pub async fn cut_connections(&self) {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %L";
        self.access.run("postgres", &[(end, &[&self.name])]).await.expect("the superuser may end sessions");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (access, name) = (self.access.clone(), self.name.clone());
        // The test's own runtime may be about to end. Nobody waits for this: the server goes with the test binary.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let gone: &[(_, &[&str])] =
                &[("DROP DATABASE IF EXISTS %I WITH (FORCE)", &[&name]), ("DROP ROLE IF EXISTS %I", &[&name])];
            let _ = runtime.block_on(access.run("postgres", gone));
            std::io::Result::Ok(())
        });
    }
}

/// The template for this set of migrations, made at its first use.
async fn template(access: &Access, migrators: &[&Migrator]) -> String {
    static TEMPLATES: Mutex<Option<HashMap<Vec<u8>, String>>> = Mutex::const_new(None);
    let key = migrators.iter().flat_map(|it| it.iter()).flat_map(|it| it.checksum.to_vec()).collect();
    // Held while migrating: two tests that want the same template must not make it twice.
    let mut templates = TEMPLATES.lock().await;
    let templates = templates.get_or_insert_default();
    if let Some(name) = templates.get(&key) {
        return name.clone();
    }
    let name = make_template(access, migrators).await;
    templates.insert(key, name.clone());
    name
}

/// Migrations run as an ordinary role that owns the schema `public` but not the database: what it owns can then be
/// handed over within one database, and the template itself stays where it is.
async fn make_template(access: &Access, migrators: &[&Migrator]) -> String {
    let (name, password) = (format!("template_{}", random_text(12).to_lowercase()), random_text(16));
    let role = "CREATE ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN PASSWORD %L";
    let make: &[(_, &[&str])] = &[
        (role, &[&name, &password]),
        ("CREATE DATABASE %I", &[&name]),
        ("REVOKE ALL ON DATABASE %I FROM PUBLIC", &[&name]),
        ("GRANT ALL ON DATABASE %1$I TO %1$I", &[&name]),
    ];
    access.run("postgres", make).await.expect("a template can be made");
    let public = access.run(&name, &[("ALTER SCHEMA public OWNER TO %I", &[&name])]).await;
    public.expect("the schema can be given away");
    let settings = database::Settings::of(&access.url(&name, &password, &name));
    database::migrate(&settings, migrators).await.expect("the migrations run");
    name
}
