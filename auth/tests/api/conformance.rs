//! What the OpenID Foundation's certification plans ask of a server, module by module, where no other test shows it.
//! Which test stands for which module is in `conformance/README.md` of this crate.

mod basic;
mod security_profile;
