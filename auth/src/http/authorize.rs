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
use serde::{Deserialize, Serialize};

use crate::{
    App,
    db::{self, Session},
    domain::{AuthorizationRequest, Client, Code, Refusal, UserCode},
    error::Error,
    http::{
        consent,
        pages::OnPage,
        par,
        parameters::{Form, Query},
        session::Browser,
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

/// What travels between this endpoint and the pages beside the request. Only for its bearer to be shown a page or spared
/// one: nothing in it is believed unless it is a note of ours.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Asked {
    /// The login page asks for the password although somebody is logged in.
    again: Option<String>,
    /// The login page has noted that the password was right, because this request asked for it.
    #[serde(rename = "asked")]
    note: Option<String>,
    /// The device for which somebody logs in, by what it shows.
    #[serde(skip_serializing)]
    user_code: Option<String>,
}

impl Asked {
    /// The password is to be asked for, also of who is logged in if it is to be `again`.
    pub fn to_log_in(again: bool) -> Self {
        Self { again: again.then(|| "true".into()), ..Self::default() }
    }

    /// The query string of the pages about the device, if it is for one.
    pub fn device(&self) -> Option<String> {
        let code = UserCode::parse(self.user_code.as_deref()?)?;
        Some(format!("user_code={code}"))
    }

    /// The password was right, and this is the new session.
    pub fn answered(app: &App, request: &str, session: &Browser) -> Self {
        let note = app.browsers.note_login(&session.hash(), request, app.clock.now());
        Self { note: Some(note), ..Self::default() }
    }

    /// Whether the password is asked for although somebody is logged in.
    pub const fn is_again(&self) -> bool {
        self.again.is_some()
    }

    /// Whether the password was asked for on behalf of this request, and was right, in this browser's session.
    pub fn is_answered(&self, app: &App, headers: &HeaderMap, request: &AuthorizationRequest) -> Result<bool, Error> {
        let (Some(note), Some(cookie)) = (&self.note, app.browsers.recognise(headers).known()) else {
            return Ok(false);
        };
        Ok(app.browsers.has_noted_login(note, &cookie, &encode(request)?, app.clock.now()))
    }

    /// A query string of the request and this.
    pub fn beside(&self, request: &str) -> Result<String, Error> {
        let mine = serde_urlencoded::to_string(self).map_err(|_| unencodable())?;
        Ok(if mine.is_empty() { request.to_owned() } else { format!("{request}&{mine}") })
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
    Ok(serde_urlencoded::to_string(by_reference.as_ref().unwrap_or(request)).map_err(|_| unencodable())?)
}

fn unencodable() -> Refusal {
    Code::InvalidRequest.because("The parameters cannot be encoded.")
}
