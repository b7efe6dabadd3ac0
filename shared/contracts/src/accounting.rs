//! What accounting announces.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Event, Money, OrderId};

/// The money for an order was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentCaptured {
    pub order_id: OrderId,
    #[serde(deserialize_with = "crate::additive::money")]
    pub amount: Money,
}

impl Event for PaymentCaptured {
    const TYPE: &'static str = "accounting.payment.captured.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}

/// The money for an order was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentRefunded {
    pub order_id: OrderId,
    #[serde(deserialize_with = "crate::additive::money")]
    pub amount: Money,
}

impl Event for PaymentRefunded {
    const TYPE: &'static str = "accounting.payment.refunded.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}

/// The invoice for a confirmed order was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceIssued {
    pub order_id: OrderId,
    /// The gapless number printed on the invoice.
    pub number: String,
    #[serde(deserialize_with = "crate::additive::money")]
    pub total: Money,
}

impl Event for InvoiceIssued {
    const TYPE: &'static str = "accounting.invoice.issued.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}
