//! What operators did to dead letters. The table takes new rows only.

use database::{Error, Result};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;
use web::Caller;

/// What an operator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterActionKind)]
pub enum Action {
    /// Ran the reaction again.
    Redrive,
    /// Decided that the message shall never take effect.
    Discard,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterActionOutcome)]
pub enum Outcome {
    /// The redriven message took effect.
    TookEffect,
    /// The redriven message had taken effect before; nothing was done.
    HadTakenEffect,
    /// The redriven message failed again.
    Failed,
    /// It will never take effect.
    Discarded,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::TookEffect => "took_effect",
            Self::HadTakenEffect => "had_taken_effect",
            Self::Failed => "failed",
            Self::Discarded => "discarded",
        }
    }
}

/// One thing that an operator did to a dead letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetterAction {
    pub id: Uuid,
    pub dead_letter_id: Uuid,
    /// `redrive` or `discard`.
    #[schema(value_type = Action)]
    pub action: String,
    #[schema(value_type = Outcome)]
    pub outcome: String,
    /// Why it failed, or why it was discarded.
    pub detail: Option<String>,
    /// Whose token it was: the UUID of a user, or `client:{client_id}`.
    pub subject: String,
    /// The client that was used.
    pub client_id: String,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// Records what somebody did to a letter, with what came of it and, for a failure or a discard, why.
pub(super) async fn insert(
    db: &mut PgConnection,
    letter: Uuid,
    outcome: Outcome,
    detail: Option<&str>,
    by: &Caller,
) -> Result<()> {
    let action = if outcome == Outcome::Discarded { "discard" } else { "redrive" };
    sqlx::query!(
        "insert into messaging.dead_letter_action (id, dead_letter_id, action, outcome, detail, subject, client_id)
         values ($1, $2, $3, $4, $5, $6, $7)",
        Uuid::now_v7(),
        letter,
        action,
        outcome.as_str(),
        detail,
        by.subject,
        by.client_id,
    )
    .execute(db)
    .await?;
    tracing::info!(%letter, outcome = outcome.as_str(), by = by.subject, client = by.client_id, "dead letter");
    Ok(())
}

/// What was done, the latest first, beginning before `before`: to one letter or to all.
pub(super) async fn list(
    db: &mut PgConnection,
    letter: Option<Uuid>,
    before: Option<Uuid>,
    rows: i64,
) -> Result<Vec<DeadLetterAction>> {
    sqlx::query_as!(
        DeadLetterAction,
        "select id, dead_letter_id, action, outcome, detail, subject, client_id, at
         from messaging.dead_letter_action
         where ($1::uuid is null or dead_letter_id = $1) and ($2::uuid is null or id < $2)
         order by id desc limit $3",
        letter,
        before,
        rows,
    )
    .fetch_all(db)
    .await
    .map_err(Error::from)
}
