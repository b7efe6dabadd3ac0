//! `auth` serves; `auth openapi` prints the contract; `auth rotate-keys` makes new signing keys; `auth --help` documents
//! every setting.

use std::process::ExitCode;

use mimalloc::MiMalloc;

// A password's check takes 19 MiB for a moment. The system's allocator keeps as much for each thread that ever made one.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let rotate_keys = web::Errand::new(
        "rotate-keys",
        "Make new signing keys for the servers that run on this database",
        auth::rotate_keys,
    );
    let about = "The token service: OAuth 2.0 and OpenID Connect";
    web::main_with("auth", about, auth::contract, auth::run, vec![rotate_keys])
}
