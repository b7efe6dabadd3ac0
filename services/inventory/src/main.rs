//! `inventory` serves; `inventory openapi` prints the contract; `inventory --help` documents every setting.

use std::process::ExitCode;

fn main() -> ExitCode {
    web::main("inventory", "What is on the shelf: stock, reservations, movements", inventory::contract, inventory::run)
}
