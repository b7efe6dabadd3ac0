//! What services agree on: ids, amounts and the events they announce. Types only; no behaviour
//! of any one service stands here.

mod additive;
mod address;
mod event;
mod id;
mod money;
mod quantity;
pub mod schema;
pub mod seed;
mod sku;

pub mod accounting;
pub mod asyncapi;
pub mod auth;
pub mod gateway;
pub mod inventory;
pub mod order;
pub mod shipping;
pub mod store;

pub use address::{Address, AddressError};
pub use event::{CloudEvent, Event};
pub use id::{CartId, CustomerId, EventId, Id, OrderId};
pub use money::{Currency, Money, MoneyError};
pub use quantity::{Quantity, QuantityError};
pub use sku::{Sku, SkuError};
