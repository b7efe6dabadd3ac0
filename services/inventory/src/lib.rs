//! What is on the shelf.

pub mod domain;
