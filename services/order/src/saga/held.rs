//! A saga in the hands of this instance: the order, how far it is, and what has happened that is not saved yet.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    db::sagas::{Save, Taken},
    domain::{CannotSettle, Entry, Order, Outcome as Settled, Settlement, Standing, What},
    saga::{Action, Progress, Reply, Saga, after, is_wrongly_refused, must_be_done, next, patience::Patience},
};

/// A saga that this instance works on.
pub struct Held {
    /// The table.
    pub saga: &'static Saga<Order>,
    /// The order as this saga knows it.
    pub order: Order,
    /// How far it is.
    pub progress: Progress,
    /// Names the taking.
    pub epoch: i64,
    /// Whether an alarm was raised at this step.
    pub stuck: bool,
    unsaved: Vec<Entry>,
    asking: bool,
    silence: Option<Entry>,
    basket_saved: bool,
}

/// What a reply came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The saga moved.
    Moved,
    /// The same is to be asked again.
    Again,
    /// The same is to be asked again, and somebody should look at it.
    Stuck,
}

impl Held {
    /// The saga that was taken, of `order`. None if the table does not know the step it is at.
    pub fn new(saga: &'static Saga<Order>, taken: &Taken, order: Order) -> Option<Self> {
        let progress = saga.progress(&taken.standing)?;
        let (epoch, stuck, basket_saved) = (taken.epoch, taken.stuck, order.basket.is_some());
        let (unsaved, asking, silence) = (Vec::new(), false, None);
        Some(Self { saga, order, progress, epoch, stuck, unsaved, asking, silence, basket_saved })
    }

    /// Notes that a request is about to leave.
    pub fn note_asked(&mut self, action: Action, step: &str) {
        self.progress = self.progress.clone().asked();
        self.asking = true;
        if self.is_worth_telling() {
            self.note(action, step, What::Asked, None);
        }
    }

    /// Whether the log tells of this attempt. A step that needs somebody may be asked for very long: of its attempts
    /// the 1st, 2nd, 4th, 8th and so on are told, and the row of the saga keeps the last.
    const fn is_worth_telling(&self) -> bool {
        !self.stuck || self.progress.attempts.is_power_of_two()
    }

    /// Notes a reply and where it leads. `waited` is the time since the step was first asked for.
    pub fn note_reply(
        &mut self,
        action: Action,
        step: &str,
        reply: &Reply,
        waited: Duration,
        patience: &Patience,
    ) -> Outcome {
        let before = self.progress.clone();
        let after = after(self.saga, before.clone(), reply);
        let moved = after.position != before.position;
        let (what, detail) = match reply {
            Reply::Done(_) if matches!(action, Action::Undo(_)) => (What::Undone, None),
            Reply::Done(_) => (What::Done, None),
            Reply::Refused(refusal) => (What::Refused, Some(json!(refusal))),
            Reply::Overdue(why) if moved => (What::GivenUp, Some(json!({ "why": why }))),
            Reply::Silent(why) | Reply::Overdue(why) => (What::Silent, Some(json!({ "why": why }))),
        };
        if moved {
            self.note(action, step, what, detail);
            self.stuck = false;
            self.progress = after;
            return Outcome::Moved;
        }
        self.note_silence(action, step, what, detail);
        let overdue = must_be_done(self.saga, &before) && patience.is_alarming(waited);
        let alarming = overdue || is_wrongly_refused(self.saga, &before, reply);
        if self.stuck || !alarming {
            return Outcome::Again;
        }
        self.stuck = true;
        self.note(action, step, What::Stuck, None);
        Outcome::Stuck
    }

    /// Takes the current step as answered, on a person's word.
    pub fn settle(&mut self, settlement: &Settlement) -> Result<(), CannotSettle> {
        let action = next(&self.progress);
        let entry = self.entry(What::Settled, Some(json!(settlement)));
        let (step, fits) = (entry.step.clone(), Settled::of(entry.direction));
        if !self.stuck {
            return Err(CannotSettle::NotStuck);
        }
        if settlement.outcome != fits {
            return Err(CannotSettle::DoesNotFit { step, fits });
        }
        if self.saga.learn(action, &mut self.order, &Value::Null).is_err() {
            return Err(CannotSettle::NeedsAnswer { step });
        }
        self.unsaved.push(entry);
        self.progress = after(self.saga, self.progress.clone(), &Reply::Done(Value::Null));
        self.stuck = false;
        Ok(())
    }

    /// What has happened to the current step, for the log.
    pub fn entry(&self, what: What, detail: Option<Value>) -> Entry {
        let step = self.saga.standing(&self.progress).step.unwrap_or_default();
        self.happened(next(&self.progress), &step, what, detail)
    }

    /// What is to be saved, and the standing to save it with.
    pub fn unsaved(&self) -> (Standing, &[Entry]) {
        (self.saga.standing(&self.progress), &self.unsaved)
    }

    /// The write of what is unsaved, by `holder` or by one who lets go.
    pub fn save<'a>(
        &'a self,
        (standing, entries): &'a (Standing, &'a [Entry]),
        holder: Option<&'a str>,
        due_in: Duration,
    ) -> Save<'a> {
        Save {
            order_id: self.order.id,
            name: self.saga.name,
            epoch: self.epoch,
            standing,
            asking: self.asking,
            stuck: self.stuck,
            due_in,
            holder,
            entries,
            silence: self.silence.as_ref(),
            basket: self.order.basket.as_ref().filter(|_| !self.basket_saved),
        }
    }

    /// Everything noted so far is saved.
    pub fn saved(&mut self) {
        self.unsaved.clear();
        (self.asking, self.silence) = (false, None);
        self.basket_saved = self.order.basket.is_some();
    }

    fn note(&mut self, action: Action, step: &str, what: What, detail: Option<Value>) {
        self.unsaved.push(self.happened(action, step, what, detail));
    }

    fn note_silence(&mut self, action: Action, step: &str, what: What, detail: Option<Value>) {
        let entry = self.happened(action, step, what, detail);
        if self.is_worth_telling() {
            self.unsaved.push(entry.clone());
        }
        self.silence = Some(entry);
    }

    fn happened(&self, action: Action, step: &str, what: What, detail: Option<Value>) -> Entry {
        Entry {
            saga: self.saga.name.to_owned(),
            step: step.to_owned(),
            direction: action.direction(),
            attempt: i32::try_from(self.progress.attempts).unwrap_or(i32::MAX),
            what,
            detail,
        }
    }
}
