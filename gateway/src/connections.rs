//! What callers may hold and how slow they may be: connections, heads of requests, silence.

mod bounds;
mod grammar;
mod guarded;
mod patience;
mod stream;
mod version;

use std::time::Duration;

use serde::Deserialize;

use crate::policies::Within;

pub use bounds::{Bounds, Held, network};
pub use guarded::Guarded;
pub use patience::{Overdue, Patience, Request, Watch};
pub use stream::Stream;
pub use version::version;

/// The section `[connections]`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Open at once.
    pub total: usize,
    /// Open at once from one address.
    pub per_address: usize,
    /// Requests on one connection, after which it is closed.
    pub requests: u64,
    /// Headers of one request.
    pub headers: usize,
    /// Bytes of one request's line and headers.
    pub head_bytes: usize,
    pub patience: Patience,
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    total: Within<1, 1_000_000>,
    per_address: Within<1, 1_000_000>,
    requests: Within<1, 1_000_000_000>,
    headers: Within<8, 1_000>,
    head: Within<1, 256>,
    head_timeout: Within<1, 600>,
    idle_timeout: Within<1, 3600>,
    stall_timeout: Within<1, 3600>,
}

impl Section {
    /// The settings, or what is wrong with them.
    pub fn checked(self) -> Result<Connections, String> {
        if self.per_address.get() > self.total.get() {
            return Err("`per_address` is more than `total`".to_owned());
        }
        let seconds = |value: u32| Duration::from_secs(value.into());
        Ok(Connections {
            total: self.total.get() as usize,
            per_address: self.per_address.get() as usize,
            requests: self.requests.get().into(),
            headers: self.headers.get() as usize,
            head_bytes: self.head.get() as usize * 1024,
            patience: Patience {
                head: seconds(self.head_timeout.get()),
                idle: seconds(self.idle_timeout.get()),
                stall: seconds(self.stall_timeout.get()),
            },
        })
    }
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            total: 8192,
            per_address: 1024,
            requests: 100_000,
            headers: 100,
            head_bytes: 32 * 1024,
            patience: Patience {
                head: Duration::from_secs(10),
                idle: Duration::from_secs(75),
                stall: Duration::from_mins(1),
            },
        }
    }
}
