//! The SQL: one function per question. `find_` may be absent, `lock_` takes the row, lists have a limit and a cursor.

pub mod availability;
pub mod carts;
pub mod categories;
pub mod checkouts;
pub mod lines;
pub mod pictures;
pub mod products;
pub mod sales;
