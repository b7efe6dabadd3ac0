//! Routes, in the order of the contract, and who may call them.

mod movements;
mod permissions;
mod reservations;
mod stock;

use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// Every route with its description.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document())
        .routes(routes!(stock::list))
        .routes(routes!(stock::show))
        .routes(routes!(movements::receive))
        .routes(routes!(movements::adjust))
        .routes(routes!(movements::list))
        .routes(routes!(reservations::list))
        .routes(routes!(reservations::reserve, reservations::show, reservations::release))
        .merge(messaging::dead_letters::router("inventory"))
        .merge(web::faults::router("inventory"))
}

fn document() -> OpenApi {
    web::contract::document(
        "inventory",
        "Inventory",
        "What is on the shelf: how many pieces of each product there are, which of them are promised to orders, and \
         every movement that made it so.",
        env!("CARGO_PKG_VERSION"),
        permissions::SCOPES,
    )
}
