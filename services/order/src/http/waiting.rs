//! Waiting for news of an order: told by this process, or found by a look at the database now and then.

use std::time::Duration;

use contracts::OrderId;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    App,
    db::orders,
    domain::{Order, State},
    error::{Error, Result},
    saga::watchers::Watching,
};

/// How often to look for what other instances have done.
pub const LOOK: Duration = Duration::from_secs(1);

/// Waits until the checkout of the order has ended, the time is up, or this instance stops. The order as it is then.
pub async fn outcome(app: &App, id: OrderId, mut watching: Watching, wait: Duration) -> Result<Order> {
    let deadline = Instant::now() + wait;
    loop {
        let waited = timeout_at(deadline, settled(app, &mut watching)).await;
        let order = orders::find_order(&mut *app.pool.get().await?, id, None).await?.ok_or(Error::NoOrder)?;
        if order.state != State::Pending || waited.is_err() || app.stop.is_cancelled() {
            return Ok(order);
        }
    }
}

/// Returns when it is time to look.
async fn settled(app: &App, watching: &mut Watching) {
    let told = async { while watching.news().await == Some(State::Pending) {} };
    tokio::select! {
        () = told => {}
        () = sleep(LOOK) => {}
        () = app.stop.cancelled() => {}
    }
}
