//! `order` serves; `order openapi` prints the contract; `order --help` documents every setting.

use std::process::ExitCode;

fn main() -> ExitCode {
    web::main("order", "Orders and the sagas that buy and cancel", order::contract, order::run)
}
