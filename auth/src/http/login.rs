//! The login page.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::{
    App, db,
    domain::{AuthorizationRequest, Happened, SecurityEvent, origin},
    error::Error,
    events,
    http::{
        address::Address,
        authorize::{addressed, current_session, encode},
        pages::{Login, OnPage, SignedIn, page},
        parameters::{Form, Query},
        session::{Browser, Browsers},
    },
};

/// The same text for an unknown name and a wrong password: who asks must not learn which names exist.
const WRONG: &str = "Name or password is not right.";
const EXPIRED: &str = "The form had expired. Please try again.";

/// Shows the login form, or who is logged in.
#[utoipa::path(get, path = "/auth/login", operation_id = "showLogin", tag = "pages", summary = "The login page",
    responses(
        (status = 200, description = "The form, or who is logged in.", body = String, content_type = "text/html"),
        (status = 303, description = "Logged in already: back to the authorization endpoint."),
        (status = 400, description = "Client or redirect URI are not right. A page.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.",
            body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    request: Result<Query<AuthorizationRequest>, Error>,
) -> Result<Response, OnPage> {
    let login = Attempt::read(&app, request?.0).await?;
    let browser = Browsers::recognise(&headers);
    match current_session(&app, &headers).await? {
        Some(_) if login.client.is_some() => Ok(Redirect::to(&login.on_success()).into_response()),
        Some(session) => {
            let (user, proof) = (&session.user, app.browsers.proof(&browser));
            let signed_in = SignedIn { name: &user.name, username: &user.username, proof: &proof };
            Ok(page(StatusCode::OK, &signed_in, "")?)
        }
        None => login.form(&app, &browser, StatusCode::OK, login.hint(), None),
    }
}

/// The login form, filled in.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Credentials {
    /// From the form: proves that it was ours.
    csrf: Option<String>,
    #[schema(required, example = "alice")]
    username: Option<String>,
    #[schema(required, example = "alice-demo-password")]
    password: Option<String>,
}

/// Logs in.
#[utoipa::path(post, path = "/auth/login", operation_id = "logIn", tag = "pages", summary = "Log in",
    request_body(content = Credentials, content_type = "application/x-www-form-urlencoded",
        description = "The form, filled in."),
    responses(
        (status = 303, description = "Logged in, with a new session cookie: on to the authorization endpoint.",
            headers(("Set-Cookie" = String, description = "The session."))),
        (status = 400, description = "The body is no such form, or client or redirect URI are not right. A page.",
            body = String, content_type = "text/html"),
        (status = 403, description = "Name or password are not right, or the form was not ours. The form again.",
            body = String, content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn log_in(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    request: Result<Query<AuthorizationRequest>, Error>,
    credentials: Result<Form<Credentials>, Error>,
) -> Result<Response, OnPage> {
    let login = Attempt::read(&app, request?.0).await?;
    let Form(Credentials { csrf, username, password }) = credentials?;
    let username = username.unwrap_or_default().trim().to_lowercase();
    let browser = Browsers::recognise(&headers);
    if !app.browsers.proves(&browser, csrf.as_deref()) {
        return login.form(&app, &browser, StatusCode::FORBIDDEN, &username, Some(EXPIRED));
    }
    let stored = db::find_credentials(&mut *app.pool.get().await?, &username).await?;
    let user_id = stored.as_ref().map(|stored| stored.user_id);
    let hash = stored.map(|stored| stored.password_hash);
    let matches = app.passwords.matches(password.unwrap_or_default(), hash).await?;
    let Some(user_id) = user_id.filter(|_| matches) else {
        let failed =
            SecurityEvent { subject: user_id.map(|id| id.to_string()), ..SecurityEvent::of(Happened::LoginFailed) };
        let mut tx = app.pool.begin().await?;
        events::record(&mut tx, failed.from(address), app.clock.now()).await?;
        tx.commit("refuse login").await?;
        return login.form(&app, &browser, StatusCode::FORBIDDEN, &username, Some(WRONG));
    };
    let renewed = Browsers::renew();
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    db::insert_session(&mut tx, renewed.hash(), browser.known(), user_id, now).await?;
    events::record(&mut tx, SecurityEvent::of_user(Happened::Login, user_id).from(address), now).await?;
    tx.commit("log in").await?;
    Ok((app.browsers.set_cookie(&renewed), Redirect::to(&login.on_success())).into_response())
}

/// A login and what it is for.
struct Attempt {
    request: AuthorizationRequest,
    query: String,
    /// Name and redirect URI of the client that asks; none if somebody just opened the page.
    client: Option<(String, String)>,
}

impl Attempt {
    // Where the browser goes afterwards is checked now, although the authorization endpoint will check it again: the
    // page names the client, and its policy the client's origin.
    async fn read(app: &App, request: AuthorizationRequest) -> Result<Self, Error> {
        let query = encode(&request)?;
        if query.is_empty() {
            return Ok(Self { request, query, client: None });
        }
        let (client, destination) = addressed(app, &request).await?;
        Ok(Self { request, query, client: Some((client.name, destination)) })
    }

    fn hint(&self) -> &str {
        self.request.login_hint.as_deref().unwrap_or_default()
    }

    // Always a path of ours: the login page is no open redirector.
    fn on_success(&self) -> String {
        if self.client.is_some() { format!("/auth/authorize?{}", self.query) } else { "/auth/login".to_owned() }
    }

    fn form(
        &self,
        app: &App,
        browser: &Browser,
        status: StatusCode,
        username: &str,
        failure: Option<&str>,
    ) -> Result<Response, OnPage> {
        let action = if self.query.is_empty() { "/auth/login".into() } else { format!("/auth/login?{}", self.query) };
        let login = Login {
            client: self.client.as_ref().map(|(name, _)| name.as_str()),
            action: &action,
            proof: &app.browsers.proof(browser),
            username,
            failure,
        };
        let target = self.client.as_ref().map_or("", |(_, destination)| origin(destination));
        Ok((app.browsers.set_cookie(browser), page(status, &login, target)?).into_response())
    }
}
