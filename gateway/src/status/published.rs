//! The same for Prometheus, looked at again and again.

use std::{collections::HashSet, sync::Weak, time::Duration};

use metrics::gauge;

use super::{Instance, Service, Status};
use crate::{App, recent::Lately};

const AGAIN: Duration = Duration::from_secs(1);

/// Keeps the metrics up to date as long as the gateway is there.
pub async fn publish(app: Weak<App>) {
    let mut known = HashSet::new();
    while let Some(app) = app.upgrade() {
        Status::of(&app).show(&mut known);
        drop(app);
        tokio::time::sleep(AGAIN).await;
    }
}

type Place = [(&'static str, String); 2];

#[allow(clippy::cast_precision_loss)] // numbers of requests
impl Status {
    // What is gone gets nothing.
    fn show(&self, known: &mut HashSet<Place>) {
        let mut here = HashSet::new();
        for service in &self.services {
            service.show();
            for instance in &service.instances {
                let place = [("service", service.name.clone()), ("instance", instance.address.clone())];
                instance.show(&place);
                here.insert(place);
            }
        }
        for gone in known.difference(&here) {
            show(gone, 0.0, 0, &Lately::default());
        }
        *known = here;
        for limit in &self.limits {
            gauge!("gateway_shed_in_flight", "route" => limit.route).set(limit.in_flight as f64);
        }
        self.callers.show();
        gauge!("gateway_token_cache_entries", "kind" => "granted").set(self.token_cache.granted as f64);
        gauge!("gateway_token_cache_entries", "kind" => "refused").set(self.token_cache.refused as f64);
    }
}

#[allow(clippy::cast_precision_loss)] // numbers of requests
impl Service {
    fn show(&self) {
        let health = f64::from(2 - self.health as u8) / 2.0;
        gauge!("gateway_service_health", "service" => self.name.clone()).set(health);
        times("gateway_service_latency_seconds", &[("service", self.name.clone())], &self.lately);
        gauge!("gateway_service_requests_per_second", "service" => self.name.clone()).set(self.lately.per_second);
        for it in &self.bulkheads {
            let labels = [("service", self.name.clone()), ("policy", it.policy.to_owned())];
            gauge!("gateway_bulkhead_in_flight", &labels).set(it.in_flight as f64);
            gauge!("gateway_bulkhead_waiting", &labels).set(it.waiting as f64);
        }
    }
}

impl Instance {
    fn show(&self, place: &Place) {
        show(place, self.weight, self.in_flight, &self.lately);
    }
}

#[allow(clippy::cast_precision_loss)] // numbers of requests
fn show(place: &Place, weight: f64, in_flight: usize, lately: &Lately) {
    gauge!("gateway_instance_weight", place).set(weight);
    gauge!("gateway_instance_in_flight", place).set(in_flight as f64);
    gauge!("gateway_instance_requests_per_second", place).set(lately.per_second);
    times("gateway_instance_latency_seconds", place, lately);
}

fn times(name: &'static str, labels: &[(&'static str, String)], lately: &Lately) {
    for (quantile, millis) in [("0.5", lately.p50_ms), ("0.99", lately.p99_ms)] {
        let labels: Vec<_> = labels.iter().cloned().chain([("quantile", quantile.to_owned())]).collect();
        gauge!(name, &labels).set(millis.unwrap_or(0.0) / 1_000.0);
    }
}
