//! `auth` serves; `auth openapi` prints the contract; `auth --help` documents every setting.

use std::process::ExitCode;

fn main() -> ExitCode {
    web::main("auth", "The token service: OAuth 2.0 and OpenID Connect", auth::contract, auth::run)
}
