//! `/v1/usage-statements`, and the event that adds to them.

use contracts::gateway::{CallsMetered, MeteredCalls};
use serde_json::{Value, json};
use testkit::eventually;
use time::macros::datetime;
use uuid::Uuid;

use crate::started::{Accounting, euro};

const NOVEMBER: &str = "/v1/usage-statements?month=2026-11";

fn metered(client: &str, plan: &str, calls: &[(&str, u16, u32)]) -> CallsMetered {
    let calls = calls.iter().map(|(route, status, count)| {
        let route = (*route).to_owned();
        MeteredCalls { route, status: *status, count: *count }
    });
    CallsMetered {
        client_id: client.to_owned(),
        plan: plan.to_owned(),
        gateway: Uuid::now_v7(),
        since: datetime!(2026-11-30 23:59:55 UTC),
        until: datetime!(2026-12-01 00:00:00 UTC),
        calls: calls.collect(),
    }
}

async fn statements(accounting: &Accounting, path: &str, token: &str) -> Vec<Value> {
    accounting.client.get(path, token).await.expect(200).json()["items"].as_array().unwrap().clone()
}

fn clients(statements: &[Value]) -> Vec<&str> {
    statements.iter().map(|it| it["client_id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn metered_calls_become_a_statement_with_what_they_cost() {
    let accounting = Accounting::start().await;
    let store = "/api/store/v1/";
    for calls in [&[(store, 200, 25_000), (store, 429, 7)][..], &[(store, 204, 15_000), ("/api/order/v1/", 503, 2)]] {
        accounting.announce(&metered("reporting", "partner", calls)).await;
    }
    accounting.effects(2).await;
    let found = statements(&accounting, NOVEMBER, &accounting.sam()).await;
    assert_eq!(clients(&found), ["reporting"]);
    assert_eq!((&found[0]["calls"], &found[0]["billable_calls"]), (&json!(40_009), &json!(40_000)));
    // 0.50 EUR for each 1000.
    assert_eq!(found[0]["amount"], json!(euro(2_000)));
    let line = |route, class: i16, calls, billable| json!({"plan": "partner", "route": route, "status_class": class, "calls": calls, "billable_calls": billable});
    let lines = [line("/api/order/v1/", 5, 2, 0), line(store, 2, 40_000, 40_000), line(store, 4, 7, 0)];
    assert_eq!(found[0]["lines"], json!(lines));
    assert!(statements(&accounting, "/v1/usage-statements?month=2026-12", &accounting.sam()).await.is_empty());
    accounting.end().await;
}

#[tokio::test]
async fn an_announcement_that_comes_twice_counts_once() {
    let accounting = Accounting::start().await;
    let nats = messaging::Standalone::connect("gateway", &accounting.nats.url()).await.unwrap();
    let (id, event) = (contracts::EventId::generate(), metered("reporting", "partner", &[("/a/", 200, 3)]));
    eventually(async || nats.connected()).await;
    for _ in 0..3 {
        nats.announce(id, &event, event.until).await.unwrap();
    }
    // JetStream drops a repeated id for two minutes; after that the inbox does.
    let mut past = accounting.database.connect().await;
    let seen = "select count(*) from messaging.inbox where consumer = 'accounting-gateway-calls-metered-v1'";
    eventually(async || sqlx::query_scalar::<_, i64>(seen).fetch_one(&mut past).await.unwrap() == 1).await;
    nats.announce(contracts::EventId::generate(), &event, event.until).await.unwrap();
    accounting.effects(2).await;
    let found = statements(&accounting, NOVEMBER, &accounting.sam()).await;
    assert_eq!(found[0]["calls"], 6);
    accounting.end().await;
}

#[tokio::test]
async fn a_client_sees_its_own_statement_and_staff_all() {
    let accounting = Accounting::start().await;
    for client in ["demo", "reporting", "storefront"] {
        accounting.announce(&metered(client, "free", &[("/a/", 200, 1)])).await;
    }
    accounting.effects(3).await;
    let reporting = accounting.tokens.client("accounting", "reporting", "accounting:read");
    for path in [NOVEMBER.to_owned(), format!("{NOVEMBER}&client_id=reporting")] {
        assert_eq!(clients(&statements(&accounting, &path, &reporting).await), ["reporting"]);
    }
    let of_others = format!("{NOVEMBER}&client_id=demo");
    assert!(statements(&accounting, &of_others, &reporting).await.is_empty());
    let sam = accounting.sam();
    assert_eq!(clients(&statements(&accounting, &of_others, &sam).await), ["demo"]);
    let mut seen = Vec::new();
    let mut path = format!("{NOVEMBER}&limit=2");
    loop {
        let page = accounting.client.get(&path, &sam).await.expect(200).json();
        seen.extend(clients(page["items"].as_array().unwrap()).iter().map(ToString::to_string));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("{NOVEMBER}&limit=2&after={next}");
    }
    assert_eq!(seen, ["demo", "reporting", "storefront"]);
    // A customer is a user of a client, not the client.
    assert_eq!(accounting.client.get(NOVEMBER, &accounting.alice()).await.expect(403).code(), "insufficient_role");
    accounting.end().await;
}

#[tokio::test]
async fn what_is_no_month_is_refused_by_name() {
    let accounting = Accounting::start().await;
    for query in ["", "?month=", "?month=2026-13", "?month=november", "?month=2026-11-01"] {
        let refused =
            accounting.client.get(&format!("/v1/usage-statements{query}"), &accounting.sam()).await.expect(400);
        assert_eq!(refused.code(), "invalid_query", "{query}");
    }
    accounting.end().await;
}
