//! A browser without JavaScript: it keeps cookies, follows redirects within the public origin, fills in the login form
//! and presses buttons.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, Response, Url, header, redirect::Policy};

use super::form::Form;

const STEPS_AT_MOST: usize = 20;
const LOGINS_AT_MOST: usize = 2;

/// A browser with its cookies.
#[derive(Clone)]
pub struct Browser {
    http: Client,
    origin: String,
    cookies: BTreeMap<String, String>,
}

/// What a person does on the pages that come.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// Who logs in, with which password, where the login form comes.
    pub user: Option<(String, String)>,
    /// The button to press on other forms, by a word that stands on it.
    pub press: Option<String>,
    /// What to type into other forms.
    pub typed: BTreeMap<String, String>,
}

/// Where a visit ended.
#[derive(Clone, Debug)]
pub enum Landing {
    /// Sent to another origin: with a redirect, or by a form of a page (`response_mode=form_post`).
    Left { url: Url, form: Option<BTreeMap<String, String>>, logins: usize },
    /// On a page of the public origin.
    Page { url: Url, status: u16, text: String },
}

impl Visit {
    /// Logs in, and presses nothing else.
    pub fn of(user: &str, password: &str) -> Self {
        Self { user: Some((user.to_owned(), password.to_owned())), ..Self::default() }
    }
}

impl Browser {
    /// A browser that has been nowhere, for the pages of this origin.
    pub fn of(public_url: &str) -> anyhow::Result<Self> {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build()?;
        let origin = Url::parse(public_url)?.origin().ascii_serialization();
        Ok(Self { http, origin, cookies: BTreeMap::new() })
    }

    /// Goes to `start` and on until the origin is left or a page has nothing that `visit` says what to do with.
    pub async fn visit(&mut self, start: Url, visit: &Visit) -> anyhow::Result<Landing> {
        let mut answer = self.send(self.http.get(start)).await?;
        let mut logins = 0;
        for _ in 0..STEPS_AT_MOST {
            let here = answer.url().clone();
            if let Some(location) = answer.headers().get(header::LOCATION) {
                let url = here.join(location.to_str()?)?;
                if !self.is_ours(&url) {
                    return Ok(Landing::Left { url, form: None, logins });
                }
                answer = self.send(self.http.get(url)).await?;
                continue;
            }
            let (status, text) = (answer.status().as_u16(), answer.text().await?);
            let Some(form) = chosen(&text, visit, &mut logins) else {
                return Ok(Landing::Page { url: here, status, text });
            };
            let url = if form.action.is_empty() { here.clone() } else { here.join(&form.action)? };
            if !self.is_ours(&url) {
                return Ok(Landing::Left { url, form: Some(form.fields), logins });
            }
            let post = self.http.post(url).header(header::ORIGIN, self.origin.clone());
            answer = self.send(post.form(&form.fields)).await?;
        }
        anyhow::bail!("the pages of {} lead nowhere", self.origin)
    }

    fn is_ours(&self, url: &Url) -> bool {
        url.origin().ascii_serialization() == self.origin
    }

    async fn send(&mut self, request: RequestBuilder) -> anyhow::Result<Response> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::ACCEPT, "text/html");
        let answer = request.header(header::COOKIE, cookies.join("; ")).send().await?;
        ensure!(!answer.status().is_server_error(), "{} answered {}", answer.url(), answer.status());
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').context("a cookie has a name")?;
            self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
        }
        self.cookies.retain(|_, value| !value.is_empty());
        Ok(answer)
    }
}

/// The form to send, filled in; none if there is nothing to do here.
fn chosen(page: &str, visit: &Visit, logins: &mut usize) -> Option<Form> {
    let forms = Form::all(page);
    if let Some(mut login) = forms.iter().find(|form| form.asks_for_password()).cloned() {
        let (user, password) = visit.user.clone().filter(|_| *logins < LOGINS_AT_MOST)?;
        *logins += 1;
        login.fields.extend([("username".to_owned(), user), ("password".to_owned(), password)]);
        return Some(login);
    }
    if let Some(leaving) = forms.iter().find(|form| form.action.starts_with("http")) {
        return Some(leaving.clone());
    }
    let press = visit.press.as_deref()?;
    let (mut form, button) = forms.into_iter().find_map(|form| form.button(press).cloned().map(|it| (form, it)))?;
    form.fields.extend(visit.typed.clone());
    form.fields.extend(button.name.map(|name| (name, button.value)));
    Some(form)
}
