//! Routes, in the order of the contract, and who may call them.

mod accounts;
mod customer_accounts;
mod entries;
mod invoices;
mod payment_methods;
mod payments;
mod permissions;
mod receipts;
mod settle;
mod usage_statements;

use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// Every route with its description.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document())
        .routes(routes!(payment_methods::list))
        .routes(routes!(payments::list))
        .routes(routes!(payments::authorize, payments::show, payments::void))
        .routes(routes!(payments::capture))
        .routes(routes!(payments::refund))
        .routes(routes!(invoices::list))
        .routes(routes!(invoices::show))
        .routes(routes!(customer_accounts::set_limit, customer_accounts::show))
        .routes(routes!(receipts::list))
        .routes(routes!(receipts::record))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::list_postings))
        .routes(routes!(accounts::trial_balance))
        .routes(routes!(entries::list, entries::create))
        .routes(routes!(entries::show))
        .routes(routes!(entries::reverse))
        .routes(routes!(usage_statements::list))
        .merge(messaging::dead_letters::router("accounting"))
        .merge(web::faults::router("accounting"))
}

fn document() -> OpenApi {
    web::contract::document(
        "accounting",
        "Accounting",
        "Money: the payment of each order, a double-entry ledger, invoices and credit on account. The payment provider \
         is simulated: the payment method of an order decides what it does, see `GET /v1/payment-methods`.",
        env!("CARGO_PKG_VERSION"),
        permissions::SCOPES,
    )
}
