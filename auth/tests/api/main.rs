//! Auth as others see it: over HTTP and events, on a real PostgreSQL and NATS. Files mirror URLs.

#![allow(clippy::unwrap_used)] // In a test, helpers included, a panic is the answer.

mod account;
mod assertions;
mod authorize;
mod backchannel_logout;
mod client_credentials;
mod client_keys;
mod code;
mod conformance;
mod consent;
mod contract;
mod cors;
mod devices;
mod disabled;
mod discovery;
mod dpop;
mod exchange;
mod guesses;
mod introspect;
mod keys;
mod login;
mod logout;
mod par;
mod purge;
mod recorded;
mod refresh;
mod register;
mod resources;
mod reuse;
mod revoke;
mod security_events;
mod signing;
mod started;
mod storage;
mod userinfo;
mod wrong_input;
