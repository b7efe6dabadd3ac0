//! The logout page, also as clients send users to it (OpenID Connect RP-Initiated Logout).

mod ending;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{
    App,
    domain::Code,
    error::Error,
    http::{
        address::Address,
        authorize::current_session,
        pages::OnPage,
        parameters::{Form, Query},
    },
};
use ending::{Ending, confirm, end};

/// What a client says when it sends a user to log out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, utoipa::IntoParams, utoipa::ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct LogoutRequest {
    /// An ID token of the client, expired ones too: for its own session nobody is asked.
    id_token_hint: Option<String>,
    /// The client, if it has no ID token at hand.
    #[param(example = "demo")]
    client_id: Option<String>,
    /// Where to go afterwards: exactly as registered.
    post_logout_redirect_uri: Option<String>,
    /// Comes back unchanged.
    state: Option<String>,
}

/// Logs out, and first asks whether to, unless an ID token shows that it is about this session.
#[utoipa::path(get, path = "/auth/logout", operation_id = "showLogout", tag = "pages", summary = "Log out, or ask whether to",
    params(LogoutRequest),
    responses(
        (status = 200, description = "A button, or word that nobody is logged in.", body = String,
            content_type = "text/html"),
        (status = 303, description = "Logged out: back to the client."),
        (status = 400, description = "The address to return to is not registered, or the parameters contradict each \
            other. A page; nothing has changed.", body = String, content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn show(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    request: Result<Query<LogoutRequest>, Error>,
) -> Result<Response, OnPage> {
    let Query(request) = request?;
    let ending = Ending::read(&app, &request).await?;
    match current_session(&app, &headers).await? {
        Some(session) if !ending.is_of(&session) => {
            Ok(confirm(&app, &headers, StatusCode::OK, &session, &request, &ending)?)
        }
        _ => Ok(end(&app, &headers, address, &ending).await?),
    }
}

/// The logout form, or the same parameters as in the query string.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct LogoutForm {
    /// From the form: proves that it was ours.
    csrf: Option<String>,
    #[serde(flatten)]
    request: LogoutRequest,
}

/// Ends the session of this browser. Without a proof from our form it is a client that sends the user: the same by GET.
#[utoipa::path(post, path = "/auth/logout", operation_id = "logOut", tag = "pages", summary = "Log out",
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded",
        description = "The form of the page, or the parameters of a client."),
    responses(
        (status = 200, description = "Logged out.", body = String, content_type = "text/html"),
        (status = 303, description = "Logged out: back to the client. Or, for a client: the same by GET, which brings \
            the cookie."),
        (status = 400, description = "The body is no such form, or the address to return to is not registered. A page.",
            body = String, content_type = "text/html"),
        (status = 403, description = "The form was not ours; nothing has changed.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn log_out(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    form: Result<Form<LogoutForm>, Error>,
) -> Result<Response, OnPage> {
    let Form(LogoutForm { csrf, request }) = form?;
    let ending = Ending::read(&app, &request).await?;
    if csrf.is_none() {
        let query = serde_urlencoded::to_string(&request);
        let query = query.map_err(|_| Code::InvalidRequest.because("The parameters cannot be encoded."))?;
        return Ok(Redirect::to(&format!("/auth/logout?{query}")).into_response());
    }
    match current_session(&app, &headers).await? {
        Some(session) if !app.browsers.proves(&app.browsers.recognise(&headers), csrf.as_deref()) => {
            Ok(confirm(&app, &headers, StatusCode::FORBIDDEN, &session, &request, &ending)?)
        }
        _ => Ok(end(&app, &headers, address, &ending).await?),
    }
}
