//! How many gateways there are: what is bounded for all of them together, each gives out its part of.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use registry::Directory;

const NAME: &str = "gateway";

/// How many there are, this one included. Cheap to clone and to ask.
#[derive(Clone)]
pub struct Gateways(Arc<AtomicU32>);

impl Default for Gateways {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

impl Gateways {
    /// At least one.
    pub fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// Counts those in the registry, again and again. While NATS is away the number stays. Never ends.
    pub async fn follow(self, mut directory: Directory) {
        loop {
            let count = u32::try_from(directory.instances(NAME).len()).unwrap_or(u32::MAX).max(1);
            if self.0.swap(count, Relaxed) != count {
                tracing::info!(count, "gateways that share the limits");
            }
            metrics::gauge!("gateway_gateways").set(f64::from(count));
            directory.changed().await;
        }
    }
}
