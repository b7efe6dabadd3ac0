//! A gateway with all around it.

use std::time::Duration;

use gateway::cache::Limits;
use gateway::config::{Config, DiscoverySetting, TlsSettings, discovery};
use gateway::plans::Plans;
use gateway::policies::{Policies, Shared};
use gateway::routes::Route;
use registry::{Registered, Registration, Registry};
use testkit::nats::{self, Nats};
use testkit::{Answer, Client, eventually};

use crate::auth::Auth;
use crate::services::{Arrived, Instance};

pub const PUBLIC_URL: &str = "https://shop.example";
pub const SECRET: &str = "a secret: 100%";

pub struct World {
    pub auth: Auth,
    pub nats: Nats,
}

pub struct Gateway {
    pub url: String,
    pub ops: Client,
    pub client: Client,
    pub running: web::Handle,
    /// To be exchanged.
    pub policies: Shared,
}

impl World {
    pub async fn new() -> Self {
        Self { auth: Auth::start().await, nats: nats::server().await }
    }

    /// Registers an instance until it is withdrawn or forgotten.
    pub async fn register(&self, service: &str, instance: &Instance) -> Registered {
        let registry = Registry::connect(&self.nats.url()).await.unwrap();
        registry.register(Registration::new(service, "1", &instance.address))
    }

    /// A gateway at fixed addresses: `store=http://…,order=http://…`.
    pub async fn gateway(&self, setting: &str) -> Gateway {
        self.gateway_with(discovery(setting).unwrap(), policies(), Limits::default()).await
    }

    /// A gateway with its registry that knows an instance of `store`, and hears revocations.
    pub async fn gateway_with_store(&self, limits: Limits) -> (Gateway, Registered) {
        let store = Instance::echo("store").await;
        let registered = self.register("store", &store).await;
        let gateway = self.gateway_with(DiscoverySetting::Registry, policies(), limits).await;
        gateway.finds("store").await;
        (gateway, registered)
    }

    pub async fn gateway_with(&self, discovery: DiscoverySetting, policies: Policies, limits: Limits) -> Gateway {
        self.gateway_for(PUBLIC_URL, discovery, policies, limits).await
    }

    /// The same at another public origin: its issuer is whose JWTs are good.
    pub async fn gateway_for(
        &self,
        public_url: &str,
        discovery: DiscoverySetting,
        policies: Policies,
        limits: Limits,
    ) -> Gateway {
        let mut web = web::Settings::on_loopback(public_url, &self.auth.url, &self.nats.url());
        // Tests that stop it say themselves when what is under way goes on, however busy the machine is.
        web.shutdown_deadline_ms = 60_000;
        let gateway_client_secret = SECRET.to_owned().into();
        let config = Config {
            web,
            discovery,
            policies: None,
            runtimes: Some(2),
            tls: TlsSettings::default(),
            gateway_client_secret,
        };
        let policies = policies.shared();
        let (service, router) = gateway::start(&config, Shared::clone(&policies), limits).await.unwrap();
        let running = service.handle().unwrap();
        tokio::spawn(service.serve(router));
        let ops = Client::new(&running.ops);
        eventually(async || ops.get("/readyz", "").await.status.is_success()).await;
        Gateway { url: running.address.clone(), client: Client::new(&running.address), ops, running, policies }
    }
}

impl Gateway {
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.client.get(path, token).await
    }

    /// What arrives at the service for a plain GET.
    pub async fn arrived(&self, path: &str, token: &str) -> Arrived {
        self.get(path, token).await.expect(200).read()
    }

    /// Waits until a service has an instance.
    pub async fn finds(&self, service: &str) {
        let path = format!("/api/{service}/v1/probe");
        eventually(async || {
            let answer = self.get(&path, "good-probe").await;
            if answer.status.is_success() { Ok(()) } else { Err(answer) }
        })
        .await;
    }

    /// Host and port, for requests that no client would send.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }
}

/// The standard policies without plans: tests ask often, all from one address.
pub fn policies() -> Policies {
    Policies { plans: Plans::default(), addresses: None, ..Policies::standard() }
}

/// The same with other limits on every route.
pub fn routes(change: impl Fn(&mut Route)) -> Policies {
    let mut policies = policies();
    policies.routes.iter_mut().for_each(|route| change(std::sync::Arc::make_mut(route)));
    policies
}

pub const SOON: Duration = Duration::from_millis(200);
