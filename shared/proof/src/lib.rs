//! What clients sign to prove that they hold a key: DPoP proofs (RFC 9449), and the form of any JWT of theirs. Plain
//! functions; time comes in as a parameter, and who remembers which proofs were seen is the caller's choice.

mod dpop;
#[cfg(test)]
mod fuzz;
mod jwk;
mod jws;
mod nonce;
mod seen;
mod url;

pub use dpop::{AHEAD, Call, LATEST, Proof, check, only_header};
pub use jwk::{Algorithm, Key, Thumbprint};
pub use jws::{Claims, Jws};
pub use nonce::Nonces;
pub use seen::Seen;

/// What is wrong with a JWT, in words for the developer of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub &'static str);
