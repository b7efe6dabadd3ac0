//! Callers: each asks, waits for the answer, and asks again.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::{contenders::Contender, upstream::content_length};

/// Before anything is counted: connections are made, tokens exchanged, caches filled.
const WARM_UP: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom to ask, for how long.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    address: String,
    #[arg(long)]
    path: String,
    #[arg(long)]
    connections: u16,
    #[arg(long)]
    seconds: f64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Answers per second.
    pub rate: f64,
    /// Microseconds within which half of the answers came.
    pub p50: u64,
    /// And 99 of 100.
    pub p99: u64,
    /// Counted answers that were not 200.
    pub refused: usize,
    /// All answers, those of the warm-up included.
    pub all: usize,
}

/// Measures in a process of its own, on cores of its own.
pub fn measure(contender: &Contender, cores: &str, connections: u16, seconds: f64) -> Result<Measured> {
    let output = Command::new("taskset")
        .args(["-c", cores])
        .arg(std::env::current_exe()?)
        .args(["bench", "load", "--address", &contender.address, "--path", contender.path])
        .args(["--connections", &connections.to_string(), "--seconds", &seconds.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", contender.name, said.trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Asks, and prints what was measured.
pub fn run(options: &Options) -> Result<()> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: shop.example\r\nAccept: application/json\r\nUser-Agent: bench\r\n\
         Authorization: Bearer 0123456789abcdef0123456789abcdef0123456789ab\r\n\r\n",
        options.path
    );
    let (counting, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let (taken, began) = thread::scope(|scope| {
        let ask = || Caller::connect(&options.address, &request)?.ask_until(&counting, &done);
        let callers: Vec<_> = (0..options.connections).map(|_| scope.spawn(ask)).collect();
        thread::sleep(WARM_UP);
        counting.store(true, Relaxed);
        let began = Instant::now();
        thread::sleep(Duration::from_secs_f64(options.seconds));
        done.store(true, Relaxed);
        let lasted = began.elapsed();
        let taken: Result<Vec<_>> =
            callers.into_iter().map(|it| it.join().unwrap_or_else(|_| bail!("a caller panicked"))).collect();
        (taken, lasted)
    });
    let (answers, all): (Vec<_>, Vec<_>) = taken?.into_iter().unzip();
    let (answers, all) = (answers.concat(), all.iter().sum());
    let mut taken: Vec<u32> = answers.iter().copied().flatten().collect();
    ensure!(!taken.is_empty(), "no answer was 200");
    let refused = answers.len() - taken.len();
    taken.sort_unstable();
    let at = |percent: usize| u64::from(taken[(taken.len() - 1) * percent / 100]);
    #[allow(clippy::cast_precision_loss)] // counts are small
    let rate = taken.len() as f64 / began.as_secs_f64();
    println!("{}", serde_json::to_string(&Measured { rate, p50: at(50), p99: at(99), refused, all })?);
    Ok(())
}

struct Caller<'r> {
    stream: TcpStream,
    request: &'r str,
    buffer: Vec<u8>,
}

impl<'r> Caller<'r> {
    fn connect(address: &str, request: &'r str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, request, buffer: vec![0; 16 * 1024] })
    }

    // The microseconds that each counted answer took, if it was one.
    fn ask_until(mut self, counting: &AtomicBool, done: &AtomicBool) -> Result<(Vec<Option<u32>>, usize)> {
        let (mut taken, mut all) = (Vec::new(), 0);
        while !done.load(Relaxed) {
            let began = Instant::now();
            let is_answered = self.ask()?;
            all += 1;
            if counting.load(Relaxed) {
                let micros = u32::try_from(began.elapsed().as_micros())?;
                taken.push(is_answered.then_some(micros));
            }
        }
        Ok((taken, all))
    }

    fn ask(&mut self) -> Result<bool> {
        self.stream.write_all(self.request.as_bytes())?;
        let mut filled = 0;
        loop {
            let length = self.stream.read(&mut self.buffer[filled..]).context("no answer")?;
            filled += length;
            let answer = &self.buffer[..filled];
            ensure!(length > 0, "closed after {:?}", String::from_utf8_lossy(answer));
            let Some(end) = answer.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
            let body = content_length(&answer[..end]).context("an answer without a length")?;
            if filled >= end + 4 + body {
                return Ok(answer.starts_with(b"HTTP/1.1 200 "));
            }
        }
    }
}
