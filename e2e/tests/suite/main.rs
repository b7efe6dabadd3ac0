//! The whole suite as processes, driven through the gateway. Tests that break nothing share one suite; those that kill
//! something have one of their own.
#![allow(clippy::unwrap_used)]

mod breaking;
mod buying;
mod cancelling;
mod contention;
mod crash_points;
mod dead_letters;
mod documents;
mod faults;
mod fencing;
mod identity;
mod isolation;
mod joined;
mod many_orders;
mod memory;
mod plans;
mod recovery;
mod refusals;
mod restoring;
mod revoking;
mod rolling;
mod setting;
mod soak;
mod starting;
mod stopping;
mod teaching;
