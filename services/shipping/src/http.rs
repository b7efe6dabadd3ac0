//! Routes, in the order of the contract, and who may call them.

mod announcement;
mod permissions;
mod quotes;
mod rates;
mod recovery;
mod shipments;
mod tracking;
mod transit;

use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// Every route with its description.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document())
        .routes(routes!(quotes::quote))
        .routes(routes!(quotes::estimate))
        .routes(routes!(rates::list_countries))
        .routes(routes!(rates::list_rates))
        .routes(routes!(rates::change_rate))
        .routes(routes!(shipments::list))
        .routes(routes!(shipments::book, shipments::show, shipments::cancel))
        .routes(routes!(transit::dispatch))
        .routes(routes!(transit::deliver))
        .routes(routes!(announcement::announce))
        .routes(routes!(recovery::recover))
        .routes(routes!(tracking::of_shipment))
        .routes(routes!(tracking::by_number))
        .merge(messaging::dead_letters::router("shipping"))
        .merge(web::faults::router("shipping"))
}

fn document() -> OpenApi {
    web::contract::document(
        "shipping",
        "Shipping",
        "Getting it there: what it costs to ship a parcel, the one shipment of each order, and where it is.",
        env!("CARGO_PKG_VERSION"),
        permissions::SCOPES,
    )
}
