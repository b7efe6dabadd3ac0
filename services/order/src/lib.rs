//! Orders and the sagas that buy and cancel. The rooms in reading order.

pub mod config;
pub mod domain;

pub mod cancellation;
pub mod checkout;
pub mod participants;
pub mod reconciliation;
pub mod saga;

pub mod db;
pub mod error;
pub mod events;
pub mod http;

use std::time::Duration;

use axum::{Router, extract::FromRef, routing::get};
use config::Config;
use database::Pool;
use http::Streams;
use messaging::{Bus, dead_letters::DeadLetters};
use participants::{COMMANDS, Credentials, Participants, READS, Turns};
use reconciliation::Reconciler;
use saga::{runner::Runner, watchers::Watchers, worker::Worker};
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;
use uuid::Uuid;
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
    pub runner: Runner,
    pub reconciler: Reconciler,
    pub streams: Streams,
    pub stop: CancellationToken,
}

/// Starts the service and serves until it is told to stop.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let (service, router) = start(&config, Clock::system()).await?;
    service.run(router).await
}

/// Everything up to serving: database, events, sagas, the address.
pub async fn start(config: &Config, clock: Clock) -> anyhow::Result<(Service, Router)> {
    config.check()?;
    let mut service = Service::start("order", env!("CARGO_PKG_VERSION"), &config.web).await?;
    let stop = service.stopping();
    database::migrate(&config.database, &[&MIGRATOR]).await?;
    let pool = Pool::open(&config.database).await?;
    let bus = Bus::open("order", config.web.nats_url(), &config.database, &pool).await?;
    let subscriptions = events::subscriptions(&clock);
    service.spawn(bus.clone().relay(service.drained()));
    service.spawn(bus.clone().consume(subscriptions.clone(), stop.clone()));
    let (commands, reads) = (participants(config, COMMANDS)?, participants(config, READS)?);
    let runner = runner(config, commands.clone(), &pool, &clock, &stop)?;
    let reconciler = Reconciler { commands, reads };
    service.spawn(runner.clone().run());
    service.spawn(http::forget_old_keys(pool.clone(), stop.clone()));
    ready_when(&mut service, &pool, &bus);
    let verifier = Verifier::new("order", &config.web.issuer(), &config.web.auth_url);
    let dead_letters = DeadLetters::of(subscriptions, pool.clone());
    let faults = Faults::of("order", &config.web);
    let streams = Streams { last: Duration::from_millis(config.stream_life_ms) };
    Ok((service, router(App { pool, clock, verifier, dead_letters, faults, runner, reconciler, streams, stop })))
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

fn participants(config: &Config, scope: &'static str) -> anyhow::Result<Participants> {
    let credentials = Credentials::new(&config.web.auth_url, config.participants.order_client_secret.clone(), scope);
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
    Ok(Participants::new(config.gateway_url(), credentials, client, config.participants.call_timeout()))
}

fn runner(
    config: &Config,
    participants: Participants,
    pool: &Pool,
    clock: &Clock,
    stop: &CancellationToken,
) -> anyhow::Result<Runner> {
    let worker = Worker {
        pool: pool.clone(),
        participants,
        turns: Turns::new(usize::try_from(config.participants.calls_per_participant)?),
        patience: config.sagas.patience(),
        lease: Duration::from_millis(config.sagas.saga_lease_ms),
        instance: Uuid::new_v4().to_string().into(),
        watchers: Watchers::default(),
        clock: clock.clone(),
        stop: stop.clone(),
    };
    let places = usize::try_from(config.sagas.saga_concurrency)?;
    Ok(Runner::new(worker, places, Duration::from_millis(config.sagas.saga_poll_ms)))
}

fn ready_when(service: &mut Service, pool: &Pool, bus: &Bus) {
    let (pool, bus) = (pool.clone(), bus.clone());
    service.ready_when("database", move || {
        let pool = pool.clone();
        async move { pool.check().await.is_ok() }
    });
    service.ready_when("events", move || std::future::ready(bus.connected()));
}
