//! A process of ours: started with its output in a file, held on the leash, signalled, stopped within a bound.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::leash;

const POLL: Duration = Duration::from_millis(10);

/// A running process. Dropped, it is sent its farewell and killed if that does not help within five seconds.
#[derive(Debug)]
pub struct Process {
    child: Child,
    farewell: Signal,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with both outputs appended to `log`. `farewell` is how it is stopped when we go.
    pub fn start(command: &mut Command, log: &Path, farewell: Signal) -> Result<Self> {
        let output = OpenOptions::new().create(true).append(true).open(log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in the terminal reaches us only: we stop our processes in an order that loses nothing.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", PathBuf::from(command.get_program()).display()))?;
        leash::hold(child.id(), farewell);
        Ok(Self { child, farewell, ended: None })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
            if self.ended.is_some() {
                leash::free(self.child.id());
            }
        }
        self.ended
    }

    /// Sends a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            // It may end at this very moment; it stays ours until it is waited for, so nobody else is hit.
            let _ = signal::kill(Pid::from_raw(self.child.id().cast_signed()), signal);
        }
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.wait(Duration::from_secs(10));
    }

    /// Sends `signal` (also to a paused process), waits up to `bound`, then kills. Says whether it went by itself.
    pub fn stop(&mut self, signal: Signal, bound: Duration) -> bool {
        self.signal(signal);
        self.signal(Signal::SIGCONT);
        let went = self.wait(bound).is_some();
        if !went {
            self.kill();
        }
        went
    }

    fn wait(&mut self, bound: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + bound;
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(self.farewell, Duration::from_secs(5));
    }
}

/// The last `lines` lines of a log, for an error that has to explain itself.
pub fn tail(log: &Path, lines: usize) -> String {
    let text = read_from(log, 0).unwrap_or_default();
    let kept: Vec<&str> = text.lines().collect();
    kept[kept.len().saturating_sub(lines)..].join("\n")
}

/// What stands in `log` after `offset` bytes.
pub(crate) fn read_from(log: &Path, offset: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
