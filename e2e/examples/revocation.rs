//! How long a token goes on working after its revocation was answered with 200: with two gateways that have both just let
//! it through, and both asked again and again. Then the same while NATS is away, so that no gateway hears of it.
//! `cargo run -p e2e --example revocation`, after `cargo build --bins`.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use e2e::{basic, client_token, patiently};
use futures::future::try_join_all;
use launch::suite::Suite;
use reqwest::{Client, header};
use tokio::task::JoinHandle;

const ROUNDS: usize = 300;
const UNHEARD: usize = 20;
/// Nothing of ours takes so long; beyond it the promise is broken.
const BOUND: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<()> {
    let example = std::env::current_exe()?;
    let programs = example.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let suite = Suite::temporary_of(programs, &["auth", "gateway", "shipping"]).await?;
    let second = suite.start_instance("gateway").await?;
    let second = suite.status().into_iter().find(|it| it.id == second).map(|it| it.address);
    let bench = Bench {
        gateways: [suite.public_url().to_owned(), second.context("the second gateway has no address")?],
        secret: suite.secrets().reporting_client.clone(),
        http: Client::new(),
    };
    bench.round().await?;
    let mut heard = Vec::new();
    for _ in 0..ROUNDS {
        heard.push(bench.round().await?);
    }
    print("both hear of it", heard);
    suite.nats().kill();
    print("NATS is away", try_join_all((0..UNHEARD).map(|_| bench.round())).await?);
    Ok(())
}

struct Bench {
    gateways: [String; 2],
    secret: String,
    http: Client,
}

impl Bench {
    /// How long after the revocation's 200 each of the gateways refused for the first time.
    async fn round(&self) -> Result<[Duration; 2]> {
        let token = client_token(&self.gateways[0], "reporting", &self.secret).await?;
        for gateway in &self.gateways {
            patiently(async || {
                ensure!(is_let_in(&self.http, gateway, &token).await?, "{gateway} refuses");
                Ok(())
            })
            .await?;
        }
        let refusals = [0, 1].map(|nr| self.watch(nr, &token));
        let revoked = self.http.post(format!("{}/auth/revoke", self.gateways[0])).form(&[("token", &token)]);
        let revoked = revoked.header(header::AUTHORIZATION, basic("reporting", &self.secret)).send().await?;
        let answered = Instant::now();
        ensure!(revoked.status() == 200, "{}", revoked.status());
        let mut took = [Duration::ZERO; 2];
        for (took, refusal) in took.iter_mut().zip(refusals) {
            *took = refusal.await??.saturating_duration_since(answered);
        }
        Ok(took)
    }

    /// Asks one gateway again and again; when it refused.
    fn watch(&self, nr: usize, token: &str) -> JoinHandle<Result<Instant>> {
        let (http, gateway, token) = (self.http.clone(), self.gateways[nr].clone(), token.to_owned());
        tokio::spawn(async move {
            let began = Instant::now();
            while is_let_in(&http, &gateway, &token).await? {
                ensure!(began.elapsed() < BOUND, "{gateway} still lets it in");
            }
            let refused = Instant::now();
            // And does not change its mind.
            for _ in 0..5 {
                ensure!(!is_let_in(&http, &gateway, &token).await?, "{gateway} lets it in again");
            }
            Ok(refused)
        })
    }
}

async fn is_let_in(http: &Client, gateway: &str, token: &str) -> Result<bool> {
    let answer = http.get(format!("{gateway}/api/shipping/v1/countries")).bearer_auth(token).send().await?;
    match answer.status().as_u16() {
        200 => Ok(true),
        401 => Ok(false),
        other => anyhow::bail!("{gateway} answers {other}"),
    }
}

fn print(when: &str, took: Vec<[Duration; 2]>) {
    let of = |name: &str, mut took: Vec<Duration>| {
        took.sort_unstable();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100];
        let (min, max, half, most) = (at(0), at(100), at(50), at(99));
        println!(
            "{when}, {name}: {} revocations; min {min:.1?}, p50 {half:.1?}, p99 {most:.1?}, max {max:.1?}",
            took.len()
        );
    };
    of("until the first gateway refuses", took.iter().map(|it| it[0].min(it[1])).collect());
    of("until both refuse", took.iter().map(|it| it[0].max(it[1])).collect());
}
