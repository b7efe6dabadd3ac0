//! People and machines who prove who they are while auth dies. Whoever loses an answer logs in again, as people do.

use anyhow::{Context, Result, ensure};
use e2e::{Answer, Shopper, client_token, log_in, log_out, patiently};
use reqwest::{Client, header};
use serde_json::{Value, json};

use super::stage::{Stage, insist};

const PASSWORD: &str = "bob-demo-password";

async fn form(stage: &Stage<'_>, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
    let url = format!("{}{path}", stage.world.suite.public_url());
    insist(async || {
        let answer = Client::new().post(&url).form(form).send().await?;
        let status = answer.status();
        let body = answer.json().await.unwrap_or(Value::Null);
        Ok(Answer { status, headers: header::HeaderMap::new(), body })
    })
    .await
}

async fn refresh(stage: &Stage<'_>, token: &str) -> Result<Answer> {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "demo")];
    form(stage, "/auth/token", &fields).await
}

async fn is_let_in(stage: &Stage<'_>, token: &str, status: u16) -> Result<()> {
    let bob = Shopper::with_token(stage.world.suite.public_url(), token)?;
    patiently(async || bob.get("/api/order/v1/orders").await?.expect(status)).await?;
    Ok(())
}

pub async fn logs_in(stage: &Stage<'_>) -> Result<()> {
    let url = stage.world.suite.public_url();
    stage.arm().await?;
    let tokens = patiently(async || log_in(url, "bob", PASSWORD).await).await?;
    is_let_in(stage, &tokens.access_token, 200).await
}

/// Whoever mistyped a password gets in with the right one.
pub async fn mistypes(stage: &Stage<'_>) -> Result<()> {
    let url = stage.world.suite.public_url();
    stage.arm().await?;
    let refused = log_in(url, "bob", "bob-demo-passwort").await;
    ensure!(refused.is_err(), "a wrong password is let in");
    let tokens = patiently(async || log_in(url, "bob", PASSWORD).await).await?;
    is_let_in(stage, &tokens.access_token, 200).await
}

/// What is recorded of a machine that does not know its secret may be lost with the process; the next attempt is recorded.
pub async fn presents_a_wrong_secret(stage: &Stage<'_>) -> Result<()> {
    let recorded = "select count(*) from security_event where kind = 'client_failed'";
    let count = async || -> Result<i64> {
        Ok(sqlx::query_scalar(recorded).fetch_one(&mut stage.world.connect("auth").await?).await?)
    };
    let before = count().await?;
    stage.arm().await?;
    patiently(async || {
        let fields = [("grant_type", "client_credentials"), ("client_id", "order"), ("client_secret", "guess")];
        form(stage, "/auth/token", &fields).await?.expect(401)?;
        ensure!(count().await? > before, "not recorded");
        Ok(())
    })
    .await
}

pub async fn logs_out(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    patiently(async || log_out(stage.world.suite.public_url(), "bob", PASSWORD).await).await
}

/// Where the answer was lost, the token counts as used, and everything under it is revoked: better a login too many than
/// a thief.
pub async fn refreshes(stage: &Stage<'_>) -> Result<()> {
    let url = stage.world.suite.public_url();
    let first = log_in(url, "bob", PASSWORD).await?;
    stage.arm().await?;
    let answer = refresh(stage, first.refresh_token.as_deref().unwrap_or_default()).await?;
    if answer.status == 200 {
        return is_let_in(stage, &answer.text("access_token")?, 200).await;
    }
    ensure!(answer.body["error"] == "invalid_grant", "{}", answer.body);
    is_let_in(stage, &first.access_token, 401).await?;
    let again = patiently(async || log_in(url, "bob", PASSWORD).await).await?;
    is_let_in(stage, &again.access_token, 200).await
}

/// A refresh token that was used before ends the family.
pub async fn refreshes_twice(stage: &Stage<'_>) -> Result<()> {
    let first = log_in(stage.world.suite.public_url(), "bob", PASSWORD).await?;
    let first = first.refresh_token.unwrap_or_default();
    let second = refresh(stage, &first).await?.expect(200)?;
    stage.arm().await?;
    refresh(stage, &first).await?.expect(400)?;
    is_let_in(stage, &second.text("access_token")?, 401).await
}

/// A code that nobody was given.
pub async fn guesses_a_code(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    let verifier = "a".repeat(43);
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "demo"),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("code", "guessed"),
        ("code_verifier", &verifier),
    ];
    let refused = form(stage, "/auth/token", &fields).await?.expect(400)?;
    ensure!(refused.body["error"] == "invalid_grant", "{}", refused.body);
    Ok(())
}

pub async fn revokes(stage: &Stage<'_>) -> Result<()> {
    let tokens = log_in(stage.world.suite.public_url(), "bob", PASSWORD).await?;
    is_let_in(stage, &tokens.access_token, 200).await?;
    stage.arm().await?;
    form(stage, "/auth/revoke", &[("token", &tokens.access_token), ("client_id", "demo")]).await?.expect(200)?;
    is_let_in(stage, &tokens.access_token, 401).await
}

/// A registration whose answer was lost is made again; what was deleted is gone.
pub async fn registers(stage: &Stage<'_>) -> Result<()> {
    let (olga, url) = (&stage.world.olga, stage.world.suite.public_url());
    let tokens = "/auth/v1/initial-access-tokens";
    stage.arm().await?;
    let allowed = insist(async || olga.post(tokens, json!({"uses": 5})).await).await?.expect(201)?;
    let stranger = Shopper::with_token(url, &allowed.text("initial_access_token")?)?;
    let client = json!({"redirect_uris": ["https://shop.example/callback"]});
    let made = insist(async || stranger.post("/auth/register", client.clone()).await).await?.expect(201)?;
    let path = format!("/auth/register/{}", made.text("client_id")?);
    let own = Shopper::with_token(url, &made.text("registration_access_token")?)?;
    let change = json!({"client_id": made.text("client_id")?, "redirect_uris": ["https://shop.example/other"]});
    let changed = insist(async || own.put(&path, change.clone()).await).await?.expect(200)?.body;
    ensure!(changed["redirect_uris"][0] == "https://shop.example/other", "{changed}");
    let deleted = insist(async || own.delete(&path).await).await?.status;
    ensure!(deleted == 204 || deleted == 401, "{deleted}");
    insist(async || own.get(&path).await).await?.expect(401)?;
    let withdraw = format!("{tokens}/{}", allowed.text("id")?);
    let withdrawn = insist(async || olga.delete(&withdraw).await).await?.status;
    ensure!(withdrawn == 204 || withdrawn == 404, "{withdrawn}");
    insist(async || stranger.post("/auth/register", client.clone()).await).await?.expect(401)?;
    Ok(())
}

/// Who is shut out is let in again only when an operator says so.
pub async fn shuts_out(stage: &Stage<'_>) -> Result<()> {
    let (olga, url) = (&stage.world.olga, stage.world.suite.public_url());
    let carol = format!("/auth/v1/users/{}/disabled", contracts::seed::CAROL);
    let reporting = "/auth/v1/clients/reporting/disabled";
    let tokens = log_in(url, "carol", "carol-demo-password").await?;
    is_let_in(stage, &tokens.access_token, 200).await?;
    stage.arm().await?;
    for path in [&*carol, reporting] {
        insist(async || olga.put(path, Value::Null).await).await?.expect(204)?;
    }
    is_let_in(stage, &tokens.access_token, 401).await?;
    ensure!(log_in(url, "carol", "carol-demo-password").await.is_err(), "carol is let in");
    for path in [&*carol, reporting] {
        insist(async || olga.delete(path).await).await?.expect(204)?;
    }
    is_let_in(stage, &tokens.access_token, 401).await?;
    patiently(async || log_in(url, "carol", "carol-demo-password").await).await?;
    logs_a_machine_in_now(stage).await
}

/// A key too many does no harm, and one that was retired stays so.
pub async fn rotates_keys(stage: &Stage<'_>) -> Result<()> {
    let olga = &stage.world.olga;
    let path = "/auth/v1/signing-keys";
    stage.arm().await?;
    let made = insist(async || olga.post(path, Value::Null).await).await?.expect(201)?;
    let made = made.body["keys"][0]["kid"].as_str().context("no key was made")?.to_owned();
    let retired = insist(async || olga.delete(&format!("{path}/{made}")).await).await?.status;
    ensure!(retired == 204 || retired == 404, "{retired}");
    let keys = insist(async || olga.get(path).await).await?.expect(200)?.body;
    let key = keys["keys"].as_array().into_iter().flatten().find(|key| key["kid"] == made.as_str());
    ensure!(key.is_some_and(|key| key["retired_at"].is_string()), "{keys}");
    logs_a_machine_in_now(stage).await
}

pub async fn logs_a_machine_in(stage: &Stage<'_>) -> Result<()> {
    stage.arm().await?;
    logs_a_machine_in_now(stage).await
}

async fn logs_a_machine_in_now(stage: &Stage<'_>) -> Result<()> {
    let suite = &stage.world.suite;
    let token = async || client_token(suite.public_url(), "reporting", &suite.secrets().reporting_client).await;
    is_let_in(stage, &patiently(token).await?, 200).await
}
