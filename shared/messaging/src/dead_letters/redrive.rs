//! What an operator does to dead letters: run the reaction again, or decide that the message shall never take effect.
//! What took effect is recorded in the transaction of the effect; what failed, right after it was rolled back.

use std::time::Duration;

use anyhow::Context;
use database::within;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Caller, Problem};

use super::{
    DeadLetters,
    actions::{self, Outcome},
    letters::{self, DeadLetter, DeadLetterState},
    routes::failed,
    words::{DiscardReason, Name, kept},
};
use crate::{
    inbox,
    subscription::{Reaction, blameless},
};

/// After this long no other letter is begun: the caller waits for the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A redrive that took effect.
#[derive(Serialize, ToSchema)]
pub struct Redriven {
    pub id: Uuid,
    /// False: the event had taken effect already, and nothing was done.
    pub took_effect: bool,
}

/// Which letters are redriven.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedriveMany {
    /// The reaction whose letters they are.
    pub consumer: Name,
    /// How many at the most: those first that no redrive has failed for, then those whose last one is longest ago.
    #[serde(default)]
    #[schema(value_type = i64, required = false, minimum = 1, maximum = 100, default = 20)]
    pub limit: AtMost,
}

/// 1 to 100.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
pub struct AtMost(i64);

impl Default for AtMost {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<i64> for AtMost {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        if (1..=100).contains(&number) { Ok(Self(number)) } else { Err("must be 1 to 100") }
    }
}

/// What came of redriving many. Each is recorded by itself.
#[derive(Default, Serialize, ToSchema)]
pub struct RedrivenMany {
    /// How many took effect.
    #[schema(minimum = 0)]
    pub took_effect: i64,
    /// How many had taken effect before.
    #[schema(minimum = 0)]
    pub had_taken_effect: i64,
    /// How many failed again.
    #[schema(minimum = 0)]
    pub failed: i64,
    /// How many of this consumer wait now, those that failed among them.
    #[schema(minimum = 0)]
    pub waiting: i64,
}

/// Why a redrive came to nothing.
enum Stop {
    /// There is nothing to redrive.
    Refused(Problem),
    /// It was tried.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Redrives one letter. One that fails again is a conflict, with the new error.
pub(super) async fn one(it: &DeadLetters, id: Uuid, by: &Caller) -> Result<Redriven, Problem> {
    match again(it, id, by).await? {
        Ok(outcome) => Ok(Redriven { id, took_effect: outcome == Outcome::TookEffect }),
        Err(error) => Err(conflict("redrive_failed", "The message still does not take effect").detail(error)),
    }
}

/// Redrives letters of a consumer, each in a transaction of its own: one that fails stops no other, and comes last the
/// next time.
pub(super) async fn many(it: &DeadLetters, wanted: &RedriveMany, by: &Caller) -> Result<RedrivenMany, Problem> {
    let consumer = wanted.consumer.as_str();
    if it.subscriptions.find(consumer).is_none() {
        return Err(conflict("no_such_reaction", "The service has no such reaction"));
    }
    let deadline = Instant::now() + PATIENCE;
    let mut done = RedrivenMany::default();
    for letter in next(it, consumer, wanted.limit.0).await? {
        if Instant::now() > deadline {
            break;
        }
        match again(it, letter, by).await {
            Ok(Ok(Outcome::TookEffect)) => done.took_effect += 1,
            Ok(Ok(_)) => done.had_taken_effect += 1,
            Ok(Err(_)) => done.failed += 1,
            // Somebody else has settled it meanwhile.
            Err(problem) if problem.status() == StatusCode::CONFLICT => {}
            Err(problem) => return Err(problem),
        }
    }
    let mut db = it.pool.get().await.map_err(failed)?;
    done.waiting = letters::count_waiting(&mut db, consumer).await.map_err(failed)?;
    Ok(done)
}

async fn next(it: &DeadLetters, consumer: &str, rows: i64) -> Result<Vec<Uuid>, Problem> {
    letters::list_next(&mut *it.pool.get().await.map_err(failed)?, consumer, rows).await.map_err(failed)
}

/// Runs the reaction to a letter again and records what came of it: the outcome, or the error with which it failed.
async fn again(it: &DeadLetters, id: Uuid, by: &Caller) -> Result<Result<Outcome, String>, Problem> {
    let error = match within(attempt(it, id, by)).await {
        Ok(outcome) => return Ok(Ok(outcome)),
        Err(Stop::Refused(problem)) => return Err(problem),
        Err(Stop::Failed(error)) => error,
    };
    if blameless(&error) {
        return Err(Problem::unavailable(error.as_ref()));
    }
    let error = kept(&format!("{error:#}"));
    let mut db = it.pool.single("record failed redrive").await.map_err(failed)?;
    actions::insert(&mut db, id, Outcome::Failed, Some(&error), by).await.map_err(failed)?;
    Ok(Err(error))
}

async fn attempt(it: &DeadLetters, id: Uuid, by: &Caller) -> Result<Outcome, Stop> {
    let mut tx = it.pool.begin().await?;
    let letter = waiting(letters::lock(&mut tx, id).await?).map_err(Stop::Refused)?;
    let (reaction, event) = read(it, &letter)?;
    let first = reaction.take_effect(&mut tx, event, &letter.bytes).await?;
    let outcome = if first { Outcome::TookEffect } else { Outcome::HadTakenEffect };
    letters::mark_redriven(&mut tx, id, &by.subject).await?;
    actions::insert(&mut tx, id, outcome, None, by).await?;
    tx.commit("redrive dead letter").await?;
    Ok(outcome)
}

fn read<'a>(it: &'a DeadLetters, letter: &DeadLetter) -> anyhow::Result<(&'a Reaction, Uuid)> {
    let reaction = it.subscriptions.find(&letter.summary.consumer).context("the service no longer reacts to this")?;
    Ok((reaction, (reaction.check)(&letter.bytes)?))
}

/// Decides that a letter shall never take effect, not even if its message is published again.
pub(super) async fn discard(
    it: &DeadLetters,
    id: Uuid,
    reason: &DiscardReason,
    by: &Caller,
) -> Result<DeadLetter, Problem> {
    let mut tx = it.pool.begin().await.map_err(failed)?;
    let letter = waiting(letters::lock(&mut tx, id).await.map_err(failed)?)?;
    if let Ok((reaction, event)) = read(it, &letter) {
        inbox::record(&mut tx, &reaction.consumer, event).await.map_err(failed)?;
    }
    letters::mark_discarded(&mut tx, id, &by.subject).await.map_err(failed)?;
    actions::insert(&mut tx, id, Outcome::Discarded, Some(reason.as_str()), by).await.map_err(failed)?;
    let letter = letters::find(&mut tx, id).await.map_err(failed)?.ok_or_else(not_found)?;
    tx.commit("discard dead letter").await.map_err(failed)?;
    Ok(letter)
}

fn waiting(letter: Option<DeadLetter>) -> Result<DeadLetter, Problem> {
    let letter = letter.ok_or_else(not_found)?;
    match letter.summary.state() {
        DeadLetterState::Waiting => Ok(letter),
        DeadLetterState::Redriven => Err(conflict("already_redriven", "The message was redriven already")),
        DeadLetterState::Discarded => Err(conflict("already_discarded", "The message was discarded")),
    }
}

pub(super) fn not_found() -> Problem {
    Problem::not_found("dead_letter_not_found", "There is no such dead letter")
}

fn conflict(code: &str, title: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, code, title)
}
