//! A recorded saga: the rows as PostgreSQL gave them out, the requests and the answers.

use axum::http::StatusCode;
use order::{
    db::sagas::Taken,
    domain::{Logged, Order, Outcome, Reason, SagaState, Settlement, Standing, Why},
    saga::{Progress, Saga, runner::named},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    saga: String,
    pub begins: OrderRow,
    pub exchanges: Vec<Exchange>,
    pub log: Vec<Logged>,
    pub ends: Ends,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    pub row: SagaRow,
    pub order: OrderRow,
}

/// A request and what came of it, or what a person settled instead.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The saga's row when the request left.
    pub row: Option<SagaRow>,
    #[serde(default)]
    pub asks: Value,
    pub answer: Option<Answer>,
    /// What was seen instead of an answer.
    pub silence: Option<String>,
    #[serde(default)]
    pub overdue: bool,
    pub settled: Option<Settled>,
}

#[derive(Deserialize)]
pub struct Answer {
    status: u16,
    body: Value,
}

#[derive(Clone, Deserialize)]
pub struct Settled {
    by: String,
    outcome: Outcome,
    reason: Why,
}

/// What the engine reads of a row of `saga`.
#[derive(Deserialize)]
pub struct SagaRow {
    state: SagaState,
    step: Option<String>,
    attempts: i32,
    reason: Option<Reason>,
}

/// A row of `orders`.
#[derive(Deserialize)]
pub struct OrderRow(Value);

impl Recorded {
    pub fn saga(&self) -> &'static Saga<Order> {
        named(&self.saga)
            .unwrap_or_else(|| panic!("there is no saga `{}` any more, and some may be under way", self.saga))
    }

    /// As it was taken at its beginning.
    pub fn taken(&self) -> Taken {
        let (order_id, name) = (self.begins.order().id, self.saga.clone());
        Taken { order_id, name, standing: self.saga().standing(&Progress::START), stuck: false, epoch: 1 }
    }
}

impl SagaRow {
    pub fn standing(&self) -> Standing {
        let Self { state, step, attempts, reason } = self;
        Standing { state: *state, step: step.clone(), attempts: *attempts, reason: reason.clone() }
    }
}

impl OrderRow {
    fn column<T: DeserializeOwned>(&self, name: &str) -> T {
        let column = serde_json::from_value(self.0[name].clone());
        column.unwrap_or_else(|error| panic!("column {name} cannot be read any more: {error}: {}", self.0[name]))
    }

    fn time(&self, name: &str) -> OffsetDateTime {
        OffsetDateTime::parse(self.0[name].as_str().unwrap(), &Rfc3339).unwrap()
    }

    pub fn updated_at(&self) -> OffsetDateTime {
        self.time("updated_at")
    }

    pub fn order(&self) -> Order {
        Order {
            id: self.column("id"),
            customer_id: self.column("customer_id"),
            state: self.column("state"),
            cart_id: self.column("cart_id"),
            ship_to: self.column("ship_to"),
            shipping: self.column("shipping"),
            payment_method: self.column("payment_method"),
            basket: self.column("basket"),
            facts: self.column("facts"),
            created_at: self.time("created_at"),
            updated_at: self.updated_at(),
        }
    }
}

impl Answer {
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap()
    }

    pub fn bytes(&self) -> Vec<u8> {
        if self.body.is_null() { Vec::new() } else { self.body.to_string().into_bytes() }
    }
}

impl From<Settled> for Settlement {
    fn from(Settled { by, outcome, reason }: Settled) -> Self {
        Self { by, outcome, reason }
    }
}
