//! With two gateways: what is revoked is refused by both, and by the services behind them, within the time that is promised.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::{Browser, Shopper, Visit, basic, client_token, log_in_with, patiently};
use futures::future::{try_join, try_join_all};
use launch::suite::Suite;
use reqwest::{Client, Url, header};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::setting::programs;

const SCOPES: &str = "openid shipping:read";
const PATH: &str = "/v1/countries";
const LOOK: Duration = Duration::from_millis(20);
/// A gateway that hears nothing keeps an answer for five seconds; one that hears needs milliseconds. As long again for a
/// machine that is busy.
const BOUND: Duration = Duration::from_secs(10);
/// What a service has been given is good for a minute at the most.
const LIFETIME: Duration = Duration::from_mins(1);

/// What is revoked.
#[derive(Clone, Copy, Debug)]
enum What {
    Token,
    Session,
    User(&'static str),
    Client,
}

struct World {
    suite: Suite,
    gateways: [String; 2],
    shipping: String,
    olga: Shopper,
    http: Client,
}

/// Something to be revoked, with a token that hangs on it and a JWT of that.
struct Held {
    what: What,
    token: String,
    jwt: String,
    browser: Browser,
}

#[tokio::test]
async fn both_gateways_and_a_service_refuse_what_was_revoked_whether_or_not_the_bus_is_there() {
    let world = World::start().await.unwrap();
    let all = [What::Token, What::Session, What::User("bob"), What::Client];
    for what in all {
        let held = world.hold(what).await.unwrap();
        world.revoke_and_wait(held).await.unwrap_or_else(|error| panic!("{what:?}: {error:#}"));
    }
    let others = [What::Token, What::Session, What::User("carol"), What::Client];
    world.suite.nats().kill();
    // Only now: whoever notices that nobody is heard forgets all that was known before.
    let held = try_join_all(others.map(|what| world.hold(what))).await.unwrap();
    let revoked = try_join_all(held.into_iter().map(|held| world.revoke_and_wait(held))).await;
    // What the services had been given goes by its own time.
    try_join_all(revoked.unwrap().iter().map(|held| world.wait_for_the_end_of(held))).await.unwrap();
}

impl World {
    async fn start() -> Result<Self> {
        let suite = Suite::temporary_of(&programs(), &["auth", "gateway", "shipping"]).await?;
        let second = suite.start_instance("gateway").await?;
        let at = |id: &str| suite.status().into_iter().find(|it| it.id == id).map(|it| it.address);
        let gateways = [suite.public_url().to_owned(), at(&second).context("no second gateway")?];
        let shipping = at("shipping").context("no shipping")?;
        let olga = Shopper::log_in(suite.public_url(), "olga").await?;
        Ok(Self { suite, gateways, shipping, olga, http: Client::new() })
    }

    fn url(&self) -> &str {
        self.suite.public_url()
    }

    /// Lets it in everywhere.
    async fn hold(&self, what: What) -> Result<Held> {
        let mut browser = Browser::of(self.url())?;
        let token = match what {
            What::Client => client_token(self.url(), "reporting", &self.suite.secrets().reporting_client).await?,
            What::Token | What::Session => self.log_in(&mut browser, "alice").await?,
            What::User(name) => self.log_in(&mut browser, name).await?,
        };
        let jwt = self.exchange(&token).await?.text("access_token")?;
        let held = Held { what, token, jwt, browser };
        patiently(async || {
            let let_in = self.let_in(&held).await?;
            ensure!(let_in == [true; 3], "{let_in:?}");
            Ok(())
        })
        .await?;
        Ok(held)
    }

    async fn log_in(&self, browser: &mut Browser, user: &str) -> Result<String> {
        let password = format!("{user}-demo-password");
        Ok(log_in_with(browser, self.url(), user, &password, SCOPES).await?.access_token)
    }

    /// Both gateways refuse it soon after the answer, and auth at once; then nothing lets it in again.
    async fn revoke_and_wait(&self, mut held: Held) -> Result<Held> {
        self.revoke(&mut held).await?;
        let answered = Instant::now();
        self.exchange(&held.token).await?.expect(400)?;
        loop {
            let [first, second, _] = self.let_in(&held).await?;
            if !first && !second {
                break;
            }
            ensure!(answered.elapsed() < BOUND, "after {BOUND:?} it is let in: {first} {second}");
            sleep(LOOK).await;
        }
        for _ in 0..10 {
            let [first, second, _] = self.let_in(&held).await?;
            ensure!(!first && !second, "it is let in again: {first} {second}");
        }
        self.allow_again(held.what).await?;
        let [first, second, _] = self.let_in(&held).await?;
        ensure!(!first && !second, "it came back to life: {first} {second}");
        Ok(held)
    }

    async fn wait_for_the_end_of(&self, held: &Held) -> Result<()> {
        let began = Instant::now();
        while self.let_in(held).await?[2] {
            ensure!(began.elapsed() < LIFETIME + BOUND, "{:?}: the service still takes its JWT", held.what);
            sleep(LOOK * 10).await;
        }
        Ok(())
    }

    async fn revoke(&self, held: &mut Held) -> Result<()> {
        match held.what {
            What::Token => {
                let form = [("token", held.token.as_str()), ("client_id", "demo")];
                let answer = self.http.post(format!("{}/auth/revoke", self.url())).form(&form).send().await?;
                ensure!(answer.status() == 200, "{}", answer.status());
            }
            What::Session => {
                let out = Visit { press: Some("sign out".to_owned()), ..Visit::default() };
                held.browser.visit(Url::parse(&format!("{}/auth/logout", self.url()))?, &out).await?;
            }
            What::User(_) | What::Client => {
                self.olga.put(&disabled(held.what), json!(null)).await?.expect(204)?;
            }
        }
        Ok(())
    }

    async fn allow_again(&self, what: What) -> Result<()> {
        if let What::User(_) | What::Client = what {
            self.olga.delete(&disabled(what)).await?.expect(204)?;
        }
        Ok(())
    }

    /// Whether each of the gateways takes the token, and the service its JWT.
    async fn let_in(&self, held: &Held) -> Result<[bool; 3]> {
        let [first, second] = &self.gateways;
        let gateways = try_join(
            self.is_let_in(format!("{first}/api/shipping{PATH}"), &held.token),
            self.is_let_in(format!("{second}/api/shipping{PATH}"), &held.token),
        );
        let service = self.is_let_in(format!("{}{PATH}", self.shipping), &held.jwt);
        let ((first, second), service) = try_join(gateways, service).await?;
        Ok([first, second, service])
    }

    async fn is_let_in(&self, url: String, token: &str) -> Result<bool> {
        let answer = self.http.get(&url).bearer_auth(token).send().await?;
        match answer.status().as_u16() {
            200 => Ok(true),
            401 => Ok(false),
            other => anyhow::bail!("{url} answers {other}"),
        }
    }

    /// As the gateway does it.
    async fn exchange(&self, token: &str) -> Result<e2e::Answer> {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", token),
            ("audience", "shipping"),
        ];
        let gateway = basic("gateway", &self.suite.secrets().gateway_client);
        let request = self.http.post(format!("{}/auth/token", self.url())).header(header::AUTHORIZATION, gateway);
        let answer = request.form(&form).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(e2e::Answer { status, headers, body: answer.json().await.unwrap_or(Value::Null) })
    }
}

fn disabled(what: What) -> String {
    let who = match what {
        What::User("carol") => format!("users/{}", contracts::seed::CAROL),
        What::User(_) => format!("users/{}", contracts::seed::BOB),
        _ => "clients/reporting".to_owned(),
    };
    format!("/auth/v1/{who}/disabled")
}
