//! The login page.

use std::net::IpAddr;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::{
    App,
    db::{self, NewSession},
    domain::{AuthorizationRequest, Happened, SecurityEvent, form_targets},
    error::Error,
    events,
    http::{
        address::Address,
        authorize::{Asked, addressed, current_session, encode},
        guesses::{self, Outcome, Right},
        pages::{Login, OnPage, SignedIn, page},
        par,
        parameters::{Form, Query},
        session::{Browser, Browsers, user_agent},
    },
};

/// The same text for an unknown name, a wrong password and an account that has to wait: who asks must not learn which
/// names exist.
const WRONG: &str = "Name or password is not right. After many wrong ones, right ones are not taken for some minutes \
    either, unless on a device where you logged in before.";
const TOO_MANY: &str = "Too many wrong names and passwords came from your address. Please wait a minute.";
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
    asked: Result<Query<Asked>, Error>,
) -> Result<Response, OnPage> {
    let login = Attempt::read(&app, request?.0, asked?.0).await?;
    let browser = app.browsers.recognise(&headers);
    match current_session(&app, &headers).await? {
        Some(session) if login.client.is_some() && login.asked.is_again() => {
            let username = login.hint().unwrap_or(&session.user.username);
            login.form(&app, &browser, StatusCode::OK, username, None)
        }
        Some(_) if login.client.is_some() => Ok(Redirect::to(&login.back(&Asked::default())?).into_response()),
        Some(session) => {
            let (user, proof) = (&session.user, app.browsers.proof(&browser));
            let signed_in = SignedIn { name: &user.name, username: &user.username, proof: &proof };
            Ok(page(StatusCode::OK, &signed_in, "")?)
        }
        None => login.form(&app, &browser, StatusCode::OK, login.hint().unwrap_or_default(), None),
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
        (status = 429, description = "Too many wrong ones came from this address. The form again.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn log_in(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    request: Result<Query<AuthorizationRequest>, Error>,
    asked: Result<Query<Asked>, Error>,
    credentials: Result<Form<Credentials>, Error>,
) -> Result<Response, OnPage> {
    let login = Attempt::read(&app, request?.0, asked?.0).await?;
    let Form(Credentials { csrf, username, password }) = credentials?;
    let username = username.unwrap_or_default().trim().to_lowercase();
    let browser = app.browsers.recognise(&headers);
    if !app.browsers.proves(&browser, csrf.as_deref()) {
        return login.form(&app, &browser, StatusCode::FORBIDDEN, &username, Some(EXPIRED));
    }
    let attempt =
        guesses::Attempt { username: &username, password: password.unwrap_or_default(), address, headers: &headers };
    let right = match guesses::check(&app, attempt).await? {
        Outcome::Right(right) => right,
        Outcome::Wrong => return login.form(&app, &browser, StatusCode::FORBIDDEN, &username, Some(WRONG)),
        Outcome::TooMany => {
            return login.form(&app, &browser, StatusCode::TOO_MANY_REQUESTS, &username, Some(TOO_MANY));
        }
    };
    let renewed = open_session(&app, &headers, &browser, &right, address).await?;
    let device = app.guesses.devices.remember(&headers, right.user_id, app.clock.now());
    let back = login.back(&Asked::answered(&app, &login.query, &renewed))?;
    Ok((app.browsers.set_cookie(&renewed), device, Redirect::to(&back)).into_response())
}

// The cookie is new in any case. The session goes on if it is the same user's: clients know it by its id.
async fn open_session(
    app: &App,
    headers: &HeaderMap,
    browser: &Browser,
    right: &Right,
    address: Option<IpAddr>,
) -> Result<Browser, Error> {
    let (renewed, now, user_id) = (Browsers::renew(), app.clock.now(), right.user_id);
    let user_agent = user_agent(headers);
    let new = NewSession { cookie: renewed.hash(), user_id, user_agent: &user_agent, address };
    let mut tx = app.pool.begin().await?;
    let goes_on = match browser.known() {
        Some(before) => db::renew_session(&mut tx, before, &new, now).await?,
        None => false,
    };
    if !goes_on {
        if let Some(before) = browser.known() {
            let ended: Vec<_> = db::find_session_id(&mut tx, before).await?.into_iter().collect();
            events::end_sessions(&mut tx, &ended, address, now).await?;
        }
        db::insert_session(&mut tx, &new, now).await?;
    }
    guesses::forgive(&mut tx, right).await?;
    events::record(&mut tx, SecurityEvent::of_user(Happened::Login, user_id).from(address), now).await?;
    tx.commit("log in").await?;
    Ok(renewed)
}

/// A login and what it is for.
struct Attempt {
    request: AuthorizationRequest,
    asked: Asked,
    query: String,
    /// Name of the client that asks, and where forms may lead to; none if somebody just opened the page.
    client: Option<(String, String)>,
}

impl Attempt {
    // Where the browser goes afterwards is checked now, although the authorization endpoint will check it again: the
    // page names the client, and its policy the client's origin.
    async fn read(app: &App, request: AuthorizationRequest, asked: Asked) -> Result<Self, Error> {
        let request = par::resolve(app, request).await?;
        let query = encode(&request)?;
        if query.is_empty() {
            let query = asked.device().unwrap_or_default();
            return Ok(Self { request, asked, query, client: None });
        }
        let (client, destination) = addressed(app, &request).await?;
        Ok(Self { request, asked, query, client: Some((client.name, form_targets(&destination, &client.origins))) })
    }

    fn hint(&self) -> Option<&str> {
        self.request.login_hint.as_deref()
    }

    // Always a path of ours: the login page is no open redirector.
    fn back(&self, with: &Asked) -> Result<String, Error> {
        Ok(match (&self.client, self.query.as_str()) {
            (Some(_), query) => format!("/auth/authorize?{}", with.beside(query)?),
            (None, "") => "/auth/account".to_owned(),
            (None, device) => format!("/auth/device?{device}"),
        })
    }

    fn form(
        &self,
        app: &App,
        browser: &Browser,
        status: StatusCode,
        username: &str,
        failure: Option<&str>,
    ) -> Result<Response, OnPage> {
        let action = match (&self.client, self.query.as_str()) {
            (Some(_), query) => format!("/auth/login?{}", Asked::to_log_in(self.asked.is_again()).beside(query)?),
            (None, "") => "/auth/login".to_owned(),
            (None, device) => format!("/auth/login?{device}"),
        };
        let login = Login {
            client: self.client.as_ref().map(|(name, _)| name.as_str()),
            action: &action,
            proof: &app.browsers.proof(browser),
            username,
            failure,
        };
        let targets = self.client.as_ref().map_or("", |(_, targets)| targets.as_str());
        Ok((app.browsers.set_cookie(browser), page(status, &login, targets)?).into_response())
    }
}
