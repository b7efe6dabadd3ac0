//! What operators hand out so that clients can register themselves (RFC 7591, section 3).

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, Path, Problem};

use crate::{
    App,
    db::{self, NewAllowance},
    domain::{ABOUT_THE_USER, Allowance, GrantType, Happened, Role, SERVICES, Scopes, Secret, SecurityEvent, User},
    error::Error,
    events,
    http::operators::Operator,
};

const LONGEST: i64 = 30 * 24 * 3600;

/// What is handed out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    /// How many clients it may register.
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    uses: i32,
    /// How long it may be used, in seconds.
    #[schema(minimum = 60, maximum = 2_592_000, default = 3600)]
    expires_in: i64,
    /// The most that those clients may be given; unless told, what customers may be given.
    #[schema(example = "openid profile order:read")]
    scope: Option<String>,
    /// How they may get tokens; unless told, by code and refresh token. Who acts for itself sees what belongs to
    /// everybody, so give `client_credentials` only with scopes that may be.
    #[schema(example = json!(["authorization_code", "refresh_token"]))]
    grant_types: Option<Vec<String>>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { uses: 1, expires_in: 3600, scope: None, grant_types: None }
    }
}

/// An initial access token.
#[derive(Serialize, ToSchema)]
pub struct Issued {
    /// For withdrawing it.
    id: Uuid,
    /// Shown once.
    #[schema(example = "rit_Xb5…")]
    initial_access_token: String,
    uses: i32,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    scope: String,
}

/// Issues an initial access token.
#[utoipa::path(post, path = "/auth/v1/initial-access-tokens", operation_id = "issueInitialAccessToken", tag = "operation",
    summary = "Let clients register themselves", request_body = Wanted,
    responses((status = 201, description = "The token: it is shown once.", body = Issued), web::contract::Problems,
        web::contract::BodyProblems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn issue(
    operator: Operator,
    State(app): State<App>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Issued>), Problem> {
    let allowance = allowance(&wanted)?;
    let (token, id, now) = (Secret::initial_access_token(rand::random()), Uuid::now_v7(), app.clock.now());
    let expires_at = now + Duration::seconds(wanted.expires_in);
    let (allowed, issued_by) = (&allowance, operator.subject.as_str());
    let new = NewAllowance { id, token: token.hash(), uses: wanted.uses, allowance: allowed, issued_by, expires_at };
    let mut tx = app.pool.begin().await.map_err(Error::from)?;
    db::insert_initial_access_token(&mut tx, &new, now).await.map_err(Error::from)?;
    let event = SecurityEvent::of(Happened::RegistrationAllowed).by(issued_by).because(id.to_string());
    events::record(&mut tx, event, now).await.map_err(Error::from)?;
    tx.commit("allow registration").await.map_err(Error::from)?;
    let (initial_access_token, scope) = (token.reveal().to_owned(), allowance.scopes.to_string());
    Ok((StatusCode::CREATED, Json(Issued { id, initial_access_token, uses: wanted.uses, expires_at, scope })))
}

/// Withdraws an initial access token.
#[utoipa::path(delete, path = "/auth/v1/initial-access-tokens/{id}", operation_id = "withdrawInitialAccessToken",
    tag = "operation", summary = "Withdraw an initial access token",
    description = "Clients that were registered with it stay.",
    params(("id" = Uuid, Path, description = "Which token.")),
    responses((status = 204, description = "It cannot be used any more."),
        (status = 404, response = web::contract::NotFound), web::contract::Problems),
    security(("oauth2" = ["auth:operate"])))]
pub async fn withdraw(operator: Operator, State(app): State<App>, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (mut tx, now) = (app.pool.begin().await.map_err(Error::from)?, app.clock.now());
    if !db::delete_initial_access_token(&mut tx, id).await.map_err(Error::from)? {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_such_token", "There is no such token"));
    }
    let event = SecurityEvent::of(Happened::RegistrationForbidden).by(&operator.subject).because(id.to_string());
    events::record(&mut tx, event, now).await.map_err(Error::from)?;
    tx.commit("forbid registration").await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}

fn allowance(wanted: &Wanted) -> Result<Allowance, Problem> {
    let wrong = |field: &str, message: &str| {
        let problem =
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", "The body is not as the contract says");
        problem.field(field, message)
    };
    if !(1..=1000).contains(&wanted.uses) {
        return Err(wrong("uses", "must be from 1 to 1000"));
    }
    if !(60..=LONGEST).contains(&wanted.expires_in) {
        return Err(wrong("expires_in", "must be from a minute to thirty days"));
    }
    let known = SERVICES.iter().flat_map(|(_, scopes)| scopes.iter()).chain(ABOUT_THE_USER).copied();
    // Who operates the suite is provisioned.
    let known = known.filter(|scope| !scope.ends_with(":operate"));
    let scopes = match &wanted.scope {
        None => User::scopes_of(&[Role::Customer]),
        Some(text) => Scopes::parse(text).map_err(|_| wrong("scope", "is not a list of scopes"))?,
    };
    if scopes.is_empty() || !scopes.within(&Scopes::of(known)) {
        return Err(wrong("scope", "holds one that is not known, or none"));
    }
    let default = [GrantType::AuthorizationCode, GrantType::RefreshToken].map(|it| it.as_str().to_owned());
    let names = wanted.grant_types.as_deref().unwrap_or(&default);
    let grant_types: Option<Vec<_>> = names.iter().map(|name| GrantType::parse(name)).collect();
    let grant_types = grant_types.filter(|types| !types.is_empty() && !types.contains(&GrantType::TokenExchange));
    let grant_types = grant_types.ok_or_else(|| wrong("grant_types", "holds one that is not to be given, or none"))?;
    Ok(Allowance { scopes, grant_types })
}
