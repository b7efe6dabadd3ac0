//! `shipping` serves; `shipping openapi` prints the contract; `shipping --help` documents every setting.

use std::process::ExitCode;

fn main() -> ExitCode {
    web::main("shipping", "Getting it there: rates, shipments, tracking", shipping::contract, shipping::run)
}
