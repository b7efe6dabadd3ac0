//! The front door as a process.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let about = "The front door: translates tokens, forwards, balances";
    web::main("gateway", about, gateway::contract, gateway::run)
}
