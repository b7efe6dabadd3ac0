//! What keeps a process from starting, and what it says then.

use std::process::Command;

use crate::setting::programs;

#[test]
fn a_database_url_that_cannot_be_read_is_refused_by_its_name_and_its_password_is_told_to_nobody() {
    let broken = ["postgres://user:hunter2@host:port/x", "http://user:hunter2@127.0.0.1/x", "user:hunter2"];
    for service in ["auth", "store", "inventory", "accounting", "shipping", "order"] {
        for url in broken {
            let mut command = Command::new(programs().join(service));
            command.env("DATABASE_URL", url).env("BIND", "127.0.0.1:0").env("OPS_BIND", "127.0.0.1:0");
            command.env("RUST_BACKTRACE", "1").env("ORDER_CLIENT_SECRET", "a").env("GATEWAY_CLIENT_SECRET", "b");
            command.env("KEY_ENCRYPTION_KEY", "0".repeat(64));
            let ended = command.output().unwrap();
            let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            assert_eq!(ended.status.code(), Some(2), "{service}: {said}");
            assert!(said.contains("DATABASE_URL"), "{service} does not say which: {said}");
            assert!(!said.contains("hunter2") && !said.contains("listening"), "{service} with {url}: {said}");
        }
    }
}
