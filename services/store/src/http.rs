//! The API: routes, who may use them, and the contract that describes them.

mod carts;
mod categories;
mod checkouts;
mod conditional;
mod editing;
mod lines;
mod pictures;
mod products;

use utoipa_axum::{router::OpenApiRouter, routes};
use web::Permission;

use crate::App;

/// Reading the catalogue and one's carts.
pub struct Read;

impl Permission for Read {
    const SCOPE: &'static str = "store:read";
}

/// Filling carts.
pub struct Shop;

impl Permission for Shop {
    const SCOPE: &'static str = "store:write";
}

/// Editing the catalogue.
pub struct Edit;

impl Permission for Edit {
    const SCOPE: &'static str = "store:write";
    const ROLES: &'static [&'static str] = &["staff", "operator"];
}

/// Seeing every order's checkout.
pub struct Audit;

impl Permission for Audit {
    const SCOPE: &'static str = "store:read";
    const ROLES: &'static [&'static str] = &["staff", "operator"];
}

/// Taking carts for orders.
pub struct CheckOut;

impl Permission for CheckOut {
    const SCOPE: &'static str = "store:checkout";
}

/// Every route with its description.
pub fn router() -> OpenApiRouter<App> {
    let document = web::contract::document(
        "store",
        "Store",
        "Catalogue, prices and carts. Browse products, fill a cart; an order then takes the cart at the prices of that \
         moment.",
        env!("CARGO_PKG_VERSION"),
        &[
            ("store:read", "Browse the catalogue and see your carts"),
            ("store:write", "Fill carts; staff: edit the catalogue"),
            ("store:checkout", "Take carts for orders"),
            ("store:operate", "See and redrive dead letters"),
        ],
    );
    OpenApiRouter::with_openapi(document)
        .routes(routes!(products::list_products))
        .routes(routes!(products::get_product, editing::put_product))
        .routes(routes!(editing::put_price))
        .routes(routes!(editing::withdraw_product, editing::restore_product))
        .routes(routes!(pictures::get_picture, pictures::put_picture))
        .routes(routes!(categories::list_categories, categories::add_category))
        .routes(routes!(categories::put_category, categories::delete_category))
        .routes(routes!(carts::list_carts, carts::create_cart))
        .routes(routes!(carts::get_cart, carts::delete_cart))
        .routes(routes!(lines::put_line, lines::delete_line))
        .routes(routes!(checkouts::list_checkouts))
        .routes(routes!(checkouts::get_checkout, checkouts::put_checkout, checkouts::delete_checkout))
        .merge(messaging::dead_letters::router("store"))
        .merge(web::faults::router("store"))
}
