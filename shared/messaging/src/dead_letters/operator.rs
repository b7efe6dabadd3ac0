//! Who may see and settle dead letters.

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use web::{Authenticated, Caller, Problem, Verifier};

use super::DeadLetters;

/// A caller with scope `{service}:operate`; a user must be an operator besides.
pub(super) struct Operator(pub Caller);

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Verifier: FromRef<S>,
    DeadLetters: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, state).await?;
        let scope = format!("{}:operate", DeadLetters::from_ref(state).subscriptions.service);
        caller.require_scope(&scope)?;
        caller.require_role(&["operator"])?;
        Ok(Self(caller))
    }
}
