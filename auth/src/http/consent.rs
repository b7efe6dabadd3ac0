//! The consent page: a user allows an application something, or does not.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::{
    App,
    domain::{AuthorizationRequest, Code, Scopes, User, form_targets, in_words},
    error::Error,
    http::{
        authorize::{self, Asked, Outcome, Question, addressed, encode, proceed},
        pages::{OnPage, page},
        par,
        parameters::{Form, Query},
    },
};

#[derive(Template)]
#[template(path = "consent.html")]
struct Consent<'a> {
    client: &'a str,
    user: &'a User,
    /// Scopes, with what each allows.
    wants: Vec<(&'a str, String)>,
    scopes: &'a str,
    action: &'a str,
    proof: &'a str,
}

/// Asks the user to allow a client these scopes.
pub fn ask(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    question: &Question<'_>,
    user: &User,
    scopes: &Scopes,
) -> Result<Response, Error> {
    let browser = app.browsers.recognise(headers);
    let consent = Consent {
        client: &question.client.name,
        user,
        wants: said(scopes),
        scopes: &scopes.to_string(),
        action: &format!("/auth/consent?{}", question.asked.beside(&encode(question.request)?)?),
        proof: &app.browsers.proof(&browser),
    };
    page(status, &consent, &form_targets(question.destination, &question.client.origins))
}

// Those about the user first; all of these have no colon.
fn said(scopes: &Scopes) -> Vec<(&str, String)> {
    let mut wants: Vec<_> = scopes.iter().map(|scope| (scope, in_words(scope))).collect();
    wants.sort_by_key(|(scope, _)| scope.contains(':'));
    wants
}

/// The consent form.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct ConsentForm {
    /// From the form: proves that it was ours.
    csrf: Option<String>,
    /// From the form: what it asked to allow.
    scopes: Option<String>,
    /// `allow` or `deny`.
    #[schema(required, example = "allow")]
    decision: Option<String>,
}

/// Allows an application what it asked for, or does not.
#[utoipa::path(post, path = "/auth/consent", operation_id = "decideConsent", tag = "pages", summary = "Allow an application",
    description = "The parameters of the authorization request stand in the query string.",
    request_body(content = ConsentForm, content_type = "application/x-www-form-urlencoded",
        description = "The form of the page."),
    responses(
        (status = 200, description = "The answer as a form that the browser sends to the client \
            (`response_mode=form_post`).", body = String, content_type = "text/html"),
        (status = 303, description = "To the client with a code or an error, or to the login page."),
        (status = 400, description = "The body is no such form, or client or redirect URI are not right. A page.",
            body = String, content_type = "text/html"),
        (status = 403, description = "The form was not ours, or more is asked for than it showed. The form again.",
            body = String, content_type = "text/html"),
        (status = "default", description = "Any other failure. A page.", body = String, content_type = "text/html"),
    ),
    security(()))]
pub async fn answer(
    State(app): State<App>,
    headers: HeaderMap,
    request: Result<Query<AuthorizationRequest>, Error>,
    asked: Result<Query<Asked>, Error>,
    form: Result<Form<ConsentForm>, Error>,
) -> Result<Response, OnPage> {
    let (Query(request), Query(asked), Form(form)) = (request?, asked?, form?);
    let request = par::resolve(&app, request).await?;
    let (client, destination) = addressed(&app, &request).await?;
    let is_ours = app.browsers.proves(&app.browsers.recognise(&headers), form.csrf.as_deref());
    if is_ours && form.decision.as_deref() == Some("deny") {
        let denied = Outcome::Refused(Code::AccessDenied.because("the user does not allow this"));
        return Ok(authorize::answer(&app, &request, &destination, &denied)?.into_response());
    }
    // What does not allow anything is asked about once more.
    let allows = is_ours && form.decision.as_deref() == Some("allow");
    let allowed = if allows { Scopes::parse(form.scopes.as_deref().unwrap_or_default())? } else { Scopes::default() };
    let (client, destination, request, asked) = (&client, destination.as_str(), &request, &asked);
    let question = Question { client, destination, request, asked, allowed: Some(allowed) };
    proceed(&app, &headers, StatusCode::FORBIDDEN, question).await
}
