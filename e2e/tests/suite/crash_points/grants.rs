//! Clients that push their requests and prove their keys while auth dies. Whoever loses an answer begins anew.

use anyhow::{Context, Result, bail, ensure};
use e2e::{Browser, Landing, Visit, patiently};
use reqwest::{Client, Url};
use serde_json::Value;
use testkit::Holder;
use time::OffsetDateTime;

use super::stage::Stage;

const CALLBACK: &str = "http://127.0.0.1/callback";

pub async fn pushes_a_request(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    patiently(async || {
        let url = stage.world.suite.public_url();
        let form = [
            ("client_id", "demo"),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid order:read"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let pushed = Client::new().post(format!("{url}/auth/par")).form(&form).send().await?.error_for_status()?;
        let pushed: Value = pushed.json().await?;
        let reference = pushed["request_uri"].as_str().context("no reference")?;
        let query = [("client_id", "demo"), ("request_uri", reference)];
        let start = Url::parse_with_params(&format!("{url}/auth/authorize"), query)?;
        match Browser::of(url)?.visit(start, &Visit::of("bob", "bob-demo-password")).await? {
            Landing::Left { url, .. } => ensure!(url.query_pairs().any(|(name, _)| name == "code"), "{url}"),
            Landing::Page { status, text, .. } => bail!("{status}: {text}"),
        }
        Ok(())
    })
    .await
}

pub async fn proves_a_key(stage: &Stage<'_>) -> Result<()> {
    let (suite, holder) = (&stage.world.suite, Holder::new());
    stage.arm().await?;
    patiently(async || {
        let url = format!("{}/auth/token", suite.public_url());
        let form = [("grant_type", "client_credentials")];
        let proof = holder.proof("POST", &url, None, OffsetDateTime::now_utc());
        let request = Client::new().post(&url).basic_auth("reporting", Some(&suite.secrets().reporting_client));
        let answer = request.header("dpop", proof).form(&form).send().await?.error_for_status()?;
        let token: Value = answer.json().await?;
        ensure!(token["token_type"] == "DPoP", "{token}");
        Ok(())
    })
    .await
}

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn post(stage: &Stage<'_>, path: &str, form: &[(&str, &str)]) -> Result<Value> {
    let url = format!("{}{path}", stage.world.suite.public_url());
    let answer = Client::new().post(url).form(form).send().await?;
    ensure!(!answer.status().is_server_error(), "{}", answer.status());
    Ok(answer.json().await?)
}

// A device that begins to wait, and a person who presses a button for it.
async fn decide(stage: &Stage<'_>, press: &str) -> Result<String> {
    let device = post(stage, "/auth/device_authorization", &[("client_id", "demo"), ("scope", "openid")]).await?;
    let address = device["verification_uri_complete"].as_str().context("no address")?;
    let visit = Visit { press: Some(press.to_owned()), ..Visit::of("bob", "bob-demo-password") };
    Browser::of(stage.world.suite.public_url())?.visit(Url::parse(address)?, &visit).await?;
    Ok(device["device_code"].as_str().context("no code")?.to_owned())
}

async fn ask(stage: &Stage<'_>, code: &str) -> Result<Value> {
    post(stage, "/auth/token", &[("grant_type", DEVICE_CODE), ("client_id", "demo"), ("device_code", code)]).await
}

/// A device that lost its tokens on the way begins anew.
pub async fn logs_a_device_in(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    patiently(async || {
        let early = post(stage, "/auth/device_authorization", &[("client_id", "demo"), ("scope", "openid")]).await?;
        let early = ask(stage, early["device_code"].as_str().context("no code")?).await?;
        ensure!(early["error"] == "authorization_pending", "{early}");
        let tokens = ask(stage, &decide(stage, "allow").await?).await?;
        ensure!(tokens["access_token"].is_string(), "{tokens}");
        Ok(())
    })
    .await
}

pub async fn denies_a_device(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    patiently(async || {
        let told = ask(stage, &decide(stage, "do not allow").await?).await?;
        ensure!(told["error"] == "access_denied", "{told}");
        Ok(())
    })
    .await
}
