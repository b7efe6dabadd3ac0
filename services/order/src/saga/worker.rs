//! Works one saga, step after step: note what is about to be asked, save, ask, note what came of it. Every write is
//! fenced by the epoch of the taking; one that is refused ends the work at once.

use std::{pin::pin, sync::Arc, time::Duration};

use contracts::order::OrderStuck;
use crash::Point;
use database::{Pool, Result, within};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use web::Clock;

use crate::{
    db::{orders, sagas},
    domain::{Change, Refusal},
    events,
    participants::{Answer, Participants, Turn, Turns},
    saga::{
        Action, Call, Reply, Request,
        held::{Held, Outcome},
        next,
        patience::Patience,
        watchers::Watchers,
    },
};

/// What a saga needs to be worked on.
#[derive(Clone)]
pub struct Worker {
    /// Where it is kept.
    pub pool: Pool,
    /// Whom it asks.
    pub participants: Participants,
    /// How many calls to each of them at a time.
    pub turns: Turns,
    /// How long silence is borne.
    pub patience: Patience,
    /// How long a taking lasts after each write.
    pub lease: Duration,
    /// Who this instance is.
    pub instance: Arc<str>,
    /// Who is told.
    pub watchers: Watchers,
    /// What time it is.
    pub clock: Clock,
    /// When to let go.
    pub stop: CancellationToken,
}

/// Why the work on a saga ended for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It has ended.
    Ended,
    /// It is to be asked again after this time.
    For(Duration),
    /// It is held here, and waits for its turn to call this participant.
    ForTurn(&'static str),
    /// This instance stops; another one goes on.
    Stopping,
    /// Another instance has taken it.
    Lost,
}

impl Worker {
    /// Works until the saga ends, has to wait, or is lost. The first call needs no other turn than `turn`.
    pub async fn work(&self, held: &mut Held, mut turn: Option<Turn>) -> Result<Rest> {
        loop {
            if self.stop.is_cancelled() {
                let saved = self.save(held, None, Duration::ZERO).await?;
                return Ok(saved.map_or(Rest::Lost, |_| Rest::Stopping));
            }
            let action = next(&held.progress);
            let Some((step, request)) = held.saga.request(action, &held.order) else { return Ok(Rest::Ended) };
            let asked = match request {
                Request::Change(change) => {
                    if within(self.change(held, action, step, change)).await? {
                        continue;
                    }
                    None
                }
                Request::Refuse(refusal) => Some(Asked::nobody(refusal)),
                Request::Call(call) => {
                    let Some(_turn) = turn.take().or_else(|| self.turns.try_take(call.service)) else {
                        let saved = self.save(held, Some(&self.instance), self.lease).await?;
                        return Ok(saved.map_or(Rest::Lost, |_| Rest::ForTurn(call.service)));
                    };
                    self.ask(held, action, step, &call).await?
                }
            };
            let Some(asked) = asked else { return Ok(Rest::Lost) };
            match held.note_reply(action, step, &asked.reply, asked.waited, &self.patience) {
                Outcome::Moved if held.has_ended() => {
                    let saved = self.save(held, None, Duration::ZERO).await?;
                    return Ok(saved.map_or(Rest::Lost, |_| Rest::Ended));
                }
                // Saved together with what is asked next.
                Outcome::Moved => {}
                outcome => return self.rest(held, outcome, &asked).await,
            }
        }
    }

    /// Waits for the turn to call this participant, and keeps the saga meanwhile. None if it cannot be kept, or this
    /// instance stops: who goes on with it finds out.
    pub async fn wait_for_turn(&self, held: &mut Held, service: &'static str) -> Result<Option<Turn>> {
        // Waited for in one piece, so as not to lose the place in the queue.
        let mut turn = pin!(self.turns.take(service));
        loop {
            tokio::select! {
                turn = &mut turn => return Ok(Some(turn)),
                () = self.stop.cancelled() => return Ok(None),
                () = sleep(self.lease / 2) => {}
            }
            if self.save(held, Some(&self.instance), self.lease).await?.is_none() {
                return Ok(None);
            }
        }
    }

    /// Saves, then asks. None if the saga is lost.
    async fn ask(&self, held: &mut Held, action: Action, step: &str, call: &Call) -> Result<Option<Asked>> {
        held.note_asked(action, step);
        let Some(waited) = self.save(held, Some(&self.instance), self.lease).await? else { return Ok(None) };
        let asked = Instant::now();
        let point = if matches!(action, Action::Undo(_)) { Point::new("ask to undo") } else { Point::new("ask to do") };
        let Answer { reply, retry_after } = self.participants.answer(point.of(step), call).await;
        let waited = waited + asked.elapsed();
        let reply = match reply {
            Reply::Done(answer) => match held.saga.learn(action, &mut held.order, &answer) {
                Ok(()) => Reply::Done(answer),
                Err(error) => Reply::Silent(format!("the answer cannot be understood: {error}")),
            },
            other => other,
        };
        let reply = match reply {
            Reply::Silent(why) if self.patience.is_over(waited) => Reply::Overdue(why),
            reply => reply,
        };
        Ok(Some(Asked { reply, waited, retry_after }))
    }

    /// Makes a change to the order in the transaction that records it. False if the saga is lost.
    async fn change(&self, held: &mut Held, action: Action, step: &str, change: Change) -> Result<bool> {
        let reason = held.progress.reason.clone();
        held.note_reply(action, step, &Reply::Done(serde_json::Value::Null), Duration::ZERO, &self.patience);
        let holder = (!held.has_ended()).then_some(&*self.instance);
        let mut tx = self.pool.begin().await?;
        let unsaved = held.unsaved();
        if sagas::save_saga(&mut tx, &held.save(&unsaved, holder, self.lease)).await?.is_none() {
            return Ok(false);
        }
        // What others have told in the meantime stands in the row, not in the order held here.
        let order = orders::lock_order(&mut tx, held.order.id, None).await?;
        held.order = order.ok_or(sqlx::Error::RowNotFound)?;
        let announcement = held.order.apply(change, reason.as_ref(), self.clock.now());
        orders::update_order(&mut tx, &held.order).await?;
        if let Some(announcement) = announcement {
            events::announce(&mut tx, &announcement, self.clock.now()).await?;
        }
        tx.commit(Point::new("change order").of(step)).await?;
        self.told(held);
        Ok(true)
    }

    /// Lets go until it is time to ask again, and raises an alarm if there is one to raise.
    async fn rest(&self, held: &mut Held, outcome: Outcome, asked: &Asked) -> Result<Rest> {
        let (attempts, waited) = (held.progress.attempts, asked.waited);
        let delay = self.patience.delay(attempts, rand::random(), waited, asked.retry_after);
        if outcome == Outcome::Again {
            let saved = self.save(held, None, delay).await?;
            return Ok(saved.map_or(Rest::Lost, |_| Rest::For(delay)));
        }
        if !within(self.raise_alarm(held, waited, delay)).await? {
            return Ok(Rest::Lost);
        }
        tracing::error!(order_id = %held.order.id, saga = held.saga.name, "stuck: somebody should look at it");
        self.told(held);
        Ok(Rest::For(delay))
    }

    /// False if the saga is lost.
    async fn raise_alarm(&self, held: &Held, waited: Duration, delay: Duration) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let unsaved = held.unsaved();
        if sagas::save_saga(&mut tx, &held.save(&unsaved, None, delay)).await?.is_none() {
            return Ok(false);
        }
        let now = self.clock.now();
        messaging::announce(&mut tx, &held.alarm(now - waited), now).await?;
        tx.commit("raise alarm").await?;
        Ok(true)
    }

    async fn save(&self, held: &mut Held, holder: Option<&str>, due_in: Duration) -> Result<Option<Duration>> {
        let unsaved = held.unsaved();
        let row = held.save(&unsaved, holder, due_in);
        let save = async { sagas::save_saga(&mut *self.pool.single("save saga").await?, &row).await };
        let saved = within(save).await?;
        if saved.is_some() {
            self.told(held);
        }
        Ok(saved)
    }

    fn told(&self, held: &mut Held) {
        held.saved();
        self.watchers.tell(held.order.id, held.order.state);
    }
}

/// What came of asking for a step.
struct Asked {
    reply: Reply,
    /// The time since it was first asked for.
    waited: Duration,
    retry_after: Option<Duration>,
}

impl Asked {
    /// What is known already says no.
    const fn nobody(refusal: Refusal) -> Self {
        Self { reply: Reply::Refused(refusal), waited: Duration::ZERO, retry_after: None }
    }
}

impl Held {
    fn has_ended(&self) -> bool {
        matches!(next(&self.progress), Action::Done | Action::Undone)
    }

    fn alarm(&self, since: OffsetDateTime) -> OrderStuck {
        OrderStuck {
            order_id: self.order.id,
            saga: self.saga.name.to_owned(),
            step: self.saga.standing(&self.progress).step.unwrap_or_default(),
            since,
            attempts: i32::try_from(self.progress.attempts).unwrap_or(i32::MAX),
        }
    }
}
