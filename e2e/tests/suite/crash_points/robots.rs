//! Clients that act for themselves while auth dies. Whoever gets no answer tries again.

use anyhow::{Result, ensure};
use e2e::patiently;
use serde_json::json;
use testkit::Holder;
use time::OffsetDateTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::stage::Stage;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Publishes the key with which it says who it is.
pub async fn publishes_its_keys(stage: &Stage<'_>) -> Result<()> {
    let (holder, listener) = (Holder::new(), TcpListener::bind("127.0.0.1:0").await?);
    let publisher = format!(
        "delete from client where client_id = 'publisher';
         insert into client (client_id, name, secret_hash, grant_types, redirect_uris, origins, scopes, plan, created_at,
             authentication_method, jwks_uri)
         values ('publisher', 'Publisher', sha256('nobody knows'), '{{client_credentials}}', '{{}}', '{{}}', '{{order:read}}',
             'free', now(), 'private_key_jwt', 'http://{}/jwks')",
        listener.local_addr()?
    );
    stage.world.execute("auth", &publisher).await?;
    let publishing = tokio::spawn(publish(listener, json!({"keys": [holder.jwk()]}).to_string()));
    stage.arm().await?;
    let (url, http) = (stage.world.suite.public_url(), reqwest::Client::builder().no_proxy().build()?);
    patiently(async || {
        let (now, issuer) = (OffsetDateTime::now_utc().unix_timestamp(), format!("{url}/auth"));
        let claims = json!({"iss": "publisher", "sub": "publisher", "aud": issuer, "jti": uuid::Uuid::new_v4(),
            "iat": now, "exp": now + 60});
        let assertion = holder.sign(json!({}), &claims);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", &assertion),
        ];
        let status = http.post(format!("{issuer}/token")).form(&form).send().await?.status();
        ensure!(status == 200, "{status}");
        Ok(())
    })
    .await?;
    publishing.abort();
    Ok(())
}

async fn publish(listener: TcpListener, keys: String) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await? > 0 {}
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", keys.len());
        // Whoever asked may be dead by now.
        let _ = stream.write_all(format!("{head}{keys}").as_bytes()).await;
    }
}
