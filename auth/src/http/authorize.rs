//! The authorization endpoint (RFC 6749, section 4.1; RFC 7636; RFC 9207; OpenID Connect Core, section 3.1.2).

mod answer;
mod decide;
mod parameters;

pub use answer::{Outcome, answer};
pub use decide::{Question, Step, decide};
pub use parameters::AuthorizationParameters;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    App,
    db::{self, Session},
    domain::{AuthorizationRequest, Client, Code, UserCode},
    error::Error,
    http::{
        consent,
        pages::OnPage,
        par,
        parameters::{Form, Query},
    },
};

/// Begins a login: asks the user to sign in if necessary and sends the browser back with a code.
#[utoipa::path(get, path = "/auth/authorize", operation_id = "authorize", tag = "login", summary = "Begin a login",
    description = "Where an application sends the browser. PKCE with `S256` is required of every client. The answer \
        goes to `redirect_uri` with `code`, `state` and `iss` (RFC 9207), or with `error`; as long as client and \
        redirect URI are not known to be right, it is a page instead.",
    params(AuthorizationParameters),
    responses(
        (status = 200, description = "A page: the user is asked to allow this, or the answer as a form that the browser \
            sends to the client (`response_mode=form_post`).", body = String, content_type = "text/html"),
        (status = 303, description = "To the client with a code or an error, or to the login page.",
            headers(("Location" = String, description = "Where to go."))),
        (status = 400, description = "Client or redirect URI are not right. A page.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn from_query(
    State(app): State<App>,
    headers: HeaderMap,
    request: Result<Query<AuthorizationRequest>, Error>,
    asked: Result<Query<Asked>, Error>,
) -> Result<Response, OnPage> {
    authorize(&app, &headers, par::resolve(&app, request?.0).await?, asked?.0).await
}

/// The same, with the parameters in a form (OpenID Connect Core, section 3.1.2.1).
#[utoipa::path(post, path = "/auth/authorize", operation_id = "authorizeByForm", tag = "login", summary = "Begin a login, by form",
    request_body(content = AuthorizationParameters, content_type = "application/x-www-form-urlencoded",
        description = "The same parameters as in the query string."),
    responses(
        (status = 200, description = "A page: the user is asked to allow this, or the answer as a form that the browser \
            sends to the client (`response_mode=form_post`).", body = String, content_type = "text/html"),
        (status = 303, description = "To the client with a code or an error, or to the login page; without a cookie \
            to the same by GET.",
            headers(("Location" = String, description = "Where to go."))),
        (status = 400, description = "Client or redirect URI are not right. A page.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn from_form(
    State(app): State<App>,
    headers: HeaderMap,
    request: Result<Form<AuthorizationRequest>, Error>,
) -> Result<Response, OnPage> {
    let request = par::resolve(&app, request?.0).await?;
    if app.browsers.recognise(&headers).known().is_none() {
        // A form from another site comes without the cookie (SameSite=Lax). A redirect to here brings it.
        addressed(&app, &request).await?;
        return Ok(Redirect::to(&format!("/auth/authorize?{}", encode(&request)?)).into_response());
    }
    authorize(&app, &headers, request, Asked::default()).await
}

/// What the login page sends along: when the user was asked to log in on behalf of this request.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    asked: Option<String>,
    /// The device for which somebody logs in, by what it shows.
    user_code: Option<String>,
}

impl Asked {
    /// A login is asked for now.
    pub fn now(app: &App) -> Self {
        Self { asked: Some(app.browsers.note_moment(app.clock.now())), user_code: None }
    }

    /// The query string of the pages about the device, if it is for one.
    pub fn device(&self) -> Option<String> {
        let code = UserCode::parse(self.user_code.as_deref()?)?;
        Some(format!("user_code={code}"))
    }

    /// When it was asked for; none if it was not, or not by us.
    pub fn at(&self, app: &App) -> Option<OffsetDateTime> {
        app.browsers.noted_moment(self.asked.as_deref(), app.clock.now())
    }

    /// What comes after the query string of the request.
    pub fn suffix(&self) -> String {
        self.asked.as_ref().map_or_else(String::new, |asked| format!("&asked={asked}"))
    }
}

async fn authorize(
    app: &App,
    headers: &HeaderMap,
    request: AuthorizationRequest,
    asked: Asked,
) -> Result<Response, OnPage> {
    let (client, destination) = addressed(app, &request).await?;
    let (client, destination, request, asked) = (&client, destination.as_str(), &request, &asked);
    proceed(app, headers, StatusCode::OK, Question { client, destination, request, asked, allowed: None }).await
}

/// Decides about a request and answers: to the client, or with the page that the user has to see first.
pub async fn proceed(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    question: Question<'_>,
) -> Result<Response, OnPage> {
    let outcome = match decide(app, headers, &question).await {
        Ok(Step::Granted(code)) => Outcome::Granted(code),
        Ok(Step::LogIn(path)) => return Ok(Redirect::to(&path).into_response()),
        Ok(Step::Consent(user, scopes)) => return Ok(consent::ask(app, headers, status, &question, &user, &scopes)?),
        Err(Error::Refused(refusal)) => Outcome::Refused(refusal),
        Err(other) => return Err(other.into()),
    };
    Ok(answer(app, question.request, question.destination, &outcome)?)
}

/// The client that asks, and the address of it to which the answer goes.
pub async fn addressed(app: &App, request: &AuthorizationRequest) -> Result<(Client, String), Error> {
    let client = match &request.client_id {
        Some(client_id) => db::find_client(&mut *app.pool.get().await?, client_id).await?,
        None => None,
    };
    let destination = request.destination(client.as_ref())?.to_owned();
    // destination() refuses where there is no client.
    client.map(|client| (client, destination)).ok_or_else(|| Client::unknown().into())
}

/// The session of the browser that sent a request.
pub async fn current_session(app: &App, headers: &HeaderMap) -> Result<Option<Session>, Error> {
    let Some(cookie) = app.browsers.recognise(headers).known() else { return Ok(None) };
    Ok(db::find_session(&mut *app.pool.get().await?, cookie, app.clock.now()).await?)
}

/// The request as a query string: by reference where it was pushed.
pub fn encode(request: &AuthorizationRequest) -> Result<String, Error> {
    let by_reference = request.pushed.map(|_| AuthorizationRequest {
        client_id: request.client_id.clone(),
        request_uri: request.request_uri.clone(),
        ..AuthorizationRequest::default()
    });
    Ok(serde_urlencoded::to_string(by_reference.as_ref().unwrap_or(request))
        .map_err(|_| Code::InvalidRequest.because("The parameters cannot be encoded."))?)
}
