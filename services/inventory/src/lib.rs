//! What is on the shelf: stock, reservations, movements.

pub mod db;
pub mod domain;
pub mod error;
pub mod events;
