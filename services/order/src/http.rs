//! Routes, in the order of the contract, and who may call them.

mod accepting;
mod answers;
mod by_hand;
mod cancellation;
mod idempotency;
mod orders;
mod permissions;
mod placing;
mod prefer;
mod reconciliations;
mod sagas;
mod stream;
mod waiting;

use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
pub use cancellation::begin as begin_cancellation;
pub use idempotency::forget_old_keys;
pub use stream::Streams;

/// Every route with its description.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document())
        .routes(routes!(orders::list, placing::place))
        .routes(routes!(orders::show))
        .routes(routes!(stream::follow))
        .routes(routes!(cancellation::cancel))
        .routes(routes!(sagas::list))
        .routes(routes!(by_hand::retry))
        .routes(routes!(by_hand::settle))
        .routes(routes!(reconciliations::reconcile))
        .merge(messaging::dead_letters::router("order"))
        .merge(web::faults::router("order"))
}

fn document() -> OpenApi {
    web::contract::document(
        "order",
        "Order",
        "Buying and cancelling: orders, with a timeline of every step, attempt, refusal and undo.",
        env!("CARGO_PKG_VERSION"),
        permissions::SCOPES,
    )
}
