//! `/v1/faults`, the same in every service.

use axum::extract::{FromRef, FromRequestParts, State};
use http::{StatusCode, request::Parts};
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Declared, Faults, StandingFaults};
use crate::{
    body::Json,
    caller::{Authenticated, Caller},
    contract,
    problem::Problem,
    verifier::Verifier,
};

/// Where they are. They are never met there.
pub const ROUTE: &str = "/v1/faults";

/// The routes, with scope `{service}:operate`.
pub fn router<S>(service: &str) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Verifier: FromRef<S>,
    Faults: FromRef<S>,
{
    let mut router = OpenApiRouter::new().routes(routes!(list, declare, forget));
    let scope = format!("{service}:operate");
    for item in router.get_openapi_mut().paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.delete].into_iter().flatten() {
            operation.security = Some(vec![SecurityRequirement::new("oauth2", [&scope])]);
        }
    }
    router
}

/// A caller with scope `{service}:operate`, an operator if it is a user, where faults are allowed.
struct Operator(Caller);

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Verifier: FromRef<S>,
    Faults: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, state).await?;
        let faults = Faults::from_ref(state);
        caller.require_scope(&format!("{}:operate", faults.0.service))?;
        caller.require_role(&["operator"])?;
        faults.check_allowed()?;
        Ok(Self(caller))
    }
}

/// List the faults that are declared
///
/// For teaching and testing, and only where the setting `FAULTS` allows it.
#[utoipa::path(get, path = "/v1/faults", operation_id = "list_faults", tag = "operations",
    responses((status = 200, description = "The faults there are.", body = StandingFaults),
        (status = 404, response = contract::NotFound), contract::Problems))]
async fn list(_: Operator, State(faults): State<Faults>) -> Json<StandingFaults> {
    Json(faults.standing())
}

/// Declare faults
///
/// In place of all that there are. Requests are answered late, fail, hang, break off or are refused, until the count or
/// the time of a fault is over. For teaching and testing, and only where the setting `FAULTS` allows it.
#[utoipa::path(put, path = "/v1/faults", operation_id = "declare_faults", tag = "operations", request_body = Declared,
    responses((status = 200, description = "The faults there are now.", body = StandingFaults),
        (status = 404, response = contract::NotFound), contract::Problems, contract::BodyProblems))]
async fn declare(
    Operator(operator): Operator,
    State(faults): State<Faults>,
    Json(declared): Json<Declared>,
) -> Result<Json<StandingFaults>, Problem> {
    let declared = declared.checked()?;
    tracing::warn!(by = operator.subject, ?declared, "faults were declared");
    faults.declare(declared);
    Ok(Json(faults.standing()))
}

/// Forget all faults
///
/// Requests that hang go on hanging.
#[utoipa::path(delete, path = "/v1/faults", operation_id = "forget_faults", tag = "operations",
    responses((status = 204, description = "There is none any more."),
        (status = 404, response = contract::NotFound), contract::Problems))]
async fn forget(Operator(operator): Operator, State(faults): State<Faults>) -> StatusCode {
    tracing::warn!(by = operator.subject, "faults were forgotten");
    faults.declare(Vec::new());
    StatusCode::NO_CONTENT
}
