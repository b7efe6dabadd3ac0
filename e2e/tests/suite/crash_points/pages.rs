//! People at auth's pages while it dies. Whoever sees no answer tries again, as people do.

use anyhow::{Result, bail, ensure};
use e2e::{Browser, Landing, Visit, patiently};
use reqwest::Url;

use super::stage::Stage;

const PASSWORD: &str = "bob-demo-password";
/// An application of somebody else, of which users are asked.
const STRANGER: &str = "
    insert into client (client_id, name, grant_types, redirect_uris, origins, scopes, plan, created_at)
    values ('stranger', 'Stranger', '{authorization_code}', '{http://127.0.0.1/callback}', '{}', '{openid,order:read}',
        'free', now())
    on conflict do nothing;
    delete from consent where client_id = 'stranger'";

fn at(stage: &Stage<'_>, path: &str) -> Result<Url> {
    Ok(Url::parse(&format!("{}{path}", stage.world.suite.public_url()))?)
}

fn pressing(word: &str) -> Visit {
    Visit { press: Some(word.to_owned()), ..Visit::of("bob", PASSWORD) }
}

async fn allow(stage: &Stage<'_>) -> Result<()> {
    let query = "response_type=code&client_id=stranger&redirect_uri=http://127.0.0.1/callback&scope=openid+order:read\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let authorize = at(stage, &format!("/auth/authorize?{query}"))?;
    patiently(async || {
        let mut browser = Browser::of(stage.world.suite.public_url())?;
        match browser.visit(authorize.clone(), &pressing("allow")).await? {
            Landing::Left { url, .. } if url.query_pairs().any(|(name, _)| name == "code") => Ok(()),
            other => bail!("no code: {other:?}"),
        }
    })
    .await
}

pub async fn allows(stage: &Stage<'_>) -> Result<()> {
    stage.world.execute("auth", STRANGER).await?;
    stage.arm().await?;
    allow(stage).await
}

pub async fn takes_back(stage: &Stage<'_>) -> Result<()> {
    stage.world.execute("auth", STRANGER).await?;
    allow(stage).await?;
    stage.arm().await?;
    let text = account(stage, "take back").await?;
    ensure!(!text.contains("Stranger"), "still allowed: {text}");
    Ok(())
}

pub async fn ends_all_other_sessions(stage: &Stage<'_>) -> Result<()> {
    let mut elsewhere = Browser::of(stage.world.suite.public_url())?;
    elsewhere.visit(at(stage, "/auth/account")?, &Visit::of("bob", PASSWORD)).await?;
    stage.arm().await?;
    account(stage, "end all others").await?;
    let page = patiently(async || {
        let mut browser = elsewhere.clone();
        browser.visit(at(stage, "/auth/account")?, &Visit::default()).await
    });
    let Landing::Page { text, .. } = page.await? else { bail!("sent away") };
    ensure!(text.contains("name=\"password\""), "still logged in elsewhere: {text}");
    Ok(())
}

/// The account page after a button on it was pressed until it was gone.
async fn account(stage: &Stage<'_>, word: &str) -> Result<String> {
    let account = at(stage, "/auth/account")?;
    patiently(async || {
        let mut browser = Browser::of(stage.world.suite.public_url())?;
        match browser.visit(account.clone(), &pressing(word)).await? {
            Landing::Page { text, .. } if text.contains("Where you are signed in") => Ok(text),
            other => bail!("no account page: {other:?}"),
        }
    })
    .await
}
