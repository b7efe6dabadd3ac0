//! `/v1/payment-methods`: the tokens of the simulated provider and what each provokes.

use web::{Allowed, Json, Page, contract};

use super::permissions::Read;
use crate::domain::{METHODS, PaymentMethod};

/// List the payment methods and what happens to a payment with each
///
/// The payment provider is simulated; the method decides what it does. All are on one page.
#[utoipa::path(get, path = "/v1/payment-methods", tag = "payments", operation_id = "listPaymentMethods",
    security(("oauth2" = ["accounting:read"])),
    responses((status = 200, description = "Every method.", body = Page<PaymentMethod>,
        example = json!({"items": [
            {"method": "tok_ok", "description": "Accepted."},
            {"method": "tok_declined", "description": "The authorization is refused: payment_declined."},
            {"method": "tok_insufficient_funds", "description": "The authorization is refused: insufficient_funds."}]})),
        contract::Problems))]
pub async fn list(_: Allowed<Read>) -> Json<Page<PaymentMethod>> {
    Json(Page { items: METHODS.to_vec(), next: None })
}
