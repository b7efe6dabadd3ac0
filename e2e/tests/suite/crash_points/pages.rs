//! People at auth's pages while it dies. Whoever sees no answer tries again, as people do.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Result, bail, ensure};
use e2e::{Browser, Landing, Visit, patiently};
use reqwest::Url;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

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

async fn allow(stage: &Stage<'_>) -> Result<Browser> {
    let query = "response_type=code&client_id=stranger&redirect_uri=http://127.0.0.1/callback&scope=openid+order:read\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let authorize = at(stage, &format!("/auth/authorize?{query}"))?;
    patiently(async || {
        let mut browser = Browser::of(stage.world.suite.public_url())?;
        match browser.visit(authorize.clone(), &pressing("allow")).await? {
            Landing::Left { url, .. } if url.query_pairs().any(|(name, _)| name == "code") => Ok(browser),
            other => bail!("no code: {other:?}"),
        }
    })
    .await
}

pub async fn allows(stage: &Stage<'_>) -> Result<()> {
    stage.world.execute("auth", STRANGER).await?;
    stage.arm().await?;
    allow(stage).await?;
    Ok(())
}

/// Logs out where the application wants to be told of it. It is, perhaps twice.
pub async fn has_an_application_told(stage: &Stage<'_>) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let told = format!("update client set backchannel_logout_uri = 'http://{}/'", listener.local_addr()?);
    stage.world.execute("auth", &format!("{STRANGER}; {told} where client_id = 'stranger'")).await?;
    let heard = Arc::new(AtomicUsize::new(0));
    let listening = tokio::spawn(listen(listener, heard.clone()));
    let browser = allow(stage).await?;
    stage.arm().await?;
    let logout = at(stage, "/auth/logout")?;
    patiently(async || browser.clone().visit(logout.clone(), &pressing("sign out")).await).await?;
    patiently(async || {
        let left = "select count(*) from backchannel_logout";
        let left: i64 = sqlx::query_scalar(left).fetch_one(&mut stage.world.connect("auth").await?).await?;
        ensure!(left == 0, "{left} to be told");
        Ok(())
    })
    .await?;
    listening.abort();
    ensure!((1..=2).contains(&heard.load(Ordering::SeqCst)), "told {heard:?} times");
    Ok(())
}

async fn listen(listener: TcpListener, heard: Arc<AtomicUsize>) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("logout_token=") && stream.read_buf(&mut request).await? > 0 {
        }
        heard.fetch_add(1, Ordering::SeqCst);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
    }
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
