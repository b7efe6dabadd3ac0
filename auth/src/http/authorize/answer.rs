//! How the answer to an authorization request gets to the client.

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Serialize;

use crate::{
    App,
    domain::{AuthorizationRequest, Code, Refusal, ResponseMode, Secret, with_query},
    error::Error,
    http::pages::{HandOver, hand_over},
};

/// What the client is told.
pub enum Outcome {
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

/// Sends the browser to the client with the outcome. `destination` is an address that was found to be the client's.
pub fn answer(
    app: &App,
    request: &AuthorizationRequest,
    destination: &str,
    outcome: &Outcome,
) -> Result<Response, Error> {
    let base = Answer { state: request.state.as_deref(), iss: &app.issuer, ..Answer::default() };
    let answer = match &outcome {
        Outcome::Granted(code) => Answer { code: Some(code.reveal()), ..base },
        Outcome::Refused(refusal) => {
            Answer { error: Some(refusal.code.as_str()), error_description: Some(&refusal.description), ..base }
        }
    };
    if request.response_mode() == Ok(ResponseMode::FormPost) {
        return hand_over(StatusCode::OK, &HandOver { destination, fields: &answer.fields() });
    }
    let query = serde_urlencoded::to_string(answer)
        .map_err(|_| Code::InvalidRequest.because("The answer cannot be encoded."))?;
    Ok(Redirect::to(&with_query(destination, &query)).into_response())
}

impl<'a> Answer<'a> {
    fn fields(&self) -> Vec<(&'static str, &'a str)> {
        let all = [
            ("code", self.code),
            ("error", self.error),
            ("error_description", self.error_description),
            ("state", self.state),
            ("iss", Some(self.iss)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}
