//! What becomes of an authorization request: a code, a page first, or an error.

use http::HeaderMap;
use uuid::Uuid;

use crate::{
    App,
    db::{self, NewCode, Session},
    domain::{Authorization, AuthorizationRequest, Client, Code, Scopes, Secret, User},
    error::Error,
    http::{
        authorize::{Asked, current_session, encode},
        hint, par,
    },
};

/// What becomes of a request.
pub enum Step {
    /// The client gets this code.
    Granted(Secret),
    /// The user has to log in first, at this path.
    LogIn(String),
    /// This user has to allow this first.
    Consent(User, Scopes),
}

/// A request of a client whose address is known, and what the user has done about it.
pub struct Question<'a> {
    pub client: &'a Client,
    pub destination: &'a str,
    pub request: &'a AuthorizationRequest,
    pub asked: &'a Asked,
    /// What the user has just allowed, if a page was shown.
    pub allowed: Option<Scopes>,
}

/// Decides about a request. Refusals are for the client.
pub async fn decide(app: &App, headers: &HeaderMap, question: &Question<'_>) -> Result<Step, Error> {
    let Question { client, destination, request, asked, .. } = *question;
    let authorization = request.check(client, &app.issuer)?;
    let session = match find_login(app, headers, client, request, &authorization, asked).await? {
        Ok(session) => session,
        Err(path) => return Ok(Step::LogIn(path)),
    };
    let scopes = client.narrow(Some(&authorization.scopes), Some(&session.user.scopes()))?;
    let authorization = Authorization { scopes, ..authorization };
    if !is_allowed(app, question, &session, &authorization).await? {
        if authorization.asking.silent {
            return Err(Code::ConsentRequired.because("the user has to allow this first").into());
        }
        return Ok(Step::Consent(session.user, authorization.to_allow()));
    }
    match grant(app, client, (request, destination), &session, &authorization).await? {
        Some(code) => Ok(Step::Granted(code)),
        // The session has ended, or the consent was withdrawn, this very moment: the same request begins anew.
        None => Ok(Step::LogIn(format!("/auth/authorize?{}", encode(request)?))),
    }
}

// What has just been allowed is remembered. Who asks for more meanwhile than was shown is not given it.
async fn is_allowed(
    app: &App,
    question: &Question<'_>,
    session: &Session,
    authorization: &Authorization,
) -> Result<bool, Error> {
    let (client, user_id, wanted) = (question.client, session.user.id, authorization.to_allow());
    match &question.allowed {
        Some(allowed) if wanted.within(allowed) => {
            let mut db = app.pool.single("remember consent").await?;
            db::upsert_consent(&mut db, user_id, &client.client_id, &wanted, app.clock.now()).await?;
            Ok(true)
        }
        Some(_) => Ok(false),
        None if authorization.asking.consent => Ok(false),
        None if !client.login.asks_consent => Ok(true),
        None => {
            let given = db::find_consent(&mut *app.pool.get().await?, user_id, &client.client_id).await?;
            Ok(given.is_some_and(|given| wanted.within(&given)))
        }
    }
}

// The session that will do for this request, or the page at which to get one.
async fn find_login(
    app: &App,
    headers: &HeaderMap,
    client: &Client,
    request: &AuthorizationRequest,
    authorization: &Authorization,
    asked: &Asked,
) -> Result<Result<Session, String>, Error> {
    let wanted = wanted_subject(app, client, request, authorization).await?;
    let required = || Code::LoginRequired.because("the user has to log in for this");
    let now = app.clock.now();
    let has_just = asked.is_answered(app, headers, request)?;
    let asking = &authorization.asking;
    let Some(session) = current_session(app, headers).await? else {
        return if asking.silent { Err(required().into()) } else { Ok(Err(log_in(request, false)?)) };
    };
    let is_wanted = wanted.is_none_or(|subject| subject == session.user.id.to_string());
    if is_wanted && asking.is_met_by(session.authenticated_at, has_just, now) {
        return Ok(Ok(session));
    }
    // Who has just logged in as somebody else is not asked for ever.
    if asking.silent || has_just { Err(required().into()) } else { Ok(Err(log_in(request, true)?)) }
}

// Named by an ID token that the client got before, or by the `claims` parameter.
async fn wanted_subject(
    app: &App,
    client: &Client,
    request: &AuthorizationRequest,
    authorization: &Authorization,
) -> Result<Option<String>, Error> {
    let Some(token) = &request.id_token_hint else { return Ok(authorization.subject.clone()) };
    let hint = hint::read(app, token).await?.filter(|hint| hint.client_id == client.client_id);
    let hint = hint.ok_or_else(|| Code::InvalidRequest.because("id_token_hint is no ID token of this client"))?;
    if authorization.subject.as_ref().is_some_and(|other| *other != hint.subject) {
        return Err(Code::InvalidRequest.because("id_token_hint and claims name two subjects").into());
    }
    Ok(Some(hint.subject))
}

// The path of the login page. `again`: who is logged in logs in once more.
fn log_in(request: &AuthorizationRequest, again: bool) -> Result<String, Error> {
    Ok(format!("/auth/login?{}", Asked::to_log_in(again).beside(&encode(request)?)?))
}

async fn grant(
    app: &App,
    client: &Client,
    (request, destination): (&AuthorizationRequest, &str),
    session: &Session,
    authorization: &Authorization,
) -> Result<Option<Secret>, Error> {
    let code = Secret::plain(rand::random());
    let new = NewCode {
        grant_id: Uuid::now_v7(),
        client_id: &client.client_id,
        user_id: session.user.id,
        scopes: &authorization.scopes,
        authenticated_at: session.authenticated_at,
        code: code.hash(),
        redirect_uri: destination,
        challenge: authorization.challenge.as_ref(),
        nonce: authorization.nonce.as_deref(),
        session_id: session.id,
        id_token_claims: &authorization.id_token_claims,
        userinfo_claims: &authorization.userinfo_claims,
        key: authorization.key,
        resources: authorization.resources.as_ref(),
    };
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let asks = client.login.asks_consent;
    if asks && !db::lock_consent(&mut tx, new.user_id, new.client_id, &authorization.to_allow()).await? {
        return Ok(None);
    }
    if !db::insert_grant(&mut tx, &new, now).await? {
        return Ok(None);
    }
    par::redeem(&mut tx, request, now).await?;
    tx.commit("issue code").await?;
    Ok(Some(code))
}
