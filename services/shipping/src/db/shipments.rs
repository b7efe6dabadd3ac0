//! Table `shipment`. Every change of state writes its tracking event in the same statement.

use contracts::{Address, CustomerId, Money, OrderId};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;

use super::{column, name};
use crate::domain::{Shipment, State, Step, TrackingNumber};

struct ShipmentRow {
    order_id: OrderId,
    customer_id: CustomerId,
    state: String,
    ship_to: Json<Address>,
    weight_grams: i32,
    service: String,
    price_amount: i64,
    price_currency: String,
    days: i32,
    tracking_number: String,
    booked_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

impl TryFrom<ShipmentRow> for Shipment {
    type Error = sqlx::Error;

    fn try_from(row: ShipmentRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            order_id: row.order_id,
            customer_id: row.customer_id,
            state: name(&row.state)?,
            to: row.ship_to.0,
            weight_grams: column(i64::from(row.weight_grams))?,
            service: name(&row.service)?,
            price: Money::new(row.price_amount, name(&row.price_currency)?),
            days: column(i64::from(row.days))?,
            tracking_number: column(row.tracking_number)?,
            booked_at: row.booked_at,
            changed_at: row.changed_at,
        })
    }
}

/// Which shipments a list shows.
pub struct Wanted {
    /// Of this customer only.
    pub customer_id: Option<CustomerId>,
    /// In this state only.
    pub state: Option<State>,
    /// Only those before this order.
    pub before: Option<OrderId>,
}

/// The shipment of an order. A tombstone is not one.
pub async fn find_shipment(db: &mut PgConnection, order_id: OrderId) -> database::Result<Option<Shipment>> {
    let row = sqlx::query_as!(
        ShipmentRow,
        r#"select order_id as "order_id: _", customer_id as "customer_id!: _", state, ship_to as "ship_to!: _",
                  weight_grams as "weight_grams!", service as "service!", price_amount as "price_amount!",
                  price_currency as "price_currency!", days as "days!", tracking_number as "tracking_number!",
                  booked_at as "booked_at!", changed_at
           from shipment
           where order_id = $1 and booked_at is not null"#,
        order_id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Shipment::try_from).transpose()?)
}

/// The shipment with a tracking number.
pub async fn find_shipment_by_tracking_number(
    db: &mut PgConnection,
    number: &TrackingNumber,
) -> database::Result<Option<Shipment>> {
    let row = sqlx::query_as!(
        ShipmentRow,
        r#"select order_id as "order_id: _", customer_id as "customer_id!: _", state, ship_to as "ship_to!: _",
                  weight_grams as "weight_grams!", service as "service!", price_amount as "price_amount!",
                  price_currency as "price_currency!", days as "days!", tracking_number as "tracking_number!",
                  booked_at as "booked_at!", changed_at
           from shipment
           where tracking_number = $1 and booked_at is not null"#,
        number.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Shipment::try_from).transpose()?)
}

/// Where the order's shipment stands; a tombstone is cancelled.
pub async fn find_state(db: &mut PgConnection, order_id: OrderId) -> database::Result<Option<State>> {
    let state = sqlx::query_scalar!("select state from shipment where order_id = $1", order_id.uuid());
    Ok(state.fetch_optional(db).await?.map(|state| name(&state)).transpose()?)
}

/// Shipments, newest order first.
pub async fn list_shipments(db: &mut PgConnection, wanted: &Wanted, limit: i64) -> database::Result<Vec<Shipment>> {
    let rows = sqlx::query_as!(
        ShipmentRow,
        r#"select order_id as "order_id: _", customer_id as "customer_id!: _", state, ship_to as "ship_to!: _",
                  weight_grams as "weight_grams!", service as "service!", price_amount as "price_amount!",
                  price_currency as "price_currency!", days as "days!", tracking_number as "tracking_number!",
                  booked_at as "booked_at!", changed_at
           from shipment
           where booked_at is not null
             and ($1::uuid is null or customer_id = $1)
             and ($2::text is null or state = $2)
             and ($3::uuid is null or order_id < $3)
           order by order_id desc
           limit $4"#,
        wanted.customer_id.map(CustomerId::uuid),
        wanted.state.map(State::as_str),
        wanted.before.map(OrderId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Shipment::try_from(row).map_err(Into::into)).collect()
}

/// Books; `false` if the order already has a shipment or a tombstone, which then stays as it is.
pub async fn insert_shipment(db: &mut PgConnection, new: &Shipment) -> database::Result<bool> {
    let written = sqlx::query!(
        "with booked as (
             insert into shipment (order_id, state, customer_id, ship_to, weight_grams, service, price_amount,
                                   price_currency, days, tracking_number, booked_at, changed_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (order_id) do nothing
             returning order_id, state, changed_at
         )
         insert into tracking_event (order_id, state, at)
         select order_id, state, changed_at from booked",
        new.order_id.uuid(),
        new.state.as_str(),
        new.customer_id.uuid(),
        Json(&new.to) as _,
        new.weight_grams.get(),
        new.service.as_str(),
        new.price.amount,
        new.price.currency.code(),
        new.days.get(),
        new.tracking_number.as_str(),
        new.booked_at,
        new.changed_at,
    )
    .execute(db)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Takes a step, if the shipment is where the step may start; `None` if it is not.
pub async fn advance_shipment(
    db: &mut PgConnection,
    order_id: OrderId,
    step: Step,
    now: OffsetDateTime,
) -> database::Result<Option<TrackingNumber>> {
    let from: Vec<_> = step.from().iter().map(|state| state.as_str().to_owned()).collect();
    let number = sqlx::query_scalar!(
        r#"with moved as (
               update shipment set state = $2, changed_at = $3
               where order_id = $1 and state = any($4) and booked_at is not null
               returning order_id, state, changed_at, tracking_number
           ), noted as (
               insert into tracking_event (order_id, state, at)
               select order_id, state, changed_at from moved
           )
           select tracking_number as "tracking_number!" from moved"#,
        order_id.uuid(),
        step.to().as_str(),
        now,
        &from,
    )
    .fetch_optional(db)
    .await?;
    Ok(number.map(column).transpose()?)
}

/// Cancels the shipment if it has not left, or leaves a tombstone where there is none; `false` if neither was possible.
pub async fn cancel_shipment(db: &mut PgConnection, order_id: OrderId, now: OffsetDateTime) -> database::Result<bool> {
    let from: Vec<_> = Step::Cancel.from().iter().map(|state| state.as_str().to_owned()).collect();
    let cancelled = sqlx::query_scalar!(
        "with cancelled as (
             insert into shipment (order_id, state, changed_at) values ($1, 'cancelled', $2)
             on conflict (order_id) do update set state = excluded.state, changed_at = excluded.changed_at
                 where shipment.state = any($3)
             returning order_id, state, changed_at
         ), noted as (
             insert into tracking_event (order_id, state, at)
             select order_id, state, changed_at from cancelled
         )
         select order_id from cancelled",
        order_id.uuid(),
        now,
        &from,
    )
    .fetch_optional(db)
    .await?;
    Ok(cancelled.is_some())
}
