//! Users and clients that operators shut out.

use axum::extract::State;
use database::Tx;
use http::StatusCode;
use time::OffsetDateTime;
use uuid::Uuid;
use web::{Path, Problem};

use crate::{
    App,
    db::{self, LetIn},
    domain::{Happened, SecurityEvent},
    error::Error,
    events,
    http::operators::Operator,
};

/// Shuts a user out.
#[utoipa::path(put, path = "/auth/v1/users/{user_id}/disabled", operation_id = "disableUser", tag = "operation",
    summary = "Shut a user out",
    description = "Ends all sessions, grants and tokens of the user at once, at the gateways too. Nothing tells the user \
        from somebody with a wrong password any more.",
    params(("user_id" = Uuid, Path, description = "Which user.")),
    responses((status = 204, description = "The user is shut out."),
        (status = 404, response = web::contract::NotFound), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn disable_user(
    operator: Operator,
    State(app): State<App>,
    Path(user_id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let (mut tx, now) = begin(&app).await?;
    let known = db::disable_user(&mut tx, user_id, now).await.map_err(Error::from)?;
    end_user(tx, user_id, known, Happened::UserDisabled, &operator, now).await
}

/// Lets a user in again.
#[utoipa::path(delete, path = "/auth/v1/users/{user_id}/disabled", operation_id = "enableUser", tag = "operation",
    summary = "Let a user in again",
    params(("user_id" = Uuid, Path, description = "Which user.")),
    responses((status = 204, description = "The user may log in again; what has ended stays so."),
        (status = 404, response = web::contract::NotFound), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn enable_user(
    operator: Operator,
    State(app): State<App>,
    Path(user_id): Path<Uuid>,
) -> Result<StatusCode, Problem> {
    let (mut tx, now) = begin(&app).await?;
    // Asked for again, it ends nothing again.
    match db::enable_user(&mut tx, user_id).await.map_err(Error::from)? {
        LetIn::WasIn => Ok(StatusCode::NO_CONTENT),
        found => end_user(tx, user_id, found == LetIn::Now, Happened::UserEnabled, &operator, now).await,
    }
}

/// Shuts a client out.
#[utoipa::path(put, path = "/auth/v1/clients/{client_id}/disabled", operation_id = "disableClient", tag = "operation",
    summary = "Shut a client out",
    description = "Ends all grants and tokens of the client at once, at the gateways too. It is as if it were not known.",
    params(("client_id" = String, Path, description = "Which client.")),
    responses((status = 204, description = "The client is shut out."),
        (status = 404, response = web::contract::NotFound), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn disable_client(
    operator: Operator,
    State(app): State<App>,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (mut tx, now) = begin(&app).await?;
    let known = db::disable_client(&mut tx, &client_id, now).await.map_err(Error::from)?;
    end_client(tx, &client_id, known, Happened::ClientDisabled, &operator, now).await
}

/// Lets a client in again.
#[utoipa::path(delete, path = "/auth/v1/clients/{client_id}/disabled", operation_id = "enableClient", tag = "operation",
    summary = "Let a client in again",
    params(("client_id" = String, Path, description = "Which client.")),
    responses((status = 204, description = "The client may get tokens again; what has ended stays so."),
        (status = 404, response = web::contract::NotFound), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn enable_client(
    operator: Operator,
    State(app): State<App>,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (mut tx, now) = begin(&app).await?;
    // Asked for again, it ends nothing again.
    match db::enable_client(&mut tx, &client_id).await.map_err(Error::from)? {
        LetIn::WasIn => Ok(StatusCode::NO_CONTENT),
        found => end_client(tx, &client_id, found == LetIn::Now, Happened::ClientEnabled, &operator, now).await,
    }
}

async fn begin(app: &App) -> Result<(Tx, OffsetDateTime), Problem> {
    Ok((app.pool.begin().await.map_err(Error::from)?, app.clock.now()))
}

async fn end_user(
    mut tx: Tx,
    user_id: Uuid,
    known: bool,
    happened: Happened,
    operator: &Operator,
    now: OffsetDateTime,
) -> Result<StatusCode, Problem> {
    if !known {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_such_user", "There is no such user"));
    }
    // Letting in ends things as well: what slipped in between does not come back to life.
    events::end_user(&mut tx, user_id, now).await.map_err(Error::from)?;
    let event = SecurityEvent::of_user(happened, user_id).by(&operator.subject);
    events::record(&mut tx, event, now).await.map_err(Error::from)?;
    tx.commit("shut user out").await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_client(
    mut tx: Tx,
    client_id: &str,
    known: bool,
    happened: Happened,
    operator: &Operator,
    now: OffsetDateTime,
) -> Result<StatusCode, Problem> {
    if !known {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_such_client", "There is no such client"));
    }
    events::end_client(&mut tx, client_id, now).await.map_err(Error::from)?;
    let event = SecurityEvent::of_client(happened, client_id).by(&operator.subject);
    events::record(&mut tx, event, now).await.map_err(Error::from)?;
    tx.commit("shut client out").await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
