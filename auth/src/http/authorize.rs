//! The authorization endpoint (RFC 6749, section 4.1; RFC 7636; RFC 9207).

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::HeaderMap;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    App,
    db::{self, NewCode, Session},
    domain::{Authorization, AuthorizationRequest, Client, Code, Happened, Refusal, Secret, SecurityEvent, with_query},
    error::Error,
    events,
    http::{
        pages::OnPage,
        parameters::{Form, Query},
        session::Browsers,
    },
};

/// Begins a login: asks the user to sign in if necessary and sends the browser back with a code.
#[utoipa::path(get, path = "/auth/authorize", operation_id = "authorize", tag = "login", summary = "Begin a login",
    description = "Where an application sends the browser. PKCE with `S256` is required of every client. The answer \
        goes to `redirect_uri` with `code`, `state` and `iss` (RFC 9207), or with `error`; as long as client and \
        redirect URI are not known to be right, it is a page instead.",
    params(AuthorizationParameters),
    responses(
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
) -> Result<Response, OnPage> {
    authorize(&app, &headers, request?.0).await
}

/// The same, with the parameters in a form (OpenID Connect Core, section 3.1.2.1).
#[utoipa::path(post, path = "/auth/authorize", operation_id = "authorizeByForm", tag = "login", summary = "Begin a login, by form",
    request_body(content = AuthorizationParameters, content_type = "application/x-www-form-urlencoded",
        description = "The same parameters as in the query string."),
    responses(
        (status = 303, description = "To the client with a code or an error, or to the login page.",
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
    authorize(&app, &headers, request?.0).await
}

async fn authorize(app: &App, headers: &HeaderMap, request: AuthorizationRequest) -> Result<Response, OnPage> {
    let (client, destination) = addressed(app, &request).await?;
    let authorization = match request.check(&client) {
        Ok(authorization) => authorization,
        Err(refusal) => return answer(app, &request, &destination, Outcome::Refused(refusal)),
    };
    let Some(session) = current_session(app, headers).await? else {
        let login = format!("/auth/login?{}", encode(&request)?);
        return Ok(Redirect::to(&login).into_response());
    };
    let outcome = match client.narrow(Some(&authorization.scopes), Some(&session.user.scopes())) {
        Ok(scopes) => {
            let authorization = Authorization { scopes, ..authorization };
            Outcome::Granted(grant(app, &client, &destination, &session, &authorization).await?)
        }
        Err(refusal) => Outcome::Refused(refusal),
    };
    answer(app, &request, &destination, outcome)
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
    let Some(cookie) = Browsers::recognise(headers).known() else { return Ok(None) };
    Ok(db::find_session(&mut *app.pool.get().await?, cookie, app.clock.now()).await?)
}

/// The request as a query string.
pub fn encode(request: &AuthorizationRequest) -> Result<String, Error> {
    Ok(serde_urlencoded::to_string(request)
        .map_err(|_| Code::InvalidRequest.because("The parameters cannot be encoded."))?)
}

async fn grant(
    app: &App,
    client: &Client,
    destination: &str,
    session: &Session,
    authorization: &Authorization,
) -> Result<Secret, Error> {
    let code = Secret::plain(rand::random());
    let new = NewCode {
        grant_id: Uuid::now_v7(),
        client_id: &client.client_id,
        user_id: session.user.id,
        scopes: &authorization.scopes,
        authenticated_at: session.authenticated_at,
        code: code.hash(),
        redirect_uri: destination,
        challenge: &authorization.challenge,
        nonce: authorization.nonce.as_deref(),
    };
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    db::insert_grant(&mut tx, &new, now).await?;
    let granted = SecurityEvent::of_user(Happened::Granted, new.user_id).through(new.client_id).about(new.grant_id);
    events::record(&mut tx, granted, now).await?;
    tx.commit("issue code").await?;
    Ok(code)
}

enum Outcome {
    Granted(Secret),
    Refused(Refusal),
}

#[derive(Default, Serialize)]
struct Answer<'a> {
    code: Option<&'a str>,
    error: Option<&'a str>,
    error_description: Option<&'a str>,
    state: Option<&'a str>,
    iss: &'a str,
}

fn answer(app: &App, request: &AuthorizationRequest, destination: &str, outcome: Outcome) -> Result<Response, OnPage> {
    let base = Answer { state: request.state.as_deref(), iss: &app.issuer, ..Answer::default() };
    let answer = match &outcome {
        Outcome::Granted(code) => Answer { code: Some(code.reveal()), ..base },
        Outcome::Refused(refusal) => {
            Answer { error: Some(refusal.code.as_str()), error_description: Some(&refusal.description), ..base }
        }
    };
    let query = serde_urlencoded::to_string(answer)
        .map_err(|_| Code::InvalidRequest.because("The answer cannot be encoded."))?;
    Ok(Redirect::to(&with_query(destination, &query)).into_response())
}

/// The parameters of the authorization endpoint.
#[derive(utoipa::IntoParams, utoipa::ToSchema)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Only describes.
pub struct AuthorizationParameters {
    /// Always `code`.
    #[param(example = "code")]
    response_type: String,
    /// The application.
    #[param(example = "demo")]
    client_id: String,
    /// Where to go with the code: exactly as registered; the port of a loopback address may differ (RFC 8252).
    #[param(example = "http://127.0.0.1:49152/callback")]
    redirect_uri: String,
    /// What is asked for. What is granted may be less: what client and user may both have.
    #[param(example = "openid profile order:read order:write")]
    scope: String,
    /// Comes back unchanged.
    state: Option<String>,
    /// Goes into the ID token unchanged.
    nonce: Option<String>,
    /// Base64url of the SHA-256 of the verifier (RFC 7636).
    #[param(example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    code_challenge: String,
    /// Always `S256`.
    #[param(example = "S256")]
    code_challenge_method: String,
    /// Always `query`.
    response_mode: Option<String>,
    /// The name that stands in the login form at first.
    login_hint: Option<String>,
}
