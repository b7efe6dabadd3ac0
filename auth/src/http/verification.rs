//! Where a user says what a device may do (RFC 8628, section 3.3): types the code, sees who asks for what, decides.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    App,
    db::{self, Decision, DeviceQuestion, Session},
    domain::{Client, Code, Happened, Patience, Scopes, SecurityEvent, UserCode, in_words},
    error::Error,
    events,
    http::{
        authorize::current_session,
        pages::{OnPage, page},
        parameters::{Form, Query},
    },
};

/// Wrong codes without a wait, per user. There are 25 billion codes, each good for ten minutes.
const FREE: u16 = 10;
const WRONG: &str = "This code is not right, or has expired.";
const TOO_MANY: &str = "Too many wrong codes. Please wait a few minutes.";
const NOT_OURS: &str = "The form had expired. Please try again.";

#[derive(Template)]
#[template(path = "device.html")]
struct Enter<'a> {
    typed: &'a str,
    failure: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "device_confirm.html")]
struct Confirm<'a> {
    client: &'a str,
    user: &'a str,
    code: &'a str,
    wants: Vec<(&'a str, String)>,
    proof: &'a str,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct Done<'a> {
    title: &'a str,
    message: &'a str,
}

/// The code in an address.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Typed {
    /// What the device shows.
    #[param(example = "BCDF-GHJK")]
    user_code: Option<String>,
}

/// Asks for the code of a device, or shows what the device with this code asks for.
#[utoipa::path(get, path = "/auth/device", operation_id = "showDevice", tag = "pages", summary = "Log a device in",
    params(Typed),
    responses(
        (status = 200, description = "A form for the code, or who asks for what.", body = String,
            content_type = "text/html"),
        (status = 303, description = "Nobody is logged in: to the login page."),
        (status = 400, description = "No device waits with this code. The form again.", body = String,
            content_type = "text/html"),
        (status = 429, description = "Too many wrong codes. The form again.", body = String, content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    typed: Result<Query<Typed>, Error>,
) -> Result<Response, OnPage> {
    let Some(typed) = typed?.0.user_code else { return Ok(enter(StatusCode::OK, "", None)?) };
    let Some(code) = UserCode::parse(&typed) else {
        return Ok(enter(StatusCode::BAD_REQUEST, &typed, Some(WRONG))?);
    };
    let Some(session) = current_session(&app, &headers).await? else {
        return Ok(Redirect::to(&format!("/auth/login?user_code={code}")).into_response());
    };
    match look_up(&app, session.user.id, &code).await? {
        Found::Device(device) => Ok(confirm(&app, &headers, StatusCode::OK, &session, &code, &device).await?),
        Found::Nothing => Ok(enter(StatusCode::BAD_REQUEST, &typed, Some(WRONG))?),
        Found::TooMany => Ok(enter(StatusCode::TOO_MANY_REQUESTS, &typed, Some(TOO_MANY))?),
    }
}

/// The form about a device.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct DeviceForm {
    /// From the form: proves that it was ours.
    csrf: Option<String>,
    /// From the form.
    #[schema(example = "BCDF-GHJK")]
    user_code: Option<String>,
    /// `allow` or `deny`.
    #[schema(example = "allow")]
    decision: Option<String>,
}

/// Allows a device what it asked for, or does not.
#[utoipa::path(post, path = "/auth/device", operation_id = "decideDevice", tag = "pages", summary = "Allow a device",
    request_body(content = DeviceForm, content_type = "application/x-www-form-urlencoded",
        description = "The form of the page."),
    responses(
        (status = 200, description = "Decided.", body = String, content_type = "text/html"),
        (status = 303, description = "Nobody is logged in: to the login page. Or nothing is decided: to who asks for what."),
        (status = 400, description = "No device waits with this code. The form again.", body = String,
            content_type = "text/html"),
        (status = 403, description = "The form was not ours. The form again.", body = String,
            content_type = "text/html"),
        (status = 429, description = "Too many wrong codes. The form again.", body = String, content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn decide(
    State(app): State<App>,
    headers: HeaderMap,
    form: Result<Form<DeviceForm>, Error>,
) -> Result<Response, OnPage> {
    let DeviceForm { csrf, user_code, decision } = form?.0;
    let typed = user_code.unwrap_or_default();
    let Some(code) = UserCode::parse(&typed) else {
        return Ok(enter(StatusCode::BAD_REQUEST, &typed, Some(WRONG))?);
    };
    if decision.is_none() {
        return Ok(Redirect::to(&format!("/auth/device?user_code={code}")).into_response());
    }
    let Some(session) = current_session(&app, &headers).await? else {
        return Ok(Redirect::to(&format!("/auth/login?user_code={code}")).into_response());
    };
    if !app.browsers.proves(&app.browsers.recognise(&headers), csrf.as_deref()) {
        return Ok(enter(StatusCode::FORBIDDEN, &typed, Some(NOT_OURS))?);
    }
    let device = match look_up(&app, session.user.id, &code).await? {
        Found::Device(device) => device,
        Found::Nothing => return Ok(enter(StatusCode::BAD_REQUEST, &typed, Some(WRONG))?),
        Found::TooMany => return Ok(enter(StatusCode::TOO_MANY_REQUESTS, &typed, Some(TOO_MANY))?),
    };
    let done = match decision.as_deref() {
        Some("allow") => allow(&app, &session, &code, &device).await?,
        Some("deny") => {
            let mut db = app.pool.single("deny device").await?;
            db::deny_device(&mut db, app.user_codes.hash(&code), app.clock.now()).await?
        }
        _ => return Ok(confirm(&app, &headers, StatusCode::BAD_REQUEST, &session, &code, &device).await?),
    };
    let done = match (done, decision.as_deref()) {
        // Somebody else was faster, or its time was over.
        (false, _) => return Ok(enter(StatusCode::BAD_REQUEST, &typed, Some(WRONG))?),
        (true, Some("allow")) => Done { title: "Done", message: "You can go on at your device." },
        (true, _) => Done { title: "Not allowed", message: "The device gets nothing." },
    };
    Ok(page(StatusCode::OK, &done, "")?)
}

enum Found {
    Device(DeviceQuestion),
    Nothing,
    TooMany,
}

// Counted before it is known whether the code is right; right ones do not count.
async fn look_up(app: &App, user_id: Uuid, code: &UserCode) -> Result<Found, Error> {
    let now = app.clock.now();
    let about = app.guesses.about("device code", &user_id.to_string())?;
    let mut tx = app.pool.begin().await?;
    if db::count_guess(&mut tx, about, &Patience::with_account(FREE), now).await?.is_none() {
        return Ok(Found::TooMany);
    }
    let found = db::find_device(&mut tx, app.user_codes.hash(code), now).await?;
    if found.is_some() {
        db::uncount_guess(&mut tx, about).await?;
    }
    tx.commit("look up device").await?;
    Ok(found.map_or(Found::Nothing, Found::Device))
}

async fn allow(app: &App, session: &Session, code: &UserCode, device: &DeviceQuestion) -> Result<bool, Error> {
    let (client, scopes) = wanted(app, session, device).await?;
    let (user_id, now) = (session.user.id, app.clock.now());
    let decision = Decision {
        user_code: app.user_codes.hash(code),
        grant_id: Uuid::now_v7(),
        user_id,
        session_id: session.id,
        scopes: &scopes,
        authenticated_at: session.authenticated_at,
    };
    let mut tx = app.pool.begin().await?;
    if !db::allow_device(&mut tx, &decision, now).await? {
        return Ok(false);
    }
    let approved =
        SecurityEvent::of_user(Happened::Approved, user_id).through(&client.client_id).about(decision.grant_id);
    events::record(&mut tx, approved, now).await?;
    tx.commit("allow device").await?;
    Ok(true)
}

// What client and user may both have of it.
async fn wanted(app: &App, session: &Session, device: &DeviceQuestion) -> Result<(Client, Scopes), Error> {
    let client = db::find_client(&mut *app.pool.get().await?, &device.client_id).await?;
    let client = client.ok_or_else(|| Code::InvalidRequest.because("The application is not known here any more."))?;
    let scopes = client.narrow(Some(&device.scopes), Some(&session.user.scopes()))?;
    Ok((client, scopes))
}

fn enter(status: StatusCode, typed: &str, failure: Option<&str>) -> Result<Response, Error> {
    page(status, &Enter { typed, failure }, "")
}

async fn confirm(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    session: &Session,
    code: &UserCode,
    device: &DeviceQuestion,
) -> Result<Response, Error> {
    let (client, scopes) = wanted(app, session, device).await?;
    let confirm = Confirm {
        client: &client.name,
        user: &session.user.name,
        code: &code.to_string(),
        wants: scopes.iter().map(|scope| (scope, in_words(scope))).collect(),
        proof: &app.browsers.proof(&app.browsers.recognise(headers)),
    };
    page(status, &confirm, "")
}
