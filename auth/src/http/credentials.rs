//! Who sends a request: a client with its credentials (RFC 6749, section 2.3), or the bearer of a token (RFC 6750).

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use web::Problem;

use crate::{
    App, db,
    domain::{Client, Code, Refusal},
    error::Error,
    http::parameters,
};

/// The credentials in a form.
#[derive(Deserialize, Default)]
pub struct InForm {
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
}

/// The client that sent the request: by `client_secret_basic`, `client_secret_post`, or, if it is public, by name.
pub async fn authenticate(app: &App, headers: &HeaderMap, form: InForm) -> Result<Client, Error> {
    let (client_id, secret) = presented(headers, form)?;
    let client = db::find_client(&mut *app.pool.get().await?, &client_id).await?;
    let client = client.ok_or_else(Client::unknown)?;
    client.authenticate(secret.as_deref())?;
    Ok(client)
}

/// The same, for what public clients may not do.
pub async fn authenticate_confidential(app: &App, headers: &HeaderMap, form: InForm) -> Result<Client, Error> {
    let client = authenticate(app, headers, form).await?;
    if client.is_confidential() { Ok(client) } else { Err(Client::unknown().into()) }
}

fn presented(headers: &HeaderMap, form: InForm) -> Result<(String, Option<String>), Refusal> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        let client_id = form.client_id.ok_or_else(Client::unknown)?;
        return Ok((client_id, form.client_secret));
    };
    let (client_id, secret) = basic(authorization).ok_or_else(Client::unknown)?;
    if form.client_secret.is_some() || form.client_id.is_some_and(|id| id != client_id) {
        return Err(Code::InvalidRequest.because("client credentials are there twice"));
    }
    Ok((client_id, Some(secret)))
}

// Id and secret are form-encoded before they are joined (section 2.3.1).
fn basic(authorization: &HeaderValue) -> Option<(String, String)> {
    let (scheme, credentials) = authorization.to_str().ok()?.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials.trim()).ok())??;
    let (client_id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form_decoded(client_id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Only {
        it: String,
    }
    // Characters that mean something in a form stand for themselves here: many clients do not encode.
    let text = text.replace('&', "%26");
    parameters::read::<Only>(format!("it={text}").as_bytes()).ok().map(|only| only.it)
}

/// The bearer token of a request (RFC 6750, section 2.1).
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = || unauthorized("token_required", "Bearer");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    Ok(token.trim())
}

/// The problem of a token that is not valid (RFC 6750, section 3.1).
pub fn invalid_token() -> Problem {
    unauthorized("invalid_token", "Bearer error=\"invalid_token\"")
}

fn unauthorized(code: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, "A valid access token is required")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(credentials: &str) -> HeaderValue {
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials))).unwrap()
    }

    #[test]
    fn credentials_are_form_decoded() {
        assert_eq!(basic(&header("order:a%3Ab+c%25")), Some(("order".into(), "a:b c%".into())));
        assert_eq!(basic(&header("order:a&b=c")), Some(("order".into(), "a&b=c".into())));
    }

    #[test]
    fn what_is_no_basic_header_gives_no_client() {
        for bad in ["Basic !", "Bearer b3JkZXI6eA==", "Basic", "Basic b3JkZXI="] {
            assert_eq!(basic(&HeaderValue::from_static(bad)), None, "{bad}");
        }
        assert_eq!(basic(&header("order:%FF")), None);
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, header("order:secret"))]);
        let form = |id: &str, secret: Option<&str>| InForm {
            client_id: Some(id.to_owned()),
            client_secret: secret.map(str::to_owned),
        };
        assert!(presented(&headers, form("order", None)).is_ok());
        assert_eq!(presented(&headers, form("other", None)).unwrap_err().code, Code::InvalidRequest);
        assert_eq!(presented(&headers, form("order", Some("secret"))).unwrap_err().code, Code::InvalidRequest);
    }
}
