//! The gateway's own pages for operators. They know their callers as every service does: the opaque token is exchanged
//! for a JWT for exactly the gateway, and that is verified.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRef, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header;
use web::{Permission, Verifier};

use crate::throttle::Standing;
use crate::{App, front};

/// The gateway's name as an audience.
pub const AUDIENCE: &str = "gateway";

/// The scopes of these pages, for the contract.
pub const SCOPES: &[(&str, &str)] = &[(Operate::SCOPE, "See what runs and how: operators")];

/// See what runs and how.
pub struct Operate;

impl Permission for Operate {
    const SCOPE: &'static str = "gateway:operate";
    const ROLES: &'static [&'static str] = &["operator"];
}

/// What such a page can ask for.
#[derive(Clone, FromRef)]
pub struct Operators {
    pub app: Arc<App>,
    pub verifier: Verifier,
}

/// Puts the JWT in place of the caller's token.
pub async fn identify(State(it): State<Operators>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let peer = front::peer(&head.extensions).map(|peer| peer.ip());
    let rate = it.app.policies.load().addresses;
    let stranger = || it.app.throttle.address(rate, peer, &mut Standing::default());
    let translator = &it.app.translator;
    let identity = translator.translate(&head, AUDIENCE, Instant::now(), stranger).await;
    match identity.and_then(|(jwt, _, proof)| translator.use_up(proof).map(|()| jwt)) {
        Ok(jwt) => {
            head.headers.insert(header::AUTHORIZATION, jwt);
            next.run(Request::from_parts(head, body)).await
        }
        Err(refusal) => refusal.into_response(),
    }
}
