//! Logs in as a browser does: authorization code with PKCE (RFC 7636), the login form, the redirect back.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Client, Response, Url, header, redirect::Policy};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The public client of the demonstration, and where it listens for the code. Nobody needs to: we read the redirect.
const CLIENT: &str = "demo";
const REDIRECT: &str = "http://127.0.0.1/callback";
const SCOPES: &str = "openid profile email offline_access store:read store:write store:operate inventory:read \
     inventory:write inventory:operate accounting:read accounting:write accounting:operate shipping:read \
     shipping:write shipping:operate order:read order:write order:operate gateway:operate";
const FORMS_AT_MOST: usize = 3;

/// What the token endpoint answers (RFC 6749, section 5.1).
#[derive(Debug, Deserialize)]
pub struct Tokens {
    /// The opaque access token.
    pub access_token: String,
    /// Absent without `offline_access`.
    pub refresh_token: Option<String>,
    /// Absent without `openid`.
    pub id_token: Option<String>,
    /// Seconds.
    pub expires_in: u64,
    /// What was granted, which the user's role may narrow.
    pub scope: String,
}

/// Logs `user` in at `public_url` and answers the tokens.
pub async fn log_in(public_url: &str, user: &str, password: &str) -> anyhow::Result<Tokens> {
    let verifier = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let state = BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let query = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", SCOPES),
        ("state", &state),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let start = Url::parse_with_params(&format!("{public_url}/auth/authorize"), query)?;
    let mut browser = Browser { http: client()?, cookies: BTreeMap::new() };
    let callback = browser.follow(start, user, password).await?;
    let parameters: BTreeMap<_, _> = callback.query_pairs().into_owned().collect();
    if let Some(error) = parameters.get("error") {
        bail!("not authorized: {error}: {}", parameters.get("error_description").map_or("", String::as_str));
    }
    ensure!(parameters.get("state") == Some(&state), "the state came back changed");
    ensure!(parameters.get("iss") == Some(&format!("{public_url}/auth")), "another issuer answered (RFC 9207)");
    let code = parameters.get("code").context("no code in the redirect")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("code", code),
        ("code_verifier", &verifier),
    ];
    let answer = browser.http.post(format!("{public_url}/auth/token")).form(&form).send().await?;
    Ok(checked(answer).await?.json().await?)
}

/// Logs `user` in and out again, as the pages offer it.
pub async fn log_out(public_url: &str, user: &str, password: &str) -> anyhow::Result<()> {
    let mut browser = Browser { http: client()?, cookies: BTreeMap::new() };
    let login = Url::parse(&format!("{public_url}/auth/login"))?;
    for fields in [&[("username", user), ("password", password)][..], &[]] {
        let page = checked(browser.send(browser.http.get(login.clone())).await?).await?.text().await?;
        let (action, mut form) = form(&page).context("no form on the page")?;
        form.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let post = browser.http.post(login.join(if action.is_empty() { login.path() } else { &action })?);
        let post = post.header(header::ORIGIN, login.origin().ascii_serialization());
        let answer = browser.send(post.form(&form)).await?;
        ensure!(answer.status().is_success() || answer.status().is_redirection(), "{action}: {}", answer.status());
    }
    let page = checked(browser.send(browser.http.get(login)).await?).await?.text().await?;
    ensure!(page.contains("name=\"password\""), "still logged in");
    Ok(())
}

fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().redirect(Policy::none()).build()?)
}

async fn checked(answer: Response) -> anyhow::Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    bail!("{} answered {status}: {}", answer.url().clone(), answer.text().await.unwrap_or_default())
}

struct Browser {
    http: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Follows redirects and fills in the login form until it is sent back to the client.
    async fn follow(&mut self, start: Url, user: &str, password: &str) -> anyhow::Result<Url> {
        let mut answer = self.send(self.http.get(start)).await?;
        let mut forms = 0;
        loop {
            let here = answer.url().clone();
            if let Some(location) = answer.headers().get(header::LOCATION) {
                let next = here.join(location.to_str()?)?;
                if next.as_str().starts_with(REDIRECT) {
                    return Ok(next);
                }
                answer = self.send(self.http.get(next)).await?;
                continue;
            }
            let page = checked(answer).await?.text().await?;
            forms += 1;
            ensure!(forms <= FORMS_AT_MOST, "the login was not accepted");
            let (action, mut fields) = form(&page).context("no form on the page")?;
            fields.insert("username".to_owned(), user.to_owned());
            fields.insert("password".to_owned(), password.to_owned());
            let post = self.http.post(here.join(&action)?).header(header::ORIGIN, here.origin().ascii_serialization());
            answer = self.send(post.form(&fields)).await?;
        }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> anyhow::Result<Response> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header(header::COOKIE, cookies.join("; ")).send().await?;
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        Ok(answer)
    }
}

/// The first form of a page: where it goes and what it sends along unseen.
fn form(page: &str) -> Option<(String, BTreeMap<String, String>)> {
    let form = &page[page.find("<form")?..];
    let form = &form[..form.find("</form>")?];
    let action = attribute(&form[..form.find('>')?], "action").unwrap_or_default();
    let hidden = form.split("<input").skip(1).filter_map(|input| {
        let input = &input[..input.find('>')?];
        Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
    });
    Some((action, hidden.collect()))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    let entities = [("&quot;", "\""), ("&#34;", "\""), ("&#38;", "&"), ("&amp;", "&"), ("&#x3d;", "="), ("&#61;", "=")];
    Some(entities.iter().fold(value.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}
