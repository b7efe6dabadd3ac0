//! Whom a logout is about, and where the browser goes afterwards.

use std::net::IpAddr;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use uuid::Uuid;

use crate::{
    App,
    db::{self, Session},
    domain::{Code, User, form_targets, with_query},
    error::Error,
    events,
    http::{
        hint,
        logout::LogoutRequest,
        pages::{SignedOut, page},
    },
};

/// A logout that was asked for.
#[derive(Default)]
pub struct Ending {
    /// The session that an ID token of the client names.
    session: Option<Uuid>,
    /// The name of the client that asks.
    client: Option<String>,
    /// An address of that client, with its state.
    return_to: Option<String>,
    /// Where forms may lead to.
    targets: String,
}

#[derive(Template)]
#[template(path = "logout.html")]
struct Confirmation<'a> {
    user: &'a User,
    client: Option<&'a str>,
    proof: &'a str,
    fields: &'a [(&'a str, &'a str)],
}

impl Ending {
    /// Reads what was asked for. A hint that is not valid counts as none. Refuses an address that is not registered for
    /// the client, and does not go to any if it is not known which client asks.
    pub async fn read(app: &App, request: &LogoutRequest) -> Result<Self, Error> {
        let hint = match &request.id_token_hint {
            Some(token) => hint::read(app, token).await?,
            None => None,
        };
        let named = hint.as_ref().map(|hint| hint.client_id.clone());
        if let (Some(named), Some(client_id)) = (&named, &request.client_id)
            && named != client_id
        {
            let refusal = Code::InvalidRequest.because("client_id and id_token_hint name two applications.");
            return Err(refusal.into());
        }
        let client_id = named.or_else(|| request.client_id.clone()).unwrap_or_default();
        let session = hint.and_then(|hint| hint.session_id);
        let Some(client) = db::find_client(&mut *app.pool.get().await?, &client_id).await? else {
            return Ok(Self { session, ..Self::default() });
        };
        let return_to = match &request.post_logout_redirect_uri {
            Some(uri) if !client.login.may_return_to(uri) => {
                let text = "The application asked to return to an address that is not registered.";
                return Err(Code::InvalidRequest.because(text).into());
            }
            Some(uri) => Some(with_state(uri, request.state.as_deref())?),
            None => None,
        };
        let targets = return_to.as_deref().map(|uri| form_targets(uri, &client.origins)).unwrap_or_default();
        Ok(Self { session, client: Some(client.name), return_to, targets })
    }

    /// Whether it is shown to be about this session, so that nobody need be asked. About its user is not enough: an ID
    /// token may have been found elsewhere, long after its session has ended.
    pub fn is_of(&self, session: &Session) -> bool {
        self.session == Some(session.id)
    }
}

fn with_state(uri: &str, state: Option<&str>) -> Result<String, Error> {
    let Some(state) = state else { return Ok(uri.to_owned()) };
    let query = serde_urlencoded::to_string([("state", state)]);
    Ok(with_query(uri, &query.map_err(|_| Code::InvalidRequest.because("The state cannot be encoded."))?))
}

/// Asks whether to log out.
pub fn confirm(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    session: &Session,
    request: &LogoutRequest,
    ending: &Ending,
) -> Result<Response, Error> {
    let all = [
        ("id_token_hint", &request.id_token_hint),
        ("client_id", &request.client_id),
        ("post_logout_redirect_uri", &request.post_logout_redirect_uri),
        ("state", &request.state),
    ];
    let fields: Vec<_> = all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
    let proof = &app.browsers.proof(&app.browsers.recognise(headers));
    let confirmation = Confirmation { user: &session.user, client: ending.client.as_deref(), proof, fields: &fields };
    page(status, &confirmation, &ending.targets)
}

/// Ends the session of this browser, if it has one, and goes where the client wants.
pub async fn end(app: &App, headers: &HeaderMap, address: Option<IpAddr>, ending: &Ending) -> Result<Response, Error> {
    if let Some(cookie) = app.browsers.recognise(headers).known() {
        let mut tx = app.pool.begin().await?;
        let ended: Vec<_> = db::find_session_id(&mut tx, cookie).await?.into_iter().collect();
        events::end_sessions(&mut tx, &ended, address, app.clock.now()).await?;
        tx.commit("log out").await?;
    }
    let answer = match &ending.return_to {
        Some(uri) => Redirect::to(uri).into_response(),
        None => page(StatusCode::OK, &SignedOut, "")?,
    };
    Ok((app.browsers.remove_cookie(), answer).into_response())
}
