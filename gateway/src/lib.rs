//! The one front door. Its rooms are what a request passes, in this order; `proxy` is the way through on one screen.

pub mod config;
mod front;
mod tls;

pub mod connections;
mod peer;

mod present;
mod trail;

pub mod policies;
pub mod routes;

mod proxy;

pub mod compose;

mod hygiene;
mod path;

pub mod shed;

mod identity;

pub mod cache;
mod claims;
mod exchange;
mod proofs;
mod revocation;

pub mod plans;

mod gateways;
pub mod throttle;

mod quota;

mod headers;

mod deadline;

pub mod http_cache;

pub mod breaker;

pub mod bulkhead;

mod attempts;
pub mod retry;

mod discovery;

pub mod balance;

mod forward;

mod pool;

pub mod formats;

pub mod compress;
mod tags;

mod body;
mod metering;

mod bounded;
mod day;
mod error;
mod kept;
mod media;
mod meters;
mod recent;
mod ring;

mod docs;
mod index;
mod operators;
mod services;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;
use messaging::{Standalone, broadcast};
use registry::Registry;
use secrecy::ExposeSecret;
use web::Verifier;

pub use config::Config;
pub use front::Front;
pub use index::contract;

use breaker::Breakers;
use bulkhead::Bulkheads;
use cache::{Cache, Limits};
use config::DiscoverySetting;
use discovery::Discovery;
use docs::Docs;
use exchange::Exchange;
use forward::Forwarder;
use gateways::Gateways;
use headers::Origin;
use http_cache::Caches;
use identity::Translator;
use metering::Metering;
use meters::Meters;
use operators::{AUDIENCE, Operators};
use policies::{Policies, Shared};
use proofs::Proofs;
use quota::Quotas;
use revocation::Revocations;
use shed::Shedder;
use throttle::Throttle;
use tls::Tls;

const AGAIN: Duration = Duration::from_millis(200);

/// What requests need.
pub struct App {
    policies: Shared,
    public_url: String,
    meters: Meters,
    metering: Arc<Metering>,
    shedder: Shedder,
    translator: Arc<Translator>,
    throttle: Throttle,
    quotas: Arc<Quotas>,
    caches: Caches,
    breakers: Breakers,
    bulkheads: Bulkheads,
    forwarder: Forwarder,
    docs: Docs,
}

/// Runs the gateway as a process.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let policies = follow_policies(&config).await?;
    let (service, front) = start(&config, policies, Limits::default()).await?;
    if let Some(address) = front.tls_address() {
        tracing::info!(%address, "listening for TLS");
    }
    service.run(front).await
}

/// The gateway, listening but not yet serving, with the policies and the token cache it is to have.
pub async fn start(config: &Config, policies: Shared, limits: Limits) -> anyhow::Result<(web::Service, Front)> {
    config.discovery.check(&policies.load())?;
    let (name, version) = ("gateway", env!("CARGO_PKG_VERSION"));
    let mut service = web::Service::start_with_listeners(config.runtimes(), name, version, &config.web).await?;
    let tls = Tls::open(&config.tls, config.runtimes()).await?;
    let exchange = Exchange::new(&config.web.auth_url, config.gateway_client_secret.clone())?;
    let (gateways, nats) = (Gateways::default(), Standalone::connect(name, config.web.nats_url()).await?);
    let proofs = Proofs::new(&config.web.public_url, config.gateway_client_secret.expose_secret());
    let origin = Origin::parse(&config.web.public_url).context("PUBLIC_URL")?;
    let forwarder = Forwarder::new(Discovery::new(&config.discovery, &config.web.auth_url)?, origin);
    let app = App {
        policies,
        public_url: config.web.public_url.clone(),
        meters: Meters::default(),
        metering: Arc::default(),
        shedder: Shedder::default(),
        translator: Arc::new(Translator::new(Cache::new(limits), exchange, proofs)),
        throttle: Throttle::new(gateways.clone()),
        quotas: Arc::new(Quotas::new(&nats)),
        caches: Caches::default(),
        breakers: Breakers::default(),
        bulkheads: Bulkheads::default(),
        forwarder,
        docs: Docs::new(&config.web.public_url),
    };
    tokio::spawn(app.forwarder.discovery.clone().resolve());
    tokio::spawn(balance::probe(app.forwarder.discovery.clone(), Shared::clone(&app.policies)));
    follow_registry(config, &app, gateways).await?;
    keep_books(&mut service, nats, &app);
    let revocations = follow_revocations(config, &app).await?;
    if config.discovery == DiscoverySetting::Registry {
        service.ready_when("nats", move || std::future::ready(revocations.were_heard()));
    }
    let reached = reach_auth(&app);
    service.ready_when("auth", move || std::future::ready(reached.load(Ordering::Relaxed)));
    let verifier = Verifier::new(AUDIENCE, &config.web.issuer(), &config.web.auth_url);
    Ok((service, front(app, verifier, tls)))
}

// What follows here goes on while requests in flight are finished, and ends with the process.

/// The policies of the file that is named, kept up to date, or those that come with the gateway.
pub async fn follow_policies(config: &Config) -> anyhow::Result<Shared> {
    let Some(file) = &config.policies else { return Ok(Policies::standard().shared()) };
    let named = || format!("POLICIES: {}", file.display());
    let text = tokio::fs::read_to_string(file).await.with_context(named)?;
    let shared = Policies::read(&text).with_context(named)?.shared();
    tokio::spawn(policies::follow(Shared::clone(&shared), file.clone(), text));
    Ok(shared)
}

// Gateways find each other there, wherever services are.
async fn follow_registry(config: &Config, app: &App, gateways: Gateways) -> anyhow::Result<()> {
    let directory = Registry::connect(config.web.nats_url()).await?.watch();
    tokio::spawn(gateways.follow(directory.clone()));
    if config.discovery == DiscoverySetting::Registry {
        tokio::spawn(app.forwarder.discovery.clone().follow(directory));
    }
    Ok(())
}

// What is counted is in the books when the last request is answered.
fn keep_books(service: &mut web::Service, nats: Standalone, app: &App) {
    service.spawn(Arc::clone(&app.quotas).give_back(service.drained()));
    service.spawn(Arc::clone(&app.metering).announce(nats.clone(), service.drained()));
    let reached = AtomicBool::new(false);
    service.ready_when("books", move || {
        let connected = nats.connected();
        std::future::ready(reached.fetch_or(connected, Ordering::Relaxed) || connected)
    });
}

async fn follow_revocations(config: &Config, app: &App) -> anyhow::Result<Revocations> {
    let revocations = Revocations::default();
    let announcements = broadcast("gateway", config.web.nats_url()).await?;
    tokio::spawn(revocations.clone().follow(announcements, Arc::clone(&app.translator)));
    Ok(revocations)
}

// Auth is asked until it answers once. Later it is asked with every new token anyway.
fn reach_auth(app: &App) -> Arc<AtomicBool> {
    let reached = Arc::new(AtomicBool::new(false));
    let (translator, answered) = (Arc::clone(&app.translator), Arc::clone(&reached));
    tokio::spawn(async move {
        while !translator.exchange.is_auth_there().await {
            tokio::time::sleep(AGAIN).await;
        }
        answered.store(true, Ordering::Relaxed);
    });
    reached
}

/// The gateway's own pages, and the way through for everything else.
fn front(app: App, verifier: Verifier, tls: Option<Tls>) -> Front {
    let app = Arc::new(app);
    tokio::spawn(status::publish(Arc::downgrade(&app)));
    let (pages, _) = index::router().split_for_parts();
    let pages = Router::new()
        .merge(pages)
        .merge(docs::router())
        .route("/{*path}", any(compose::answer))
        .with_state(Arc::clone(&app))
        .merge(for_operators(Operators { app: Arc::clone(&app), verifier }))
        .layer(from_fn(hygiene::guard))
        .layer(from_fn(trail::leave));
    Front::new(app, pages, tls)
}

fn for_operators(operators: Operators) -> Router {
    let (pages, _) = services::router().merge(status::router()).split_for_parts();
    pages.layer(from_fn_with_state(operators.clone(), operators::identify)).with_state(operators)
}
