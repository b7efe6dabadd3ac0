//! Faults that an operator declares, for teaching and testing: a route answers late, fails, hangs, breaks off or refuses,
//! for a time or a count. Only where the setting `FAULTS` allows it.

mod declared;
mod met;
mod routes;
mod standing;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, middleware::from_fn_with_state};
use http::Method;
use tokio::time::Instant;

use crate::{problem::Problem, settings::Settings};
pub use declared::{Declared, Effect, Fault, FaultMethod};
pub use routes::{ROUTE, router};
use standing::List;
pub use standing::{Standing, StandingFaults};

/// The faults of one service. Cheap to clone.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    service: &'static str,
    allowed: bool,
    // As a rule there is none, and then no lock is taken.
    any: AtomicBool,
    list: Mutex<List>,
}

impl Faults {
    /// None yet.
    pub fn of(service: &'static str, settings: &Settings) -> Self {
        let (any, list) = (AtomicBool::new(false), Mutex::default());
        Self(Arc::new(Inner { service, allowed: settings.faults, any, list }))
    }

    /// Lets requests to `router` meet the faults, if there may be any.
    pub fn around(&self, router: Router) -> Router {
        if self.0.allowed { router.layer(from_fn_with_state(self.clone(), met::meet)) } else { router }
    }

    fn check_allowed(&self) -> Result<(), Problem> {
        let not = || Problem::not_found("faults_not_allowed", "Faults can be declared only where FAULTS allows it");
        if self.0.allowed { Ok(()) } else { Err(not()) }
    }

    fn declare(&self, faults: Vec<Fault>) {
        self.change(|list| list.declare(faults, Instant::now()));
    }

    fn standing(&self) -> StandingFaults {
        self.change(|list| list.standing(Instant::now()))
    }

    /// What this request meets. It is counted.
    fn met_by(&self, method: &Method, path: &str) -> Option<Effect> {
        if !self.0.any.load(Ordering::Acquire) {
            return None;
        }
        self.change(|list| list.met_by(method, path, rand::random, Instant::now()))
    }

    #[allow(clippy::cast_precision_loss)] // there are few
    fn change<T>(&self, change: impl FnOnce(&mut List) -> T) -> T {
        let mut list = self.lock();
        let changed = change(&mut list);
        self.0.any.store(list.len() > 0, Ordering::Release);
        metrics::gauge!("faults_declared", "service" => self.0.service).set(list.len() as f64);
        changed
    }

    // Every change of the list is whole.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
