//! `store` serves; `store openapi` prints the contract; `store --help` documents every setting.

use std::process::ExitCode;

fn main() -> ExitCode {
    web::main("store", "The store: catalogue, prices, carts", store::contract, store::run)
}
