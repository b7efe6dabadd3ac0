//! What must not outlive this process. A shell holds the read end of a pipe from us; when we are gone, however we went
//! (Ctrl-C, SIGKILL, a panic that aborts), it reads the end of the file, stops what it holds and removes directories.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, MutexGuard, OnceLock},
};

use nix::sys::signal::Signal;

/// `hold SIGNAL PID`, `free PID`, `remove DIRECTORY`, `keep DIRECTORY`, `container ID`, one to a line.
const SHELL: &str = r#"
held= ; removed= ; containers=
while read -r order first second; do
  case $order in
    hold) held="$held $second:$first" ;;
    free) rest= ; for it in $held; do [ "${it%%:*}" = "$first" ] || rest="$rest $it"; done; held=$rest ;;
    container) containers="$containers $first" ;;
    remove) removed="$removed $first" ;;
    keep) rest= ; for it in $removed; do [ "$it" = "$first" ] || rest="$rest $it"; done; removed=$rest ;;
  esac
done
for it in $held; do kill -s "${it#*:}" "${it%%:*}"; kill -s CONT "${it%%:*}"; done
for it in $held; do
  tries=0
  while kill -0 "${it%%:*}" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL "${it%%:*}"
done
[ -z "$containers" ] || docker rm --force --volumes $containers
for it in $removed; do rm -rf -- "$it"; done
"#;

/// The shell at the other end. One for the whole process, started at first use.
struct Shell {
    orders: ChildStdin,
    // Kept so that the shell is not waited for: it ends after us.
    _child: Child,
}

static SHELL_OF_THIS_PROCESS: OnceLock<Mutex<Shell>> = OnceLock::new();

/// Stops `pid` with `farewell` when this process is gone.
pub(crate) fn hold(pid: u32, farewell: Signal) {
    let name = farewell.as_str().trim_start_matches("SIG");
    order(&format!("hold {name} {pid}"));
}

/// `pid` has ended and was reaped: its number may belong to somebody else soon.
pub(crate) fn free(pid: u32) {
    order(&format!("free {pid}"));
}

/// Removes a container of the Docker engine when this process is gone, if the `docker` command is there.
pub fn remove_container_at_end(id: &str) {
    order(&format!("container {id}"));
}

/// Removes `directory` when this process is gone. Its path must be without white space.
pub(crate) fn remove(directory: &Path) {
    order(&format!("remove {}", directory.display()));
}

/// `directory` is gone already.
pub(crate) fn keep(directory: &Path) {
    order(&format!("keep {}", directory.display()));
}

fn order(line: &str) {
    // The shell can only be missing if somebody killed it; nothing is left to tell then.
    let _ = writeln!(shell().orders, "{line}");
}

fn shell() -> MutexGuard<'static, Shell> {
    let shell = SHELL_OF_THIS_PROCESS.get_or_init(|| Mutex::new(start().expect("/bin/sh starts")));
    shell.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn start() -> io::Result<Shell> {
    let mut child = Command::new("/bin/sh")
        .args(["-c", SHELL, "retail-leash"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        // A group of its own: Ctrl-C in the terminal must not end it before it has done its work.
        .process_group(0)
        .spawn()?;
    let orders = child.stdin.take().expect("standard input was asked for");
    Ok(Shell { orders, _child: child })
}
