//! Who sends a request: a client with its credentials (RFC 6749, section 2.3), or the bearer of a token (RFC 6750).

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use web::Problem;

use crate::{
    App, db,
    domain::{Client, Code, Presented, Refusal},
    error::Error,
    http::{assertion, dpop::Scheme, parameters},
};

/// The credentials in a form.
#[derive(Deserialize, Default)]
#[allow(clippy::struct_field_names)] // their names on the wire
pub struct InForm {
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub client_assertion: Option<String>,
    pub client_assertion_type: Option<String>,
}

/// The client that sent the request, by the one method that it is registered for: `client_secret_basic`,
/// `client_secret_post`, `private_key_jwt`, or, if it is public, by name. Who fails is recorded.
pub async fn authenticate(
    app: &App,
    address: Option<IpAddr>,
    headers: &HeaderMap,
    form: InForm,
) -> Result<Client, Error> {
    let mut known = None;
    let client = recognise(app, headers, form, &mut known).await;
    if let Err(Error::Refused(refusal)) = &client
        && refusal.code == Code::InvalidClient
    {
        app.client_failures.note(known, address);
    }
    client
}

/// The same, for what public clients may not do.
pub async fn authenticate_confidential(
    app: &App,
    address: Option<IpAddr>,
    headers: &HeaderMap,
    form: InForm,
) -> Result<Client, Error> {
    let client = authenticate(app, address, headers, form).await?;
    if client.is_confidential() { Ok(client) } else { Err(Client::unknown().into()) }
}

// `known`: the client that it claims to be, if there is one.
async fn recognise(app: &App, headers: &HeaderMap, form: InForm, known: &mut Option<String>) -> Result<Client, Error> {
    let (client_id, credentials) = presented(headers, form)?;
    let client = db::find_client(&mut *app.pool.get().await?, &client_id).await?;
    let client = client.ok_or_else(Client::unknown)?;
    *known = Some(client_id);
    match credentials {
        Credentials::Plain(presented) => client.authenticate(&presented)?,
        Credentials::Assertion(jwt) => assertion::authenticate(app, &client, &jwt).await?,
    }
    Ok(client)
}

#[derive(Debug)]
enum Credentials {
    Plain(Presented),
    Assertion(String),
}

fn presented(headers: &HeaderMap, form: InForm) -> Result<(String, Credentials), Refusal> {
    let InForm { client_id, client_secret, client_assertion, client_assertion_type } = form;
    let authorization = headers.get(header::AUTHORIZATION);
    if usize::from(authorization.is_some())
        + usize::from(client_secret.is_some())
        + usize::from(client_assertion.is_some())
        > 1
    {
        return Err(Code::InvalidRequest.because("client credentials are there twice"));
    }
    let (said, credentials) = if let Some(authorization) = authorization {
        let (client_id, secret) = basic(authorization).ok_or_else(Client::unknown)?;
        (client_id, Credentials::Plain(Presented::Basic(secret)))
    } else if let Some(jwt) = client_assertion {
        (assertion::claimed_client(&jwt, client_assertion_type.as_deref())?, Credentials::Assertion(jwt))
    } else {
        let presented = client_secret.map_or(Presented::Name, Presented::Post);
        return Ok((client_id.ok_or_else(Client::unknown)?, Credentials::Plain(presented)));
    };
    if client_id.is_some_and(|id| id != said) {
        return Err(Code::InvalidRequest.because("client_id is not that of the credentials"));
    }
    Ok((said, credentials))
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

/// The access token of a request (RFC 6750, section 2.1; RFC 9449, section 7.1), and how it is presented.
pub fn access_token(headers: &HeaderMap) -> Result<(Scheme, &str), Problem> {
    let missing = || unauthorized("token_required", "Bearer");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(missing());
    }
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok((Scheme::Bearer, token.trim())),
        "dpop" => Ok((Scheme::Dpop, token.trim())),
        _ => Err(missing()),
    }
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
            ..InForm::default()
        };
        assert!(presented(&headers, form("order", None)).is_ok());
        assert_eq!(presented(&headers, form("other", None)).unwrap_err().code, Code::InvalidRequest);
        assert_eq!(presented(&headers, form("order", Some("secret"))).unwrap_err().code, Code::InvalidRequest);
        let both = InForm { client_assertion: Some("a.b.c".into()), ..form("order", Some("secret")) };
        assert_eq!(presented(&HeaderMap::new(), both).unwrap_err().code, Code::InvalidRequest);
    }
}
