//! What the store refuses on purpose, with the facts the caller needs.

use contracts::{Currency, Sku};

/// A "no" with its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no product {sku}")]
    ProductNotFound { sku: Sku },
    #[error("product {sku} is no longer sold")]
    ProductWithdrawn { sku: Sku },
    #[error("there is no such category")]
    UnknownCategory,
    #[error("there is no such category to be part of")]
    UnknownParent,
    #[error("there is no category {slug}")]
    CategoryNotFound { slug: String },
    #[error("there is a category {slug} already")]
    CategoryExists { slug: String },
    #[error("a category cannot be part of itself")]
    CategoryCycle,
    #[error("products or other categories are part of it")]
    CategoryInUse,
    #[error("the bytes are not {media_type}")]
    NotAPicture { media_type: &'static str },
    #[error("this product is priced in {currency}, for good")]
    CurrencyFixed { currency: Currency },
    #[error("the product is not, or no longer, as the request expects it")]
    VersionMismatch,
    #[error("there is no such cart")]
    CartNotFound,
    #[error("the cart is checked out and cannot be changed")]
    CartCheckedOut,
    #[error("the cart is empty")]
    CartEmpty,
    #[error("a cart holds at most {limit} lines")]
    CartFull { limit: i64 },
    #[error("the cart is in {cart}, the product is priced in {product}")]
    CurrencyMismatch { cart: Currency, product: Currency },
    #[error("there is no such checkout")]
    CheckoutNotFound,
    #[error("the checkout of this order has been undone")]
    CheckoutReopened,
    #[error("the order has already checked out with another request")]
    ConflictingRequest,
}
