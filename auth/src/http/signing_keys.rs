//! Signing keys, for operators: to look at, to rotate, and to take out one that somebody else may have.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use web::{Json, Path, Problem};

use crate::{App, db, error::Error, http::operators::Operator};

/// A signing key.
#[derive(Serialize, ToSchema)]
pub struct SigningKey {
    /// Its thumbprint (RFC 7638).
    kid: String,
    /// What it signs with: ES256 for services and clients, RS256 for clients that want it.
    #[schema(example = "ES256")]
    algorithm: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// From then on it signs, until a newer one does.
    #[serde(with = "time::serde::rfc3339")]
    signs_from: OffsetDateTime,
    /// Since then it is not published any more.
    #[serde(with = "time::serde::rfc3339::option")]
    retired_at: Option<OffsetDateTime>,
}

/// The signing keys.
#[derive(Serialize, ToSchema)]
pub struct SigningKeys {
    /// The one that signs last first; those that were retired go after a month.
    keys: Vec<SigningKey>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub struct NewKey {
    /// Its thumbprint (RFC 7638).
    kid: String,
    /// What it signs with.
    #[schema(example = "ES256")]
    algorithm: &'static str,
    /// From then on it signs.
    #[serde(with = "time::serde::rfc3339")]
    signs_from: OffsetDateTime,
}

/// The keys that were made.
#[derive(Serialize, ToSchema)]
pub struct NewKeys {
    /// One of each algorithm.
    keys: Vec<NewKey>,
}

/// Lists the signing keys.
#[utoipa::path(get, path = "/auth/v1/signing-keys", operation_id = "listSigningKeys", tag = "operation",
    summary = "Signing keys",
    responses((status = 200, description = "The keys.", body = SigningKeys), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn list(_: Operator, State(app): State<App>) -> Result<Json<SigningKeys>, Problem> {
    let lives = db::list_key_lives(&mut *app.pool.get().await.map_err(Error::from)?).await.map_err(Error::from)?;
    let keys = lives.into_iter().map(|key| SigningKey {
        kid: key.kid,
        algorithm: key.algorithm,
        created_at: key.created_at,
        signs_from: key.signs_from,
        retired_at: key.retired_at,
    });
    Ok(Json(SigningKeys { keys: keys.collect() }))
}

/// Makes a signing key of each algorithm.
#[utoipa::path(post, path = "/auth/v1/signing-keys", operation_id = "rotateSigningKeys", tag = "operation",
    summary = "Rotate the signing keys",
    description = "The new keys are published at once and sign when everybody has had time to fetch them. Those \
        before stay published as long as anything signed with them may live.",
    responses((status = 201, description = "The new keys.", body = NewKeys), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn rotate(operator: Operator, State(app): State<App>) -> Result<(StatusCode, Json<NewKeys>), Problem> {
    let made = app.signer.rotate(&operator.subject).await.map_err(Error::Keys)?;
    let keys = made.into_iter().map(|key| NewKey {
        kid: key.kid,
        algorithm: key.algorithm.as_str(),
        signs_from: key.signs_from,
    });
    Ok((StatusCode::CREATED, Json(NewKeys { keys: keys.collect() })))
}

/// Takes a signing key out at once.
#[utoipa::path(delete, path = "/auth/v1/signing-keys/{kid}", operation_id = "retireSigningKey", tag = "operation",
    summary = "Retire a signing key",
    description = "For a key that somebody else may have. Nothing signed with it is good any more as soon as services have \
        fetched the keys again, which takes a minute. If nothing else of its algorithm signs, a new key does at once.",
    params(("kid" = String, Path, description = "Which key.")),
    responses((status = 204, description = "It is not published any more, and its private part is gone."),
        (status = 404, response = web::contract::NotFound), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn retire(
    operator: Operator,
    State(app): State<App>,
    Path(kid): Path<String>,
) -> Result<StatusCode, Problem> {
    if app.signer.retire(&kid, &operator.subject).await.map_err(Error::Keys)? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(StatusCode::NOT_FOUND, "no_such_key", "There is no such key, or it was retired before"))
}
