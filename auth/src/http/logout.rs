//! The logout page.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::{
    App, db,
    error::Error,
    events,
    http::{
        address::Address,
        authorize::current_session,
        pages::{OnPage, SignedIn, SignedOut, page},
        parameters::Form,
    },
};

/// Asks whether to log out.
#[utoipa::path(get, path = "/auth/logout", operation_id = "showLogout", tag = "pages", summary = "The logout page",
    responses(
        (status = 200, description = "A button, or word that nobody is logged in.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, OnPage> {
    let Some(session) = current_session(&app, &headers).await? else {
        return Ok(page(StatusCode::OK, &SignedOut, "")?);
    };
    let proof = app.browsers.proof(&app.browsers.recognise(&headers));
    let signed_in = SignedIn { name: &session.user.name, username: &session.user.username, proof: &proof };
    Ok(page(StatusCode::OK, &signed_in, "")?)
}

/// The logout form.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Confirmation {
    /// From the form: proves that it was ours.
    #[schema(required)]
    csrf: Option<String>,
}

/// Ends the session of this browser.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logOut", tag = "pages", summary = "Log out",
    request_body(content = Confirmation, content_type = "application/x-www-form-urlencoded",
        description = "The form of the page."),
    responses(
        (status = 200, description = "Logged out.", body = String, content_type = "text/html"),
        (status = 400, description = "The body is no such form. A page.", body = String, content_type = "text/html"),
        (status = 403, description = "The form was not ours; nothing has changed.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn log_out(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    form: Result<Form<Confirmation>, Error>,
) -> Result<Response, OnPage> {
    let browser = app.browsers.recognise(&headers);
    if !app.browsers.proves(&browser, form?.0.csrf.as_deref()) {
        let mut response = show(State(app), headers).await?;
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let mut tx = app.pool.begin().await?;
    let ended: Vec<_> = db::find_session_id(&mut tx, browser.hash()).await?.into_iter().collect();
    events::end_sessions(&mut tx, &ended, address, app.clock.now()).await?;
    tx.commit("log out").await?;
    Ok((app.browsers.remove_cookie(), page(StatusCode::OK, &SignedOut, "")?).into_response())
}
