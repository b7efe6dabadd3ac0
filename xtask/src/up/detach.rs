//! A suite that stays when its terminal goes, and stopping it.

use std::{
    env, fs,
    fs::OpenOptions,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::sleep;

use super::{Options, directory, record};

const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(50);
/// Set for the process in the background: it is built already.
const MARK: &str = "RETAIL_DETACHED";

pub(super) fn is_detached() -> bool {
    env::var_os(MARK).is_some()
}

/// Starts this program again in the background, and passes on what it says until it is ready.
pub(super) async fn start(directory: &Path, options: &Options) -> Result<()> {
    let log = directory.join("up.log");
    let output = OpenOptions::new().create(true).write(true).truncate(true).open(&log)?;
    let mut again = Command::new(env::current_exe()?);
    again.args(["up", "--port", &options.port.to_string()]).env(MARK, "1");
    for (wanted, flag) in [(options.fresh, "--fresh"), (options.release, "--release"), (options.faults, "--faults")] {
        if wanted {
            again.arg(flag);
        }
    }
    again.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    // Neither Ctrl-C nor the end of this terminal reaches it.
    let mut child = again.process_group(0).spawn()?;
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("the suite did not start ({status}):\n{}", fs::read_to_string(&log)?);
        }
        let ready = record::find(directory)?.is_some_and(|it| it.pid == child.id() && it.public_url.is_some());
        let said = fs::read_to_string(&log)?;
        if ready && said.contains("cargo retail down") {
            print!("{said}");
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            bail!("not ready within {PATIENCE:?}; see {}", log.display());
        }
        sleep(POLL).await;
    }
}

/// Stops the suite of this directory, whoever started it.
pub async fn down() -> Result<()> {
    let directory = directory()?;
    let Some(running) = record::find(&directory)? else {
        println!("No suite is running.");
        return Ok(());
    };
    kill(Pid::from_raw(running.pid.cast_signed()), Signal::SIGTERM)?;
    let begin = Instant::now();
    while record::find(&directory)?.is_some() {
        if begin.elapsed() > PATIENCE {
            bail!("process {} did not stop within {PATIENCE:?}", running.pid);
        }
        sleep(POLL).await;
    }
    println!("stopped in {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}
