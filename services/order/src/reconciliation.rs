//! Reconciliation: after a service was put back to an earlier moment, what each participant says of an order is held
//! against what the order's log decides, and what differs is asked for again. What decides is pure and stands in
//! `domain/reconciliation.rs`; here is who is asked.

mod repair;
mod survey;

use axum::http::Method;
use contracts::OrderId;
use crash::Point;
pub use repair::{Outcome, Taken, repair};
use serde_json::{Value, json};
pub use survey::{Surveyed, survey};
use time::format_description::well_known::Rfc3339;

use crate::{
    checkout::{authorize_payment, book_shipment, booking, capture_payment, check_out_cart, reserve_stock},
    domain::{
        Order, Refusal,
        reconciliation::{Participant, Step},
    },
    participants::Participants,
    saga::{Call, Reply, Request},
};

/// Both ways to the participants.
#[derive(Clone)]
pub struct Reconciler {
    /// With the right to do what a saga does.
    pub commands: Participants,
    /// With the right to see what they hold, and nothing else.
    pub reads: Participants,
}

/// What a step asks of whom. None for what the order does itself. The same requests as the sagas make: once is as good
/// as twice.
pub fn request(step: Step, id: OrderId, order: Option<&Order>) -> Option<(Participant, Request)> {
    let asked = |with, ask: fn(&Order) -> Request| Some((with, ask(order?)));
    let call = |with: Participant, method, path: &str| {
        let path = path.replace("{id}", &id.to_string());
        Some((with, Request::Call(Call { service: with.as_str(), method, path, body: None })))
    };
    match step {
        Step::CheckOutCart => asked(Participant::Store, check_out_cart),
        Step::ReserveStock => asked(Participant::Inventory, reserve_stock),
        Step::AuthorizePayment => asked(Participant::Accounting, authorize_payment),
        Step::CapturePayment => asked(Participant::Accounting, capture_payment),
        Step::BookShipment => asked(Participant::Shipping, book_shipment),
        Step::RecoverShipment => asked(Participant::Shipping, recover_shipment),
        Step::CancelShipment => call(Participant::Shipping, Method::DELETE, "/v1/shipments/{id}"),
        Step::VoidPayment => call(Participant::Accounting, Method::DELETE, "/v1/payments/{id}"),
        Step::RefundPayment => call(Participant::Accounting, Method::POST, "/v1/payments/{id}/refund"),
        Step::ReleaseStock => call(Participant::Inventory, Method::DELETE, "/v1/reservations/{id}"),
        Step::ReopenCart => call(Participant::Store, Method::DELETE, "/v1/checkouts/{id}"),
        Step::AnnounceShipment => call(Participant::Shipping, Method::POST, "/v1/shipments/{id}/announcement"),
        Step::TakeInNews | Step::AnnounceConfirmed | Step::CancelOrder => None,
    }
}

/// The parcel as the order remembers it: what was booked, and what was heard of it since.
fn recover_shipment(order: &Order) -> Request {
    let facts = &order.facts;
    let left = facts.dispatched_at.or(facts.delivered_at).and_then(|at| at.format(&Rfc3339).ok());
    let (Some(number), Some(left)) = (&facts.tracking_number, left) else {
        return Request::Refuse(Refusal::new("tracking_number_unknown", "The order knows of no parcel"));
    };
    let arrived = facts.delivered_at.and_then(|at| at.format(&Rfc3339).ok());
    let body = json!({
        "booking": booking(order), "tracking_number": number, "dispatched_at": left, "delivered_at": arrived,
    });
    let path = format!("/v1/shipments/{}/transit", order.id);
    Request::Call(Call { service: "shipping", method: Method::PUT, path, body: Some(body) })
}

/// Whether it takes something back.
const fn undoes(step: Step) -> bool {
    matches!(
        step,
        Step::CancelShipment | Step::VoidPayment | Step::RefundPayment | Step::ReleaseStock | Step::ReopenCart
    )
}

/// The step in the log: its name on the wire, with spaces.
fn name(step: Step) -> String {
    let name = serde_json::to_value(step).ok();
    name.as_ref().and_then(Value::as_str).unwrap_or_default().replace('_', " ")
}

async fn ask(participants: &Participants, step: Step, request: Request) -> Reply {
    match request {
        Request::Call(call) => participants.ask(Point::new("ask to repair").of(&name(step)), &call).await,
        Request::Refuse(refusal) => Reply::Refused(refusal),
        Request::Change(_) => Reply::Silent("not a call".to_owned()),
    }
}
