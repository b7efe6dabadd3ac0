//! The service registry: a NATS key-value bucket in which every instance writes where it is, again and again.
//! Who reads it goes by its own clock as well: an entry that expires in NATS is not announced to watchers.

mod bucket;
mod directory;
mod login;
mod registered;

use std::{sync::Arc, time::Duration};

use async_nats::{ConnectOptions, jetstream};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use directory::Directory;
pub use login::connect;
pub use registered::{Registered, RegistryEntry};

/// How often an instance says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long an instance may be silent before it is taken for dead.
const SILENCE: Duration = Duration::from_secs(6);

/// How often the server must give a sign. The connection is given up when two are missing: a server that is gone without
/// a word is noticed by nothing else.
const SIGN: Duration = Duration::from_secs(2);
/// How soon a lost server is tried again.
const RECONNECT: Duration = Duration::from_millis(500);

/// Where an instance of a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The service, e.g. `inventory`.
    pub name: String,
    /// This instance of it.
    pub instance: Uuid,
    /// Base URL, e.g. `http://10.0.0.7:8080`.
    pub address: String,
    /// Version of the program.
    pub version: String,
    /// Where its `OpenAPI` document is.
    pub contract: String,
}

impl Registration {
    /// A new instance of `name` at `address`.
    pub fn new(name: &str, version: &str, address: &str) -> Self {
        Self {
            name: name.to_owned(),
            instance: Uuid::now_v7(),
            address: address.to_owned(),
            version: version.to_owned(),
            contract: format!("{address}/openapi.json"),
        }
    }

    fn key(&self) -> String {
        format!("{}.{}", self.name, self.instance)
    }
}

/// The registry cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the NATS address cannot be used")]
pub struct Error(#[from] async_nats::ConnectError);

/// A connection to the registry. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    jetstream: Arc<jetstream::Context>,
}

impl Registry {
    /// Connects. A server that does not answer yet is tried again in the background.
    pub async fn connect(nats_url: &str) -> Result<Self, Error> {
        let options = ConnectOptions::new()
            .retry_on_initial_connect()
            .ping_interval(SIGN)
            .reconnect_delay_callback(|attempts| if attempts > 1 { RECONNECT } else { Duration::ZERO });
        Ok(Self { jetstream: Arc::new(jetstream::new(connect(options, nats_url).await?)) })
    }

    /// Registers an instance and keeps it registered until it is withdrawn or the process ends.
    pub fn register(&self, registration: Registration) -> Registered {
        Registered::start(self.jetstream.clone(), registration)
    }

    /// Follows who is registered, in the background, for as long as a [`Directory`] lives.
    pub fn watch(&self) -> Directory {
        Directory::start(self.jetstream.clone())
    }
}
