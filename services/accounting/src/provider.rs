//! The payment provider, simulated: it plays another company that answers late, answers no, or does not answer.
//!
//! Its promise, which the state machine of a payment relies on: the order's id is the idempotency key. The same request
//! with the same key has one effect and the same answer; a void of a key that it never saw is remembered, and an
//! authorization that comes later finds it voided. What it does is chosen by the payment's [`Method`].

use std::{future::pending, time::Duration};

use contracts::OrderId;
use crash::Point;
use database::Pool;
use tokio::time::{sleep, timeout};

use crate::{
    db,
    domain::{Behaviour, ChargeState, Method, Reply, State, Terms},
};

/// How long `tok_slow` takes to authorize or capture.
const SLOW: Duration = Duration::from_secs(2);

/// The way to the provider. Never used inside a database transaction.
#[derive(Clone)]
pub struct Provider {
    pool: Pool,
    timeout: Duration,
}

/// The provider gave no answer. What was asked may have happened or not: ask again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Not in time.
    #[error("the payment provider did not answer in time")]
    Silent,
    /// Its database, which is ours as well, did not answer.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl Provider {
    /// A provider that is given up on after `timeout`.
    pub fn new(pool: Pool, timeout: Duration) -> Self {
        Self { pool, timeout }
    }

    /// Asks the provider to do what the payment of `order` intends.
    pub async fn ask(&self, intent: State, order: OrderId, terms: &Terms) -> Result<Reply, Failure> {
        let asked = Point::new("ask provider").of(intent.as_str());
        let charge = asked.around(timeout(self.timeout, self.answer(intent, order, terms))).await;
        Ok(charge.map_err(|_| Failure::Silent)??.reply_to(intent))
    }

    async fn answer(&self, intent: State, order: OrderId, terms: &Terms) -> database::Result<ChargeState> {
        // A void is fast, so that it overtakes a slow authorization.
        if terms.method == Method::TokSlow && intent != State::Voiding {
            sleep(SLOW).await;
        }
        match intent {
            State::Authorizing => self.authorize(order, terms).await,
            State::Capturing => {
                let willing = terms.method.behaviour() != Behaviour::DeclinesCapture;
                db::capture_charge(&mut *self.pool.single("capture charge").await?, order, willing).await
            }
            State::Voiding => db::void_charge(&mut *self.pool.single("void charge").await?, order).await,
            _ => db::refund_charge(&mut *self.pool.single("refund charge").await?, order).await,
        }
    }

    async fn authorize(&self, order: OrderId, terms: &Terms) -> database::Result<ChargeState> {
        let (amount, outcome) = (terms.amount.money(), ChargeState::of(terms.method));
        let mut db = self.pool.single("authorize charge").await?;
        let (charge, calls) = db::authorize_charge(&mut db, order, amount, outcome).await?;
        drop(db);
        match terms.method {
            Method::TokSilent => pending().await,
            Method::TokSilentOnce if calls == 1 => pending().await,
            _ => Ok(charge),
        }
    }
}
