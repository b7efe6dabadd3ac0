//! Getting it there: rates, shipments, tracking.

pub mod db;
pub mod domain;
