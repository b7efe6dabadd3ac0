//! The account page: where a user is logged in, and what may act for them.

mod device;

use std::net::IpAddr;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

use crate::{
    App,
    db::{self, Application, OpenSession, Session},
    domain::{User, in_words},
    error::Error,
    events,
    http::{
        address::Address,
        authorize::current_session,
        pages::{OnPage, page},
        parameters::Form,
    },
};

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    user: &'a User,
    proof: &'a str,
    sessions: Vec<Row>,
    applications: Vec<Held>,
}

struct Row {
    id: Uuid,
    is_this: bool,
    device: String,
    address: String,
    since: String,
}

struct Held {
    client_id: String,
    name: String,
    since: String,
    allows: Vec<String>,
}

/// Shows where the user is logged in and which applications may act for them.
#[utoipa::path(get, path = "/auth/account", operation_id = "showAccount", tag = "pages", summary = "The account page",
    responses(
        (status = 200, description = "Sessions and applications, each with a button that ends it.", body = String,
            content_type = "text/html"),
        (status = 303, description = "Nobody is logged in: to the login page."),
        (status = "default", description = "Any failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Result<Response, OnPage> {
    let Some(session) = current_session(&app, &headers).await? else { return Ok(log_in()) };
    Ok(render(&app, &headers, StatusCode::OK, &session).await?)
}

/// A form of the account page.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Ending {
    /// From the form: proves that it was ours. Without it nothing is ended.
    csrf: Option<String>,
    /// The session to end, or `others`: all but this one.
    session: Option<String>,
    /// The application that is to lose what it holds.
    client_id: Option<String>,
}

/// Ends a session, or all but this one.
#[utoipa::path(post, path = "/auth/account/sessions", operation_id = "endSessions", tag = "pages", summary = "End sessions",
    request_body(content = Ending, content_type = "application/x-www-form-urlencoded",
        description = "The form of the page."),
    responses(
        (status = 303, description = "Done: to the account page, or to the login page if nobody is logged in."),
        (status = 400, description = "The body is no such form. A page.", body = String, content_type = "text/html"),
        (status = 403, description = "The form was not ours; nothing has changed.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn end_sessions(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    form: Result<Form<Ending>, Error>,
) -> Result<Response, OnPage> {
    let Form(form) = form?;
    let session = match own(&app, &headers, &form).await? {
        Ok(session) => session,
        Err(response) => return Ok(response),
    };
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let wanted = form.session.as_deref().unwrap_or_default();
    let chosen = |id: &Uuid| if wanted == "others" { *id != session.id } else { wanted == id.to_string() };
    loop {
        let theirs = db::list_sessions(&mut tx, session.user.id, now).await?.into_iter().map(|it| it.id);
        let ended: Vec<_> = theirs.filter(chosen).collect();
        if ended.is_empty() {
            break;
        }
        events::end_sessions(&mut tx, &ended, address, now).await?;
    }
    tx.commit("end sessions").await?;
    Ok(Redirect::to("/auth/account").into_response())
}

/// Takes back what an application holds: what was allowed, and everything issued on that ground.
#[utoipa::path(post, path = "/auth/account/applications", operation_id = "withdrawConsent", tag = "pages",
    summary = "Take back what an application holds",
    request_body(content = Ending, content_type = "application/x-www-form-urlencoded",
        description = "The form of the page."),
    responses(
        (status = 303, description = "Done: to the account page, or to the login page if nobody is logged in."),
        (status = 400, description = "The body is no such form. A page.", body = String, content_type = "text/html"),
        (status = 403, description = "The form was not ours; nothing has changed.", body = String,
            content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn withdraw(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    form: Result<Form<Ending>, Error>,
) -> Result<Response, OnPage> {
    let Form(form) = form?;
    let session = match own(&app, &headers, &form).await? {
        Ok(session) => session,
        Err(response) => return Ok(response),
    };
    let client_id = form.client_id.unwrap_or_default();
    take_back(&app, session.user.id, &client_id, address).await?;
    Ok(Redirect::to("/auth/account").into_response())
}

async fn take_back(app: &App, user_id: Uuid, client_id: &str, address: Option<IpAddr>) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let held = db::list_applications(&mut tx, user_id, now).await?;
    if held.iter().any(|it| it.client_id == client_id) {
        events::withdraw_consent(&mut tx, user_id, client_id, address, now).await?;
    }
    tx.commit("withdraw consent").await?;
    Ok(())
}

// The session in which a form of ours was sent, or what to answer instead.
async fn own(app: &App, headers: &HeaderMap, form: &Ending) -> Result<Result<Session, Response>, Error> {
    let Some(session) = current_session(app, headers).await? else { return Ok(Err(log_in())) };
    if app.browsers.proves(&app.browsers.recognise(headers), form.csrf.as_deref()) {
        return Ok(Ok(session));
    }
    render(app, headers, StatusCode::FORBIDDEN, &session).await.map(Err)
}

fn log_in() -> Response {
    Redirect::to("/auth/login").into_response()
}

async fn render(app: &App, headers: &HeaderMap, status: StatusCode, session: &Session) -> Result<Response, Error> {
    let (now, user_id) = (app.clock.now(), session.user.id);
    let mut db = app.pool.get().await?;
    let sessions = db::list_sessions(&mut db, user_id, now).await?;
    let applications = db::list_applications(&mut db, user_id, now).await?;
    let account = Account {
        user: &session.user,
        proof: &app.browsers.proof(&app.browsers.recognise(headers)),
        sessions: this_first(sessions, session.id),
        applications: applications.into_iter().map(Held::of).collect(),
    };
    page(status, &account, "")
}

fn this_first(sessions: Vec<OpenSession>, this: Uuid) -> Vec<Row> {
    let mut rows: Vec<_> = sessions.into_iter().map(|it| Row::of(it, this)).collect();
    rows.sort_by_key(|row| !row.is_this);
    rows
}

impl Row {
    fn of(session: OpenSession, this: Uuid) -> Self {
        let OpenSession { id, authenticated_at, user_agent, address, .. } = session;
        let device = device::named(&user_agent);
        Self { id, is_this: id == this, device, address, since: shown(authenticated_at) }
    }
}

impl Held {
    fn of(application: Application) -> Self {
        let Application { client_id, name, scopes, since } = application;
        Self { client_id, name, since: shown(since), allows: scopes.iter().map(in_words).collect() }
    }
}

fn shown(at: OffsetDateTime) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    at.format(format).unwrap_or_default()
}
