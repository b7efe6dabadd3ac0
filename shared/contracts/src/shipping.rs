//! What shipping announces.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{Event, OrderId};

/// The parcel left the warehouse; the shipment can no longer be stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShipmentDispatched {
    pub order_id: OrderId,
    pub tracking_number: String,
    #[serde(with = "time::serde::rfc3339")]
    pub dispatched_at: OffsetDateTime,
}

impl Event for ShipmentDispatched {
    const TYPE: &'static str = "shipping.shipment.dispatched.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}

/// The parcel arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShipmentDelivered {
    pub order_id: OrderId,
    pub tracking_number: String,
    #[serde(with = "time::serde::rfc3339")]
    pub delivered_at: OffsetDateTime,
}

impl Event for ShipmentDelivered {
    const TYPE: &'static str = "shipping.shipment.delivered.v1";

    fn aggregate(&self) -> String {
        self.order_id.to_string()
    }
}
