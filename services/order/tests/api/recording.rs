//! Sagas of every outcome, recorded as they run: what was stored, asked and answered. Each has to go as the log of it
//! that is committed in `tests/replay/logs`, which the replay holds every version to. `RECORD_SAGAS=1` writes the logs
//! of scenarios that have none; those that are there are never written again.

use std::{fs, path::PathBuf};

use contracts::OrderId;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::eventually;

use crate::{
    gateway::{Asked, Do},
    started::{Suite, any_key, id, wanted},
};

/// What the participants do, and how the saga is to end.
struct Scenario {
    name: &'static str,
    saga: &'static str,
    order: Value,
    meets: &'static [(&'static str, Do)],
    ends: Ends,
}

#[derive(Clone, Copy)]
enum Ends {
    /// With the order in this state.
    In(&'static str),
    /// Not yet.
    Stuck,
    /// By hand, as this, with the order in this state.
    Settled(&'static str, &'static str),
}

fn checkout(name: &'static str, meets: &'static [(&'static str, Do)], ends: Ends) -> Scenario {
    Scenario { name, saga: "checkout", order: wanted(), meets, ends }
}

fn cancellation(name: &'static str, meets: &'static [(&'static str, Do)], ends: Ends) -> Scenario {
    Scenario { saga: "cancellation", ..checkout(name, meets, ends) }
}

#[tokio::test]
async fn sagas_that_end_are_recorded() {
    let suite = Suite::with(|config| config.sagas.stuck_after_ms = 600_000).await;
    let (confirmed, compensated) = (Ends::In("confirmed"), Ends::In("compensated"));
    let refused = checkout("checkout-refused-by-the-order-itself", &[], compensated);
    let mut order = wanted();
    order["shipping"]["price"]["currency"] = json!("USD");
    let all = [
        checkout("checkout-confirmed", &[], confirmed),
        checkout(
            "checkout-confirmed-after-silence",
            &[("PUT inventory", Do::Unavailable), ("POST accounting/capture", Do::Unavailable)],
            confirmed,
        ),
        checkout("checkout-refused-cart", &[("PUT store", Do::Refuse(409, "cart_empty"))], compensated),
        checkout("checkout-refused-stock", &[("PUT inventory", Do::Refuse(409, "out_of_stock"))], compensated),
        checkout("checkout-refused-payment", &[("PUT accounting", Do::Refuse(422, "payment_declined"))], compensated),
        checkout("checkout-refused-shipment", &[("PUT shipping", Do::Refuse(422, "overweight"))], compensated),
        checkout(
            "checkout-refused-capture",
            &[("POST accounting/capture", Do::Refuse(422, "capture_declined"))],
            compensated,
        ),
        Scenario { order, ..refused },
        cancellation("cancellation-cancelled", &[], Ends::In("cancelled")),
        cancellation(
            "cancellation-refused",
            &[("DELETE shipping", Do::Refuse(409, "already_dispatched"))],
            Ends::In("confirmed"),
        ),
    ];
    record_all(suite, all).await;
}

#[tokio::test]
async fn sagas_that_are_given_up_are_recorded() {
    let suite = Suite::with(|config| {
        (config.participants.call_timeout_ms, config.sagas.step_deadline_ms) = (1_000, 0);
        config.sagas.stuck_after_ms = 600_000;
    })
    .await;
    let compensated = Ends::In("compensated");
    let all = [
        checkout("checkout-overdue-cart", &[("PUT store", Do::Unavailable)], compensated),
        checkout("checkout-overdue-stock", &[("PUT inventory", Do::Unavailable)], compensated),
        checkout("checkout-overdue-payment", &[("PUT accounting", Do::Silent)], compensated),
        checkout("checkout-overdue-shipment", &[("PUT shipping", Do::LoseReply)], compensated),
    ];
    record_all(suite, all).await;
}

#[tokio::test]
async fn sagas_that_need_somebody_are_recorded() {
    let suite = Suite::with(|config| {
        config.sagas.stuck_after_ms = 0;
        (config.sagas.retry_delay_ms, config.sagas.retry_delay_max_ms) = (60_000, 60_000);
    })
    .await;
    let all = [
        checkout("checkout-stuck-capture", &[("POST accounting/capture", Do::Unavailable)], Ends::Stuck),
        checkout(
            "checkout-settled-capture",
            &[("POST accounting/capture", Do::Unavailable)],
            Ends::Settled("done", "confirmed"),
        ),
        checkout(
            "checkout-settled-undo",
            &[
                ("PUT accounting", Do::Refuse(422, "payment_declined")),
                ("DELETE inventory", Do::Refuse(409, "already_shipped")),
            ],
            Ends::Settled("undone", "compensated"),
        ),
        cancellation("cancellation-stuck-refund", &[("POST accounting/refund", Do::Unavailable)], Ends::Stuck),
        cancellation(
            "cancellation-settled-refund",
            &[("POST accounting/refund", Do::Unavailable)],
            Ends::Settled("done", "cancelled"),
        ),
    ];
    record_all(suite, all).await;
}

async fn record_all(suite: Suite, scenarios: impl IntoIterator<Item = Scenario>) {
    suite.execute(include_str!("remember.sql")).await;
    for scenario in scenarios {
        let order = play(&suite, &scenario).await;
        let recorded = recorded(&suite, order, scenario.saga).await;
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/replay/logs/{}.json", scenario.name));
        if std::env::var_os("RECORD_SAGAS").is_some() && !path.exists() {
            fs::write(&path, serde_json::to_string_pretty(&recorded).unwrap() + "\n").unwrap();
        }
        let committed =
            fs::read(&path).unwrap_or_else(|_| panic!("{} is to be recorded: RECORD_SAGAS=1", scenario.name));
        let committed = serde_json::from_slice(&committed).unwrap();
        assert_eq!(
            comparable(&recorded),
            comparable(&committed),
            "{} goes differently than it was recorded",
            scenario.name
        );
        suite.execute("update saga set due_at = now() where ended_at is null").await;
        eventually(async || suite.number("select count(*) from saga where ended_at is null").await == 0).await;
    }
    suite.end().await;
}

async fn play(suite: &Suite, scenario: &Scenario) -> OrderId {
    let meet = || scenario.meets.iter().for_each(|(what, then)| suite.gateway.next(what, &[*then]));
    let order = if scenario.saga == "checkout" {
        meet();
        id(&suite.post(&any_key(), 0, &scenario.order).await.expect(202))
    } else {
        let order = suite.confirmed().await;
        meet();
        suite.cancel(order).await.expect(202);
        order
    };
    if matches!(scenario.ends, Ends::Stuck | Ends::Settled(..)) {
        let resting = "select count(*) from saga where stuck_since is not null and lease_holder is null";
        eventually(async || suite.number(resting).await == 1).await;
    }
    match scenario.ends {
        Ends::In(state) => drop(suite.becomes(order, state).await),
        Ends::Stuck => {}
        Ends::Settled(outcome, state) => {
            let path = format!("/v1/sagas/{order}/{}/settlement", scenario.saga);
            let body = json!({"outcome": outcome, "reason": "seen by somebody"});
            let request = suite.order.client.request(Method::POST, &path, &suite.olga()).json(&body);
            suite.order.client.send(request).await.expect(202);
            suite.becomes(order, state).await;
        }
    }
    let at_rest = format!("select count(*) from saga where order_id = '{order}' and lease_holder is null");
    let sagas = format!("select count(*) from saga where order_id = '{order}'");
    eventually(async || suite.number(&at_rest).await == suite.number(&sagas).await).await;
    order
}

/// Everything about one saga, as it was stored, asked and answered.
async fn recorded(suite: &Suite, order: OrderId, saga: &str) -> Value {
    let sagas = rows(suite, &format!("select version from history where version->>'name' = '{saga}' and version->>'order_id' = '{order}' order by nr")).await;
    let orders =
        rows(suite, &format!("select version from history where version->>'id' = '{order}' order by nr")).await;
    let log = rows(
        suite,
        &format!("select to_jsonb(l) from saga_log l where order_id = '{order}' and saga = '{saga}' order by seq"),
    )
    .await;
    let begins = orders.iter().find(|order| saga == "checkout" || order["state"] == "cancelling").unwrap();
    let mut asked = suite.gateway.asked(order).into_iter().skip(if saga == "checkout" { 0 } else { 5 });
    let mut exchanges = Vec::new();
    for (at, entry) in log.iter().enumerate() {
        if entry["what"] == "settled" {
            exchanges.push(json!({ "settled": entry["detail"] }));
        } else if entry["what"] == "asked" {
            let state = if entry["direction"] == "undo" { "undoing" } else { "running" };
            let same = |row: &&Value| {
                row["state"] == state && row["step"] == entry["step"] && row["attempts"] == entry["attempt"]
            };
            exchanges.push(exchange(sagas.iter().find(same).unwrap(), &asked.next().unwrap(), &log[at + 1]));
        }
    }
    let ends = json!({ "row": sagas.last(), "order": orders.last() });
    json!({ "saga": saga, "begins": begins, "exchanges": exchanges, "log": log, "ends": ends })
}

fn exchange(row: &Value, asked: &Asked, outcome: &Value) -> Value {
    let Asked { method, service, path, body, answer, .. } = asked;
    let mut exchange = json!({
        "row": row, "asks": { "method": method, "service": service, "path": path, "body": body },
        "overdue": outcome["what"] == "given_up",
    });
    match answer {
        Some((status, body)) => exchange["answer"] = json!({ "status": status, "body": body }),
        None => exchange["silence"] = outcome["detail"]["why"].clone(),
    }
    exchange
}

async fn rows(suite: &Suite, sql: &str) -> Vec<Value> {
    let mut db = suite.database.connect().await;
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut db).await.unwrap()
}

/// What every version has to do alike: without ids and times, which differ from run to run, and without columns that
/// the engine does not read.
fn comparable(recorded: &Value) -> Value {
    let row = |row: &Value| json!([row["state"], row["step"], row["attempts"], row["reason"]]);
    let exchange = |it: &Value| json!([row(&it["row"]), it["asks"], it["answer"], it["silence"], it["settled"]]);
    let entry = |it: &Value| json!([it["step"], it["direction"], it["attempt"], it["what"], it["detail"]]);
    let each = |all: &Value, of: &dyn Fn(&Value) -> Value| all.as_array().unwrap().iter().map(of).collect::<Vec<_>>();
    let ends = &recorded["ends"];
    let order = [&ends["order"]["state"], &ends["order"]["basket"], &ends["order"]["facts"]["reason"]];
    let all =
        json!([each(&recorded["exchanges"], &exchange), each(&recorded["log"], &entry), row(&ends["row"]), order]);
    let id = |name: &str| recorded["begins"][name].as_str().unwrap().to_owned();
    let text = all.to_string().replace(&id("id"), "ORDER").replace(&id("cart_id"), "CART");
    serde_json::from_str(&text).unwrap()
}
