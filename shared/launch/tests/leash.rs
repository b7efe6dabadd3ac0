//! Servers and directories of a process that is killed do not stay behind.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use launch::{nats::Nats, postgres::Cluster};

/// Not a test of its own: what the test below starts in another process and kills.
#[tokio::test]
async fn a_process_that_holds_servers() {
    if std::env::var_os("HOLD_SERVERS").is_none() {
        return;
    }
    let postgres = Cluster::temporary().await.unwrap();
    let nats = Nats::temporary().await.unwrap();
    println!("\nholding {} {} {}", postgres.data().display(), postgres.access().port, nats.url());
    std::future::pending::<()>().await;
}

#[test]
fn servers_and_their_directories_are_gone_soon_after_their_owner_was_killed() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_that_holds_servers", "--nocapture"])
        .env("HOLD_SERVERS", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let held = lines.map_while(Result::ok).find(|line| line.starts_with("holding ")).unwrap();
    let parts: Vec<&str> = held.split(' ').collect();
    let (data, port, nats) = (Path::new(parts[1]), parts[2], parts[3].trim_start_matches("nats://"));
    assert!(data.exists());

    owner.kill().unwrap();
    owner.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(20);
    let answers = |address: &str| std::net::TcpStream::connect(address).is_ok();
    while data.exists() || answers(&format!("127.0.0.1:{port}")) || answers(nats) {
        assert!(Instant::now() < deadline, "still there: {held}");
        thread::sleep(Duration::from_millis(50));
    }
}
