//! A suite that cannot start says which process failed and what that said.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use launch::{Temporary, suite::Suite};

fn programs(auth: &str) -> Temporary {
    let directory = Temporary::new("programs").expect("a directory can be made");
    let file = directory.path().join("auth");
    fs::write(&file, auth).expect("a file can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    directory
}

async fn failure(programs: &Path) -> String {
    match Suite::temporary(programs).await {
        Ok(_) => panic!("it started"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn a_process_that_ends_is_named_with_the_end_of_its_log() {
    let programs =
        programs("#!/bin/sh\necho \"cannot read $PUBLIC_URL with ${#KEY_ENCRYPTION_KEY} letters\" >&2\nexit 3\n");
    let failure = failure(programs.path()).await;
    assert!(failure.contains("auth did not listen: it ended"), "{failure}");
    assert!(failure.contains("cannot read http://127.0.0.1:"), "{failure}");
    assert!(failure.contains("with 44 letters"), "{failure}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let empty = Temporary::new("programs").unwrap();
    let failure = failure(empty.path()).await;
    assert!(failure.contains("cannot start auth"), "{failure}");
}
