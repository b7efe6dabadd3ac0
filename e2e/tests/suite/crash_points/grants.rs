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
