//! Who declares faults and looks at `/status`, for longer than a token lives.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use anyhow::{Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{plan::SERVICES, readings::Permits};
use crate::{
    patiently,
    shopper::{Answer, Shopper},
};

/// How often faults of each kind were met.
pub type Met = BTreeMap<String, u64>;

/// An operator who logs in again when told to.
pub struct Operator {
    public_url: String,
    session: Mutex<Shopper>,
    met: Mutex<Met>,
}

impl Operator {
    pub async fn log_in(public_url: &str) -> Result<Self> {
        let session = Mutex::new(Shopper::log_in(public_url, "olga").await?);
        Ok(Self { public_url: public_url.to_owned(), session, met: Mutex::default() })
    }

    /// What the gateway has given out.
    pub async fn permits(&self) -> Result<Permits> {
        Permits::of(&self.send(Method::GET, "/status", None).await?.expect(200)?.body)
    }

    /// This fault and no other at the service.
    pub async fn declare(&self, service: &str, fault: &Value) -> Result<()> {
        let faults = Some(json!({"faults": [fault]}));
        self.send(Method::PUT, &path(service), faults).await?.expect(200)?;
        Ok(())
    }

    /// No fault at the service any more; how often those that there were have been met.
    pub async fn take_back(&self, service: &str) -> Result<()> {
        let standing = self.send(Method::GET, &path(service), None).await?.expect(200)?;
        self.send(Method::DELETE, &path(service), None).await?.expect(204)?;
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        for it in standing.body["faults"].as_array().into_iter().flatten() {
            let kind = it["fault"]["effect"]["kind"].as_str().unwrap_or("none");
            *met.entry(kind.to_owned()).or_default() += it["met"].as_u64().unwrap_or_default();
        }
        Ok(())
    }

    /// No fault anywhere any more, however long that takes; how often all were met that were taken back.
    pub async fn take_all_back(&self) -> Result<Met> {
        for service in SERVICES {
            patiently(async || self.take_back(service).await).await?;
        }
        Ok(self.met.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer> {
        for _ in 0..2 {
            let session = self.session();
            let answer = session.send(method.clone(), path, body.clone(), &[]).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            let new = Shopper::log_in(&self.public_url, "olga").await?;
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = new;
        }
        bail!("an operator is not let in at {path}")
    }

    fn session(&self) -> Shopper {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn path(service: &str) -> String {
    format!("/api/{service}/v1/faults")
}
