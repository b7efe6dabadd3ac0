//! The pages that people see. They work without JavaScript: the content security policy allows none, save one line that
//! presses a button.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// The login form.
#[derive(Template)]
#[template(path = "login.html")]
pub struct Login<'a> {
    /// The application that asks, if one does.
    pub client: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// Proves that the form came from us.
    pub proof: &'a str,
    /// What stands in the name field.
    pub username: &'a str,
    /// Why it is shown again.
    pub failure: Option<&'a str>,
}

/// Shown to a user who is logged in and asks for nothing; logging out is confirmed here.
#[derive(Template)]
#[template(path = "signed_in.html")]
pub struct SignedIn<'a> {
    pub name: &'a str,
    pub username: &'a str,
    pub proof: &'a str,
}

/// Shown after logging out, and to who was not logged in.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut;

/// Shown when there is nowhere to send the browser back to.
#[derive(Template)]
#[template(path = "failure.html")]
pub struct Failure<'a> {
    pub title: &'a str,
    pub message: &'a str,
}

/// The answer to a client, as a form that sends itself (OAuth 2.0 Form Post Response Mode).
pub struct HandOver<'a> {
    pub destination: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
}

#[derive(Template)]
#[template(path = "hand_over.html")]
struct HandOverPage<'a> {
    destination: &'a str,
    fields: &'a [(&'a str, &'a str)],
    script: &'a str,
}

// The policy names it by its hash, so that no other runs. Without it the user presses the button.
const PRESS_BUTTON: &str = "document.forms[0].submit();";

/// The page that hands an answer over to a client. Where the client sends the browser next is its own business, so
/// the form may lead anywhere on the web.
pub fn hand_over(status: StatusCode, answer: &HandOver<'_>) -> Result<Response, Error> {
    let script = STANDARD.encode(Sha256::digest(PRESS_BUTTON));
    let HandOver { destination, fields } = *answer;
    let template = HandOverPage { destination, fields, script: PRESS_BUTTON };
    guarded(status, &template, "http: https:", &format!("script-src 'sha256-{script}'; "))
}

/// A page with its status; its forms may lead to `self` and to `form_target`.
///
/// Chromium applies `form-action` to the redirects that follow a form as well, so the login form must name the origin
/// of the client to which the browser goes at the end, and those to which the client sends it on.
pub fn page(status: StatusCode, template: &impl Template, form_target: &str) -> Result<Response, Error> {
    guarded(status, template, form_target, "")
}

fn guarded(status: StatusCode, template: &impl Template, form_target: &str, more: &str) -> Result<Response, Error> {
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; {more}form-action 'self' {form_target}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let mut response = (status, Html(template.render()?)).into_response();
    let headers = response.headers_mut();
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in PROTECTION {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

const PROTECTION: [(HeaderName, &str); 4] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    // Not no-referrer: with that a browser sends `Origin: null` with our own forms.
    (header::REFERRER_POLICY, "same-origin"),
];

/// Any error, as a page.
pub struct OnPage(pub Error);

impl<E: Into<Error>> From<E> for OnPage {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for OnPage {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let (title, message) = match &self.0 {
            Error::Refused(refusal) => ("This did not work", refusal.description.as_ref()),
            Error::TooLarge => ("This did not work", "The request is too large."),
            Error::Busy => ("Busy", "Too many people are logging in. Please try again in a moment."),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => ("Busy", "Please try again in a moment."),
            _ => ("Something went wrong", "This is our fault. Please try again later."),
        };
        page(status, &Failure { title, message }, "").unwrap_or_else(IntoResponse::into_response)
    }
}

/// Serves the style sheet of the pages.
#[utoipa::path(get, path = "/auth/style.css", operation_id = "showStyle", tag = "pages", summary = "The pages' style sheet",
    responses((status = 200, description = "The style sheet.", body = String, content_type = "text/css")),
    security(()))]
pub async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../../templates/style.css")).into_response()
}
