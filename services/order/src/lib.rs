//! Orders and the sagas that buy and cancel.

pub mod domain;

pub mod cancellation;
pub mod checkout;
pub mod saga;

pub mod db;
pub mod events;
pub mod participants;
