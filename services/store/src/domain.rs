//! The rules of the store: plain types and plain functions. Time and ids come in as parameters.

pub mod browse;
pub mod cart;
pub mod category;
pub mod checkout;
pub mod draft;
pub mod picture;
pub mod product;
pub mod refusal;
pub mod text;

pub use browse::{Cursor, Filter, Key, Sort};
pub use cart::{Cart, CartState, CartSummary, Hint, Line};
pub use category::{Category, CategoryEdit, NewCategory};
pub use checkout::{Checkout, CheckoutLine, CheckoutRequest, CheckoutState, Snapshot};
pub use draft::{Draft, Expected, Price, Weight};
pub use picture::{Kind as PictureKind, Picture};
pub use product::{Availability, Product, StockStatus};
pub use refusal::Refusal;
pub use text::{Description, Name, SearchText, Slug, Text};
