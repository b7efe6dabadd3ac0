//! Installing by apt-get without starting anything: the suite runs its own servers, on its own ports.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;

use crate::program;

/// Debian's package makes and starts a cluster on port 5432 unless this file says no.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";

/// Why we may install.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Privilege {
    Root,
    Sudo,
}

impl Privilege {
    /// With apt-get here: root, or sudo that asks for no password.
    pub(super) fn find() -> Option<Self> {
        program::find("apt-get", &[])?;
        if geteuid().is_root() {
            return Some(Self::Root);
        }
        let mut sudo = Command::new(program::find("sudo", &[])?);
        let asks = sudo.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        asks.status().is_ok_and(|status| status.success()).then_some(Self::Sudo)
    }
}

pub(super) fn install(packages: &[&str], privilege: Privilege, say: &mut dyn FnMut(&str)) -> Result<()> {
    let mut run = |command: &[&str]| run(command, privilege, say);
    if packages.contains(&"postgresql") && !Path::new(CLUSTERS).exists() {
        run(&["mkdir", "-p", "/etc/postgresql-common"])?;
        run(&["sh", "-c", &format!("echo 'create_main_cluster = false' > {CLUSTERS}")])?;
    }
    run(&["apt-get", "update", "-q"])?;
    // In single-user mode, as far as Debian's init scripts are concerned, nothing is started.
    let install = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "RUNLEVEL=1",
        "apt-get",
        "install",
        "-q",
        "-y",
        "--no-install-recommends",
    ];
    run(&[&install[..], packages].concat())?;
    // These packages start a server, on ports 4222 and 80, where systemd runs.
    for (package, service) in [("nats-server", "nats-server.service"), ("nginx", "nginx.service")] {
        if packages.contains(&package) && Path::new("/run/systemd/system").exists() {
            run(&["systemctl", "disable", "--now", service])?;
        }
    }
    Ok(())
}

fn run(command: &[&str], privilege: Privilege, say: &mut dyn FnMut(&str)) -> Result<()> {
    let whole: Vec<&str> = match privilege {
        Privilege::Root => command.to_vec(),
        Privilege::Sudo => [&["sudo", "-n"], command].concat(),
    };
    let shown = whole.join(" ");
    say(&format!("$ {shown}"));
    let status = Command::new(whole[0]).args(&whole[1..]).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot run `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(())
}
