//! Getting it there: rates, shipments, tracking. The rooms in reading order.

pub mod config;
pub mod db;
pub mod domain;
pub mod error;
pub mod events;
pub mod http;

use axum::{Router, extract::FromRef, routing::get};
use config::Config;
use database::Pool;
use messaging::{Bus, dead_letters::DeadLetters};
use sqlx::migrate::Migrator;
use utoipa::openapi::OpenApi;
use web::{Clock, Faults, Service, Verifier};

/// The tables, forward only.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// What every handler can ask for.
#[derive(Clone, FromRef)]
pub struct App {
    pub pool: Pool,
    pub clock: Clock,
    pub verifier: Verifier,
    pub dead_letters: DeadLetters,
    pub faults: Faults,
}

/// Starts the service and serves until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let (service, router) = start(&config, Clock::system()).await?;
    service.run(router).await
}

/// Everything up to serving: database, events, the address.
pub async fn start(config: &Config, clock: Clock) -> anyhow::Result<(Service, Router)> {
    let mut service = Service::start("shipping", env!("CARGO_PKG_VERSION"), &config.web).await?;
    database::migrate(&config.database, &[&MIGRATOR]).await?;
    let pool = Pool::open(&config.database).await?;
    let bus = Bus::open("shipping", config.web.nats_url(), &config.database, &pool).await?;
    let subscriptions = events::subscriptions(clock.clone());
    service.spawn(bus.clone().relay(service.drained()));
    service.spawn(bus.clone().consume(subscriptions.clone(), service.stopping()));
    ready_when(&mut service, &pool, &bus);
    let verifier = Verifier::new("shipping", &config.web.issuer(), &config.web.auth_url);
    let dead_letters = DeadLetters::of(subscriptions, pool.clone());
    let faults = Faults::of("shipping", &config.web);
    Ok((service, router(App { pool, clock, verifier, dead_letters, faults })))
}

/// The contract, without starting anything.
pub fn contract() -> OpenApi {
    http::router().into_openapi()
}

fn router(app: App) -> Router {
    let (router, contract) = http::router().split_for_parts();
    let faults = app.faults.clone();
    faults.around(router.route("/openapi.json", get(web::contract::serve(&contract))).with_state(app))
}

fn ready_when(service: &mut Service, pool: &Pool, bus: &Bus) {
    let (pool, bus) = (pool.clone(), bus.clone());
    service.ready_when("database", move || {
        let pool = pool.clone();
        async move { pool.check().await.is_ok() }
    });
    service.ready_when("events", move || std::future::ready(bus.connected()));
}
