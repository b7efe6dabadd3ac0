//! Who calls, and what they may. Both are parameters of a handler, never an `if` in its body.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderValue, StatusCode, header, request::Parts};
use uuid::Uuid;

use crate::{
    problem::Problem,
    verifier::{Refusal, Verifier},
};

/// Whoever sent the request, as the verified JWT says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `sub`: the UUID of a user, or `client:{client_id}` of a client that acts for itself.
    pub subject: String,
    /// The client that sent it.
    pub client_id: String,
    /// What was granted.
    pub scopes: Vec<String>,
    /// What the user is: `customer`, `staff`, `operator`.
    pub roles: Vec<String>,
    /// The client's plan: `free`, `partner`, `internal`.
    pub plan: String,
}

impl Caller {
    /// The user, unless a client acts for itself.
    pub fn user(&self) -> Option<Uuid> {
        self.subject.parse().ok()
    }

    /// The user, for what only a user can own. 403 for a client that acts for itself.
    pub fn require_user(&self) -> Result<Uuid, Problem> {
        self.user().ok_or_else(|| forbidden("user_required", "Only a user can do this"))
    }

    /// 403 (RFC 6750, section 3.1) unless `scope` was granted.
    pub fn require_scope(&self, scope: &str) -> Result<(), Problem> {
        if self.scopes.iter().any(|granted| granted == scope) {
            return Ok(());
        }
        let problem = forbidden("insufficient_scope", "The token does not carry the scope").with("scope", scope);
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        Err(match HeaderValue::from_str(&challenge) {
            Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => problem,
        })
    }

    /// 403 unless the user has one of `roles`. A client that acts for itself has none and needs none; nor does anybody
    /// if none is named.
    pub fn require_role(&self, roles: &[&str]) -> Result<(), Problem> {
        let has_role = self.roles.iter().any(|role| roles.contains(&role.as_str()));
        if self.user().is_none() || roles.is_empty() || has_role {
            return Ok(());
        }
        Err(forbidden("insufficient_role", "The user does not have the role").with("roles", roles))
    }

    /// Staff or operators, who see everybody's things.
    pub fn is_staff(&self) -> bool {
        self.roles.iter().any(|role| role == "staff" || role == "operator")
    }

    /// Whose things may be seen: the caller's own (`Some`), or everybody's (`None`) by staff and by clients that act
    /// for themselves, whom their scopes govern.
    pub fn restricted_to(&self) -> Option<Uuid> {
        if self.is_staff() { None } else { self.user() }
    }
}

/// What an operation asks of its caller.
pub trait Permission: Send + Sync + 'static {
    /// The scope that must have been granted.
    const SCOPE: &'static str;
    /// One of these roles, if a user calls. Empty: any.
    const ROLES: &'static [&'static str] = &[];
}

/// A caller with a valid token, whatever it may do.
#[derive(Clone, Debug)]
pub struct Authenticated(pub Caller);

/// A caller with permission `P`. Without a valid token 401 (RFC 6750, section 3), without permission 403.
#[derive(Clone, Debug)]
pub struct Allowed<P> {
    /// Who it is.
    pub caller: Caller,
    permission: PhantomData<fn() -> P>,
}

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = bearer(parts)?;
        match Verifier::from_ref(state).verify(token).await {
            Ok(caller) => Ok(Self(caller)),
            Err(Refusal::Invalid(why)) => {
                tracing::info!(why, "token refused");
                Err(unauthorized("invalid_token", "Bearer error=\"invalid_token\""))
            }
            Err(Refusal::Undecided(problem)) => Err(problem),
        }
    }
}

impl<S, P> FromRequestParts<S> for Allowed<P>
where
    S: Send + Sync,
    P: Permission,
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Authenticated(caller) = Authenticated::from_request_parts(parts, state).await?;
        permit::<P>(&caller)?;
        Ok(Self { caller, permission: PhantomData })
    }
}

fn permit<P: Permission>(caller: &Caller) -> Result<(), Problem> {
    caller.require_scope(P::SCOPE)?;
    caller.require_role(P::ROLES)
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let missing = || unauthorized("token_required", "Bearer");
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(token.trim())
}

fn unauthorized(code: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, "A valid access token is required")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

fn forbidden(code: &str, title: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code, title)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Receive;

    impl Permission for Receive {
        const SCOPE: &'static str = "inventory:write";
        const ROLES: &'static [&'static str] = &["staff"];
    }

    fn caller(subject: &str, scopes: &[&str], roles: &[&str]) -> Caller {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Caller {
            subject: subject.to_owned(),
            client_id: "demo".to_owned(),
            scopes: owned(scopes),
            roles: owned(roles),
            plan: "free".to_owned(),
        }
    }

    const USER: &str = "01900000-0000-7000-8000-000000000001";

    #[test]
    fn a_user_needs_the_scope_and_the_role() {
        assert!(permit::<Receive>(&caller(USER, &["inventory:write"], &["staff"])).is_ok());
        let no_scope = permit::<Receive>(&caller(USER, &["inventory:writer"], &["staff"])).unwrap_err();
        assert_eq!(no_scope.code(), "insufficient_scope");
        let no_role = permit::<Receive>(&caller(USER, &["inventory:write"], &["customer"])).unwrap_err();
        assert_eq!(no_role.code(), "insufficient_role");
    }

    #[test]
    fn a_client_that_acts_for_itself_is_governed_by_scope_alone() {
        let client = caller("client:reporting", &["inventory:write"], &[]);
        assert!(permit::<Receive>(&client).is_ok());
        assert_eq!((client.user(), client.restricted_to()), (None, None));
    }

    #[test]
    fn a_customer_sees_only_what_is_theirs() {
        assert!(caller(USER, &[], &["customer"]).restricted_to().is_some());
        assert!(caller(USER, &[], &["staff"]).restricted_to().is_none());
    }
}
