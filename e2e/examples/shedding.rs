//! What shedding does for those who are let in: a service that answers 100 a second is asked 200 times a second, with
//! shedding and without, in turns within one run. `cargo run -p e2e --example shedding`, after `cargo build --bins`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, ensure};
use e2e::{Shopper, patiently};
use launch::{Temporary, suite::Suite};
use registry::{Registration, Registry};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, interval, sleep},
};

const ROUNDS: usize = 4;
/// Of each turn; what is asked in the first half is not counted, for the limit has to be found.
const TURN: Duration = Duration::from_secs(20);
/// 100 a second: so many at a time, each of which takes so long.
const WORKERS: usize = 4;
const WORK: Duration = Duration::from_millis(40);
/// 200 a second.
const EVERY: Duration = Duration::from_millis(5);

#[tokio::main]
async fn main() -> Result<()> {
    let example = std::env::current_exe()?;
    let programs = example.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let directory = Temporary::new("shedding")?;
    let suite = Suite::teachable(programs, directory.path()).await?;
    let alice = Shopper::log_in(suite.public_url(), "alice").await?;
    suite.kill("inventory")?;
    let instead = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", instead.local_addr()?);
    tokio::spawn(serve(instead));
    let registry = Registry::connect(suite.nats().url().as_str()).await?;
    let _registered = registry.register(Registration::new("inventory", "1", &address));
    let policies = Policies::of(&suite, directory.path().join("policies.toml"))?;
    patiently(async || alice.get("/api/inventory/v1/stock/FIRST").await?.expect(200)).await?;
    let mut took: [Vec<Duration>; 2] = Default::default();
    for round in 0..ROUNDS {
        for (nr, sheds) in [true, false].into_iter().enumerate() {
            policies.shed(sheds).await?;
            let (answered, told) = turn(&alice, round * 2 + nr).await;
            percentiles(&format!("{round}, {}: {told:?}", WHICH[nr]), answered.clone());
            took[nr].extend(answered);
            // What is left in line goes.
            sleep(WORK * 100).await;
        }
    }
    let [with, without] = took;
    percentiles(WHICH[0], with);
    percentiles(WHICH[1], without);
    Ok(())
}

const WHICH: [&str; 2] = ["with shedding", "without"];

/// How many had which answer.
type Told = BTreeMap<String, usize>;

/// How long those waited who were answered, and what all were told.
async fn turn(alice: &Shopper, nr: usize) -> (Vec<Duration>, Told) {
    let (mut ticks, began, mut asked) = (interval(EVERY), Instant::now(), JoinSet::new());
    let mut nth = 0;
    while began.elapsed() < TURN {
        ticks.tick().await;
        nth += 1;
        let (alice, counts) = (alice.clone(), began.elapsed() > TURN / 2);
        asked.spawn(async move {
            let since = Instant::now();
            // Nobody asks for what another one asks for, or the gateway would ask once for both.
            let answer = alice.get(&format!("/api/inventory/v1/stock/T{nr}-{nth}")).await;
            (answer, since.elapsed(), counts)
        });
    }
    let (mut took, mut told) = (Vec::new(), Told::new());
    while let Some(done) = asked.join_next().await {
        let Ok((Ok(answer), lasted, true)) = done else { continue };
        let code = answer.body["code"].as_str().unwrap_or_default();
        *told.entry(format!("{} {code}", answer.status.as_u16())).or_default() += 1;
        if answer.status.is_success() {
            took.push(lasted);
        }
    }
    (took, told)
}

fn percentiles(when: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at =
        [50, 99].map(|percent| took.get(took.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default());
    println!("{when}: {} answered; p50 {:.2?}, p99 {:.2?}", took.len(), at[0], at[1]);
}

/// The gateway's policies, which it reads again when they change.
struct Policies {
    file: PathBuf,
    with: String,
    metrics: String,
}

impl Policies {
    fn of(suite: &Suite, file: PathBuf) -> Result<Self> {
        let gateway = suite.status().into_iter().find(|it| it.id == "gateway");
        let metrics = gateway.map(|it| format!("{}/metrics", it.ops)).unwrap_or_default();
        Ok(Self { with: fs::read_to_string(&file)?, file, metrics })
    }

    async fn shed(&self, sheds: bool) -> Result<()> {
        let before = self.reloads().await?;
        let without = self.with.replace("shed = \"usual\"", "").replace(", ,", ",");
        // A comment makes it another file.
        let text = format!("{}\n# {before}\n", if sheds { &self.with } else { &without });
        fs::write(&self.file, text)?;
        patiently(async || {
            let now = self.reloads().await?;
            ensure!(now != before, "not read again: {now:?}");
            Ok(())
        })
        .await
    }

    async fn reloads(&self) -> Result<String> {
        let metrics = reqwest::get(&self.metrics).await?.text().await?;
        let lines: Vec<_> = metrics.lines().filter(|line| line.starts_with("gateway_policy_reloads_total{")).collect();
        ensure!(!lines.iter().any(|line| line.contains("refused")), "the policies are wrong: {lines:?}");
        Ok(lines.join(" "))
    }
}

/// A service that does so much at a time; the rest waits.
async fn serve(listener: TcpListener) {
    let workers = Arc::new(Semaphore::new(WORKERS));
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, Arc::clone(&workers)));
    }
}

async fn answer(mut stream: TcpStream, workers: Arc<Semaphore>) -> Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut piece).await?;
        ensure!(read > 0, "closed");
        head.extend_from_slice(&piece[..read]);
        // Nobody sends a body, or a second request before the answer.
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let worker = workers.acquire().await?;
        sleep(WORK).await;
        drop(worker);
        let body = if head.starts_with(b"HEAD") { "" } else { "{}" };
        let told = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{body}");
        stream.write_all(told.as_bytes()).await?;
        head.clear();
    }
}
