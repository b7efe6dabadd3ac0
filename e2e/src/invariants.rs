//! The invariants that hold at every moment, asked of each database in one snapshot.

use std::collections::BTreeMap;

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

/// Where each service's database is.
pub type Databases = BTreeMap<String, String>;

/// One thing that is wrong, for people.
pub type Violation = String;

/// What each service's own view of its invariants lists.
const VIEWS: &[&str] = &["store", "inventory", "accounting", "shipping"];

/// Violations inside the services: stock and ledger.
pub async fn inside(databases: &Databases) -> anyhow::Result<Vec<Violation>> {
    let mut found = Vec::new();
    for service in VIEWS {
        let rows = rows(databases, service, "select to_jsonb(v)::text from invariant_violation v").await?;
        found.extend(rows.into_iter().map(|row| format!("{service}: {row}")));
    }
    Ok(found)
}

/// Violations between the services, when everything has come to rest: outcome, money, shipment, stock, events.
pub async fn between(databases: &Databases) -> anyhow::Result<Vec<Violation>> {
    let mut found = inside(databases).await?;
    let orders = states(databases, "order", "select id::text, state::text from orders").await?;
    let payments = states(databases, "accounting", "select order_id::text, state::text from payment").await?;
    let shipments = states(databases, "shipping", "select order_id::text, state::text from shipment").await?;
    let reservations = states(databases, "inventory", "select order_id::text, state::text from reservation").await?;
    let invoices = states(databases, "accounting", "select order_id::text, number from invoice").await?;
    for (id, state) in &orders {
        let of = |states: &BTreeMap<String, String>| states.get(id).cloned().unwrap_or_default();
        let (payment, shipment, reservation) = (of(&payments), of(&shipments), of(&reservations));
        let fits = match state.as_str() {
            "confirmed" => {
                payment == "captured"
                    && ["booked", "prepared", "dispatched", "delivered"].contains(&shipment.as_str())
                    && ["held", "committed", "shipped"].contains(&reservation.as_str())
            }
            "dispatched" | "delivered" => {
                payment == "captured"
                    && ["dispatched", "delivered"].contains(&shipment.as_str())
                    && reservation == "shipped"
            }
            "compensated" => {
                ["", "voided", "declined"].contains(&payment.as_str())
                    && ["", "cancelled"].contains(&shipment.as_str())
                    && ["", "released"].contains(&reservation.as_str())
            }
            "cancelled" => payment == "refunded" && shipment == "cancelled" && reservation == "released",
            _ => false,
        };
        if ["confirmed", "dispatched", "delivered"].contains(&state.as_str()) && !invoices.contains_key(id) {
            found.push(format!("order {id} is {state} and has no invoice"));
        }
        if !fits {
            found.push(format!(
                "order {id} is {state}: payment {payment:?}, shipment {shipment:?}, stock {reservation:?}"
            ));
        }
    }
    let strangers = |kind: &str, states: &BTreeMap<String, String>| -> Vec<Violation> {
        states.keys().filter(|id| !orders.contains_key(*id)).map(|id| format!("{kind} of unknown order {id}")).collect()
    };
    found.extend(strangers("payment", &payments));
    found.extend(strangers("shipment", &shipments));
    found.extend(strangers("reservation", &reservations));
    found.extend(waiting(databases).await?);
    Ok(found)
}

/// Events that wait or were set aside.
async fn waiting(databases: &Databases) -> anyhow::Result<Vec<Violation>> {
    let mut found = Vec::new();
    for service in databases.keys() {
        let sql = "select 'waits: ' || subject from messaging.outbox where published_at is null
                   union all select 'dead letter: ' || error from messaging.dead_letter where redriven_at is null";
        found.extend(rows(databases, service, sql).await?.into_iter().map(|row| format!("{service}: {row}")));
    }
    Ok(found)
}

async fn states(databases: &Databases, service: &str, sql: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut db = connect(databases, service).await?;
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut db).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn rows(databases: &Databases, service: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut db = connect(databases, service).await?;
    Ok(sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut db).await?)
}

async fn connect(databases: &Databases, service: &str) -> anyhow::Result<PgConnection> {
    let url = databases.get(service).with_context(|| format!("no database of {service}"))?;
    Ok(PgConnection::connect(url).await?)
}
