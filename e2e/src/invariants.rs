//! The invariants that hold at every moment, asked of each database in one snapshot: everything that is read there
//! belongs to one moment.

use std::collections::BTreeMap;

use anyhow::Context;
use futures::future::try_join_all;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgRow};

/// Where each service's database is.
pub type Databases = BTreeMap<String, String>;

/// One thing that is wrong, for people.
pub type Violation = String;

/// What is asked of a service besides: its own view of its invariants, and where each order stands in its tables.
struct Questions {
    service: &'static str,
    has_view: bool,
    states: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
const QUESTIONS: &[Questions] = &[
    Questions { service: "store", has_view: true, states: &[
        ("availability", "select sku, available::text from availability"),
    ] },
    Questions { service: "inventory", has_view: true, states: &[
        ("stock", "select sku, (on_hand - reserved)::text from stock"),
        ("reservation", "select order_id::text, state::text from reservation"),
    ] },
    Questions { service: "accounting", has_view: true, states: &[
        ("payment", "select order_id::text, state::text from payment"),
        ("invoice", "select order_id::text, number from invoice"),
    ] },
    Questions { service: "shipping", has_view: true, states: &[
        ("shipment", "select order_id::text, state::text from shipment"),
    ] },
    Questions { service: "order", has_view: false, states: &[("order", "select id::text, state::text from orders")] },
];

/// Events that wait or were set aside.
const WAITING: &str = "select 'waits: ' || subject from messaging.outbox where published_at is null
    union all select 'dead letter: ' || error from messaging.dead_letter
        where redriven_at is null and discarded_at is null";

/// Where each order stands at a service.
pub type States = BTreeMap<String, String>;

/// Violations inside the services: stock and ledger.
pub async fn inside(databases: &Databases) -> anyhow::Result<Vec<Violation>> {
    let views = QUESTIONS.iter().filter(|it| it.has_view).map(async |it| {
        let mut snapshot = Snapshot::of(databases, it.service).await?;
        snapshot.violations(it.service).await
    });
    Ok(try_join_all(views).await?.concat())
}

/// Violations between the services, when everything has come to rest: outcome, money, shipment, stock, events.
pub async fn between(databases: &Databases) -> anyhow::Result<Vec<Violation>> {
    let (mut found, mut states) = (Vec::new(), BTreeMap::new());
    for service in databases.keys() {
        let mut snapshot = Snapshot::of(databases, service).await?;
        let waiting = snapshot.texts(WAITING).await?;
        found.extend(waiting.into_iter().map(|row| format!("{service}: {row}")));
        let Some(questions) = QUESTIONS.iter().find(|it| it.service == service) else { continue };
        if questions.has_view {
            found.extend(snapshot.violations(service).await?);
        }
        for (table, sql) in questions.states {
            states.insert(*table, snapshot.states(sql).await?);
        }
    }
    found.extend(disagreements(&states));
    Ok(found)
}

/// Where each order stands, by its own service.
pub async fn orders(databases: &Databases) -> anyhow::Result<States> {
    Snapshot::of(databases, "order").await?.states("select id::text, state::text from orders").await
}

/// What the payment provider holds of each order: its state there, and the money it moved as a share of the amount
/// (`1` all, `0` none).
pub async fn charges(databases: &Databases) -> anyhow::Result<States> {
    let sql = "select key::text, state || ' ' || case when moved = 0 then '0' when moved = amount then '1'
               else moved || ' of ' || amount end from provider_charge";
    Snapshot::of(databases, "accounting").await?.states(sql).await
}

fn disagreements(tables: &BTreeMap<&str, States>) -> Vec<Violation> {
    let (mut found, none) = (Vec::new(), States::new());
    let of = |table: &str| tables.get(table).unwrap_or(&none);
    let orders = of("order");
    for (id, state) in orders {
        let at = |table: &str| of(table).get(id).cloned().unwrap_or_default();
        let (payment, shipment, reservation) = (at("payment"), at("shipment"), at("reservation"));
        if !fits(state, &payment, &shipment, &reservation) {
            found.push(format!(
                "order {id} is {state}: payment {payment:?}, shipment {shipment:?}, stock {reservation:?}"
            ));
        }
        if ["confirmed", "dispatched", "delivered"].contains(&state.as_str()) && at("invoice").is_empty() {
            found.push(format!("order {id} is {state} and has no invoice"));
        }
    }
    for table in ["payment", "shipment", "reservation"] {
        let strangers = of(table).keys().filter(|id| !orders.contains_key(*id));
        found.extend(strangers.map(|id| format!("{table} of unknown order {id}")));
    }
    for (sku, left) in of("stock") {
        let shown = of("availability").get(sku);
        if shown != Some(left) {
            found.push(format!("of {sku} {left} can be sold, and the store was told {shown:?}"));
        }
    }
    found
}

fn fits(order: &str, payment: &str, shipment: &str, reservation: &str) -> bool {
    match order {
        "confirmed" => {
            payment == "captured"
                && ["booked", "prepared", "dispatched", "delivered"].contains(&shipment)
                && ["held", "committed", "shipped"].contains(&reservation)
        }
        "dispatched" | "delivered" => {
            payment == "captured" && ["dispatched", "delivered"].contains(&shipment) && reservation == "shipped"
        }
        "compensated" => {
            ["", "voided", "declined"].contains(&payment)
                && ["", "cancelled"].contains(&shipment)
                && ["", "released"].contains(&reservation)
        }
        "cancelled" => payment == "refunded" && shipment == "cancelled" && reservation == "released",
        _ => false,
    }
}

/// One database at one moment.
struct Snapshot(PgConnection);

impl Snapshot {
    async fn of(databases: &Databases, service: &str) -> anyhow::Result<Self> {
        let url = databases.get(service).with_context(|| format!("no database of {service}"))?;
        let mut db = PgConnection::connect(url).await?;
        // Never committed: it ends with its connection.
        sqlx::raw_sql("begin transaction isolation level repeatable read read only").execute(&mut db).await?;
        Ok(Self(db))
    }

    async fn violations(&mut self, service: &str) -> anyhow::Result<Vec<Violation>> {
        let rows = self.texts("select to_jsonb(v)::text from invariant_violation v").await?;
        Ok(rows.into_iter().map(|row| format!("{service}: {row}")).collect())
    }

    async fn states(&mut self, sql: &str) -> anyhow::Result<States> {
        Ok(self.rows(sql).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn texts(&mut self, sql: &str) -> anyhow::Result<Vec<String>> {
        Ok(self.rows(sql).await?.iter().map(|row| row.get(0)).collect())
    }

    async fn rows(&mut self, sql: &str) -> anyhow::Result<Vec<PgRow>> {
        Ok(sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.0).await?)
    }
}
