//! Money.

pub mod db;
pub mod domain;
