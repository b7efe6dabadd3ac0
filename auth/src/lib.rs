//! The token service: OAuth 2.0 and OpenID Connect. The rooms in reading order.

pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;

mod backchannel;
pub mod client_failures;
mod client_keys;
pub mod keys;
mod outbound;
pub mod passwords;
mod purge;
mod seed;

use std::sync::Arc;

use axum::{Router, routing::get};
use config::{Config, RotateKeys};
use database::Pool;
use messaging::Bus;
use serde_json::json;
use sqlx::migrate::Migrator;
use time::format_description::well_known::Rfc3339;
use utoipa::openapi::OpenApi;
use web::{Clock, Service};

/// The tables, forward only.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What every handler can ask for.
#[derive(Clone)]
pub struct App {
    pub pool: Pool,
    pub clock: Clock,
    /// `iss` of every token.
    pub issuer: Arc<str>,
    pub signer: Arc<keys::Signer>,
    pub passwords: passwords::Passwords,
    pub browsers: http::Browsers,
    pub guesses: http::Guesses,
    outbound: Arc<outbound::Outbound>,
    client_keys: Arc<client_keys::ClientKeys>,
    pub user_codes: http::UserCodes,
    pub client_failures: client_failures::ClientFailures,
}

/// Starts the service and serves until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let (service, router) = start(&config, Clock::system()).await?;
    service.run(router).await
}

/// `auth rotate-keys`: makes a new key of each algorithm in the database of running servers, which follow within seconds.
pub async fn rotate_keys(settings: RotateKeys) -> anyhow::Result<()> {
    let pool = Pool::open(&database::Settings { connections: 1, ..settings.database }).await?;
    let (encryption_key, schedule) = (settings.keys.encryption_key()?, settings.keys.schedule());
    let signer = keys::Signer::attach(&pool, &encryption_key, Clock::system(), schedule).await?;
    for key in signer.rotate("command").await? {
        println!(
            "{}",
            json!({"kid": key.kid, "algorithm": key.algorithm.as_str(), "signs_from": key.signs_from.format(&Rfc3339)?})
        );
    }
    Ok(())
}

/// Everything up to serving: the address, database, events, keys, clients and users.
pub async fn start(config: &Config, clock: Clock) -> anyhow::Result<(Service, Router)> {
    config.check()?;
    let mut service = Service::start("auth", env!("CARGO_PKG_VERSION"), &config.web).await?;
    database::migrate(&config.database, &[&MIGRATOR]).await?;
    let pool = Pool::open(&config.database).await?;
    let bus = Bus::open("auth", config.web.nats_url(), &config.database, &pool).await?;
    let encryption_key = config.keys.encryption_key()?;
    let outbound = Arc::new(outbound::Outbound::new(&config.web.public_url)?);
    let app = App {
        client_keys: Arc::new(client_keys::ClientKeys::new(Arc::clone(&outbound))),
        outbound,
        issuer: config.web.issuer().into(),
        signer: Arc::new(keys::Signer::open(&pool, &encryption_key, clock.clone(), config.keys.schedule()).await?),
        passwords: passwords::Passwords::new(config.password_checks, config.password_cost()?, &encryption_key).await?,
        browsers: http::Browsers::new(&encryption_key, &config.web.public_url),
        guesses: http::Guesses::new(
            &encryption_key,
            config.guesses_per_account,
            config.guesses_per_address,
            &config.web.public_url,
        ),
        user_codes: http::UserCodes::new(&encryption_key),
        client_failures: client_failures::ClientFailures::default(),
        pool,
        clock,
    };
    seed::plant(config, &app.pool, &app.passwords, app.clock.now()).await?;
    // Before the first login.
    app.passwords.learn_from(&app.pool).await?;
    ready_when(&mut service, &app.pool, &bus);
    service.spawn(bus.relay(service.drained()));
    service.spawn(app.signer.clone().keep(service.stopping()));
    service.spawn(app.passwords.clone().keep_learning(app.pool.clone(), service.stopping()));
    let failures = app.client_failures.clone();
    service.spawn(failures.keep_recording(app.pool.clone(), app.clock.clone(), service.drained()));
    service.spawn(backchannel::run(app.clone(), service.stopping()));
    service.spawn(purge::run(app.pool.clone(), app.clock.clone(), service.stopping()));
    Ok((service, router(app)))
}

/// The contract, without starting anything.
pub fn contract() -> OpenApi {
    http::contract()
}

fn router(app: App) -> Router {
    let (router, contract) = http::router(&app).split_for_parts();
    let contract = get(web::contract::serve(&contract));
    // Below /auth for the public origin, and where every service has it.
    router.route("/auth/openapi.json", contract.clone()).route("/openapi.json", contract).with_state(app)
}

fn ready_when(service: &mut Service, pool: &Pool, bus: &Bus) {
    let (pool, bus) = (pool.clone(), bus.clone());
    service.ready_when("database", move || {
        let pool = pool.clone();
        async move { pool.check().await.is_ok() }
    });
    service.ready_when("events", move || std::future::ready(bus.connected()));
}
