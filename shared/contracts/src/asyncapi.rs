//! The `AsyncAPI` 3.0 document of each service, generated from the event types: what it announces, on which subject,
//! in which form.

use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use crate::{Event, accounting, auth, gateway, inventory, order, shipping, store};

/// One type of event, described.
struct Announced {
    event_type: &'static str,
    name: String,
    schemas: Vec<(String, RefOr<Schema>)>,
}

/// The services that announce events.
pub const SERVICES: &[&str] = &["accounting", "auth", "gateway", "inventory", "order", "shipping", "store"];

fn announced<E: Event + ToSchema>() -> Announced {
    let name = E::name().into_owned();
    let mut schemas = vec![(name.clone(), E::schema())];
    E::schemas(&mut schemas);
    Announced { event_type: E::TYPE, name, schemas }
}

fn all() -> Vec<Announced> {
    vec![
        announced::<accounting::InvoiceIssued>(),
        announced::<accounting::PaymentCaptured>(),
        announced::<accounting::PaymentRefunded>(),
        announced::<auth::SecurityRecorded>(),
        announced::<auth::TokensRevoked>(),
        announced::<gateway::CallsMetered>(),
        announced::<inventory::StockChanged>(),
        announced::<order::OrderCancelled>(),
        announced::<order::OrderCompensated>(),
        announced::<order::OrderConfirmed>(),
        announced::<order::OrderStuck>(),
        announced::<shipping::ShipmentDelivered>(),
        announced::<shipping::ShipmentDispatched>(),
        announced::<store::ProductChanged>(),
    ]
}

/// The document of `service`: one channel per NATS subject, one message in it, an operation that sends it.
pub fn document(service: &str) -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    let mut schemas = Map::new();
    let ours = |event: &Announced| event.event_type.split('.').next() == Some(service);
    for Announced { event_type, name, schemas: of_event } in all().into_iter().filter(ours) {
        let reference = json!({"$ref": format!("#/components/messages/{name}")});
        channels.insert(name.clone(), json!({"address": event_type, "messages": {&name: reference}}));
        operations.insert(
            format!("announce{name}"),
            json!({"action": "send", "channel": {"$ref": format!("#/channels/{name}")}}),
        );
        messages.insert(name.clone(), message(event_type, &name));
        schemas.extend(of_event.into_iter().map(|(name, schema)| (name, json!(schema))));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": format!("Events of {service}"),
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in JSON on NATS JetStream. The `Nats-Msg-Id` header is the event's id.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn message(event_type: &str, name: &str) -> Value {
    json!({
        "name": event_type,
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "format": "uuid"},
                "source": {"type": "string"},
                "type": {"const": event_type},
                "subject": {"type": "string", "description": "The aggregate; its events come in order."},
                "time": {"type": "string", "format": "date-time"},
                "datacontenttype": {"const": "application/json"},
                "traceparent": {"type": "string", "description": "W3C Trace Context."},
                "data": {"$ref": format!("#/components/schemas/{name}")},
            },
        },
    })
}
