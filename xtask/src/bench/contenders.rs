//! Who is measured, all of them running all the time: a proxy that is not asked costs nothing.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use launch::{Process, free_port, nats::Nats, tail};
use nix::sys::signal::Signal;

use super::{Cores, nginx::Nginx, policies};

const PATIENCE: Duration = Duration::from_secs(20);
const STORE: &str = "/api/store/v1/products/LAMP-ARC";

/// One of them.
pub struct Contender {
    pub name: String,
    pub address: String,
    pub path: &'static str,
    /// Its first process; it may have children.
    pub process: u32,
}

/// All of them, with what they need.
pub struct Contenders {
    all: Vec<Contender>,
    processes: Vec<Process>,
    nats: Nats,
}

impl Contenders {
    /// Starts the service, and in front of it nginx and the gateways; or only the gateway with one policy less each.
    pub async fn start(
        directory: &Path,
        cores: &Cores,
        threads: u16,
        gateways: &[(String, PathBuf)],
        each_policy: bool,
    ) -> Result<Self> {
        let nats = Nats::temporary().await?;
        let service = free_port()?;
        let mut it = Self { all: Vec::new(), processes: Vec::new(), nats };
        let mut upstream = Command::new("taskset");
        upstream.args(["-c", &cores.service]).arg(std::env::current_exe()?);
        upstream.args(["bench", "upstream", "--port", &service.to_string()]);
        it.processes.push(Process::start(&mut upstream, &directory.join("service.log"), Signal::SIGKILL)?);
        wait(&format!("127.0.0.1:{service}"), &directory.join("service.log"))?;
        let set_up = GatewaySetUp { directory, cores, threads, service, nats: it.nats.url() };
        if each_policy {
            let (_, program) = &gateways[0];
            for (name, text) in policies::variants()? {
                it.add_gateway(&set_up, &name, program, &text)?;
            }
            return Ok(it);
        }
        let nginx = Nginx::start(directory, &cores.proxy, threads, service)?;
        wait(&nginx.plain, &directory.join("nginx/error.log"))?;
        let process = nginx.process.id();
        for (name, address) in [("nginx", &nginx.plain), ("nginx with auth_request", &nginx.checked)] {
            it.all.push(Contender { name: name.to_owned(), address: address.clone(), path: STORE, process });
        }
        it.processes.push(nginx.process);
        for (name, program) in gateways {
            it.add_gateway(&set_up, name, program, &policies::standard()?)?;
        }
        Ok(it)
    }

    fn add_gateway(&mut self, set_up: &GatewaySetUp, name: &str, program: &Path, policies: &str) -> Result<()> {
        let (process, address) = set_up.start(name, program, policies)?;
        self.all.push(Contender { name: name.to_owned(), address, path: STORE, process: process.id() });
        self.processes.push(process);
        Ok(())
    }

    /// Their names, the one that the others are compared with first.
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(|it| it.name.clone()).collect()
    }

    /// Another one is the first in each round.
    pub fn in_turn(&self, round: u32) -> impl Iterator<Item = (usize, &Contender)> {
        let count = self.all.len();
        (0..count).map(move |nth| (nth + round as usize) % count).map(|index| (index, &self.all[index]))
    }
}

struct GatewaySetUp<'s> {
    directory: &'s Path,
    cores: &'s Cores,
    threads: u16,
    service: u16,
    nats: String,
}

impl GatewaySetUp<'_> {
    fn start(&self, name: &str, program: &Path, policies: &str) -> Result<(Process, String)> {
        let name = name.replace(' ', "-");
        let (file, log) = (self.directory.join(format!("{name}.toml")), self.directory.join(format!("{name}.log")));
        fs::write(&file, policies)?;
        let (port, ops) = (free_port()?, free_port()?);
        let (address, service) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{}", self.service));
        let mut command = Command::new("taskset");
        command.args(["-c", &self.cores.proxy]).arg(program).envs([
            ("BIND", address.as_str()),
            ("OPS_BIND", &format!("127.0.0.1:{ops}")),
            ("PUBLIC_URL", "http://shop.example"),
            ("AUTH_URL", &format!("{service}/auth")),
            ("NATS_URL", &self.nats),
            ("DISCOVERY", &format!("store={service}")),
            ("GATEWAY_CLIENT_SECRET", "bench"),
            ("RUNTIMES", &self.threads.to_string()),
        ]);
        command.env("POLICIES", &file);
        let process = Process::start(&mut command, &log, Signal::SIGTERM)?;
        wait(&address, &log)?;
        Ok((process, address))
    }
}

fn wait(address: &str, log: &Path) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let address = address.parse().context("an address")?;
    while TcpStream::connect_timeout(&address, PATIENCE).is_err() {
        ensure!(Instant::now() < deadline, "nobody listens at {address}:\n{}", tail(log, 20));
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
