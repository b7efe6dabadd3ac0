//! `accounting` serves; `accounting openapi` prints the contract; `accounting --help` documents every setting.

use std::process::ExitCode;

fn main() -> ExitCode {
    web::main("accounting", "Money: payments, a double-entry ledger, invoices", accounting::contract, accounting::run)
}
