//! Takes the steps of a repair and writes down who asked for it, what was found, and what came of each step.

use contracts::OrderId;
use crash::Point;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Surveyed, ask, name, request, undoes};
use crate::{
    App,
    db::{orders, orphans, saga_log},
    domain::{
        Direction, Entry, What,
        reconciliation::{Disagreement, Participant, RECONCILIATION, Step},
    },
    error::{Error, Result},
    events, http,
    saga::Reply,
};

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[schema(as = RepairOutcome)]
pub enum Outcome {
    /// It is so now.
    Done {
        /// What a person may want to know of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The participant says no.
    Refused {
        /// Its code.
        code: String,
    },
    /// Nobody knows: repair again.
    Unanswered {
        /// What was seen instead of an answer.
        why: String,
    },
    /// An earlier step did not come about.
    Skipped,
}

/// A step and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StepTaken)]
pub struct Taken {
    pub step: Step,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Takes these steps for one order, as `by` asked.
pub async fn repair(
    app: &App,
    it: &Surveyed,
    disagreements: &[Disagreement],
    steps: Vec<Step>,
    by: &str,
) -> Result<Vec<Taken>> {
    note_begun(app, it, disagreements, by).await?;
    let mut failed: Vec<Option<Participant>> = Vec::new();
    let mut taken = Vec::new();
    for step in steps {
        let asked = request(step, it.id, it.order.as_ref());
        let with = asked.as_ref().map(|(with, _)| *with);
        // What is put back at one participant does not depend on another; what is undone or announced does.
        let depends = asked.is_none() || undoes(step) || step == Step::AnnounceShipment || failed.contains(&with);
        let outcome = match asked {
            _ if depends && !failed.is_empty() => Outcome::Skipped,
            Some((_, wanted)) => answered(step, ask(&app.reconciler.commands, step, wanted).await),
            None => by_itself(app, it, step).await?,
        };
        let outcome = match outcome {
            Outcome::Refused { code } if step == Step::CheckOutCart => without_cart(app, it.id, code).await,
            outcome => outcome,
        };
        if !matches!(outcome, Outcome::Done { .. }) {
            failed.push(with);
        }
        taken.push(Taken { step, outcome });
    }
    note_taken(app, it, &taken, by).await?;
    Ok(taken)
}

fn answered(step: Step, reply: Reply) -> Outcome {
    match reply {
        Reply::Done(_) => Outcome::Done { note: None },
        Reply::Refused(refusal) => Outcome::Refused { code: refusal.code },
        Reply::Silent(why) | Reply::Overdue(why) => {
            tracing::warn!(?step, why, "no answer to a repair");
            Outcome::Unanswered { why }
        }
    }
}

/// The cart is not to be had as it was, and nobody needs it: the store notes that the order holds none, so that
/// nothing late takes one.
async fn without_cart(app: &App, id: OrderId, code: String) -> Outcome {
    let Some((_, wanted)) = request(Step::ReopenCart, id, None) else { return Outcome::Refused { code } };
    match answered(Step::ReopenCart, ask(&app.reconciler.commands, Step::ReopenCart, wanted).await) {
        Outcome::Done { .. } => Outcome::Done { note: Some(format!("the store has no such cart any more: {code}")) },
        outcome => outcome,
    }
}

/// What the order does itself, in the transaction that records it.
async fn by_itself(app: &App, it: &Surveyed, step: Step) -> Result<Outcome> {
    let now = app.clock.now();
    if step == Step::CancelOrder {
        return match http::begin_cancellation(app, it.id, None).await {
            Ok(_) => Ok(Outcome::Done { note: Some("the cancellation goes on by itself".to_owned()) }),
            Err(Error::CannotCancel(why)) => Ok(Outcome::Refused { code: format!("cannot_cancel: {why}") }),
            Err(error) => Err(error),
        };
    }
    let mut tx = app.pool.begin().await?;
    let mut order = orders::lock_order(&mut tx, it.id, None).await?.ok_or(Error::NoOrder)?;
    if step == Step::TakeInNews && order.take_in(&it.found, now) {
        orders::update_order(&mut tx, &order).await?;
    }
    if step == Step::AnnounceConfirmed {
        let Some(announcement) = order.confirmed_again() else { return Ok(Outcome::Skipped) };
        events::announce(&mut tx, &announcement, now).await?;
    }
    tx.commit(Point::new("repair order").of(&name(step))).await?;
    Ok(Outcome::Done { note: None })
}

async fn note_begun(app: &App, it: &Surveyed, disagreements: &[Disagreement], by: &str) -> Result<()> {
    let said = disagreements.iter().map(|it| (it.with.as_str().to_owned(), Value::from(it.found.clone())));
    let found = Value::Object(said.collect());
    let mut db = app.pool.single("begin repair").await?;
    match it.order {
        Some(_) => {
            let entry = entry("reconcile", Direction::Do, What::Asked, json!({ "by": by, "found": found }));
            saga_log::insert_entry(&mut db, it.id, &entry).await?;
        }
        None => orphans::insert_undone(&mut db, it.id, by, &found).await?,
    }
    Ok(())
}

async fn note_taken(app: &App, it: &Surveyed, taken: &[Taken], by: &str) -> Result<()> {
    let Some(order) = &it.order else { return Ok(()) };
    let mut tx = app.pool.begin().await?;
    for Taken { step, outcome } in taken {
        let (direction, done) =
            if undoes(*step) { (Direction::Undo, What::Undone) } else { (Direction::Do, What::Done) };
        let (what, detail) = match outcome {
            Outcome::Done { note } => {
                (done, note.as_ref().map_or_else(|| json!({ "by": by }), |it| json!({ "by": by, "note": it })))
            }
            Outcome::Refused { code } => (What::Refused, json!({ "by": by, "code": code })),
            Outcome::Unanswered { why } => (What::Silent, json!({ "by": by, "seen": why })),
            Outcome::Skipped => continue,
        };
        saga_log::insert_entry(&mut tx, it.id, &entry(&name(*step), direction, what, detail)).await?;
    }
    tx.commit("end repair").await?;
    app.runner.watchers().tell(it.id, order.state);
    Ok(())
}

fn entry(step: &str, direction: Direction, what: What, detail: Value) -> Entry {
    let (saga, step) = (RECONCILIATION.to_owned(), step.to_owned());
    Entry { saga, step, direction, attempt: 0, what, detail: Some(detail) }
}
