//! Bad input of any kind is refused with a 4xx that names the field, and changes nothing.

use http::{Method, header};
use serde_json::{Value, json};

use crate::started::{Inventory, wanted};

const ORDER: &str = "/v1/reservations/01900000-0000-7000-8000-00000000aaaa";
const RECEIPTS: &str = "/v1/stock/MUG-BLUE/receipts";
const ADJUSTMENTS: &str = "/v1/stock/MUG-BLUE/adjustments";

async fn assert_refused(it: &Inventory, method: Method, path: &str, body: &Value, field: &str) {
    let token = if path.starts_with("/v1/reservations/") { it.order() } else { it.sam() };
    let answer = it.client.send(it.client.request(method.clone(), path, &token).json(body)).await;
    let status = answer.status.as_u16();
    assert!(status == 400 || status == 422, "{method} {path} {body}: {answer:?}");
    let fields: Vec<_> = answer.json()["errors"].as_array().into_iter().flatten().cloned().collect();
    assert!(fields.iter().any(|error| error["field"] == field), "{method} {path} {body}: {field} not in {answer:?}");
}

async fn start() -> Inventory {
    let it = Inventory::start().await;
    it.receive("MUG-BLUE", 10).await;
    it
}

async fn end_unchanged(it: Inventory) {
    assert_eq!(it.level("MUG-BLUE").await, (10, 0));
    assert_eq!(it.number("select count(*) from movement").await, 1);
    assert_eq!(it.number("select count(*) from reservation").await, 0);
    it.end().await;
}

#[tokio::test]
async fn bad_lines_are_refused_and_named() {
    let it = start().await;
    let line = |sku: Value, quantity: Value| json!({"lines": [{"sku": sku, "quantity": quantity}]});
    for quantity in
        [json!(0), json!(-1), json!(1001), json!(1.5), json!("2"), json!(null), json!(i64::MAX), json!(1e300)]
    {
        assert_refused(&it, Method::PUT, ORDER, &line(json!("MUG-BLUE"), quantity), "lines[0].quantity").await;
    }
    for sku in [json!(""), json!("mug-blue"), json!("MUG BLUE"), json!("A".repeat(33)), json!(7), json!("MÜG")] {
        assert_refused(&it, Method::PUT, ORDER, &line(sku, json!(1)), "lines[0].sku").await;
    }
    let names: Vec<String> = (0..101).map(|n| format!("SKU-{n}")).collect();
    let too_many: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let twice = wanted(&[("MUG-BLUE", 1), ("BOWL-ASH", 1), ("MUG-BLUE", 1)]);
    for body in [wanted(&[]), wanted(&too_many), twice, json!({"lines": {}})] {
        assert_refused(&it, Method::PUT, ORDER, &body, "lines").await;
    }
    end_unchanged(it).await;
}

#[tokio::test]
async fn unknown_and_missing_fields_are_refused_and_named() {
    let it = start().await;
    let line = json!({"sku": "MUG-BLUE", "quantity": 1});
    let extra_in_line = json!({"lines": [{"sku": "MUG-BLUE", "quantity": 1, "price": 1}]});
    assert_refused(&it, Method::PUT, ORDER, &json!({"lines": [line], "note": ""}), "note").await;
    assert_refused(&it, Method::PUT, ORDER, &extra_in_line, "lines[0].price").await;
    assert_refused(&it, Method::POST, RECEIPTS, &json!({"quantity": 1, "reference": "A", "sku": "X"}), "sku").await;
    let adjustment = json!({"quantity": 1, "reason": "A", "order_id": null});
    assert_refused(&it, Method::POST, ADJUSTMENTS, &adjustment, "order_id").await;
    for (method, path, body) in [
        (Method::PUT, ORDER, json!({})),
        (Method::PUT, ORDER, json!([])),
        (Method::PUT, ORDER, json!({"lines": [{"sku": "MUG-BLUE"}]})),
        (Method::POST, RECEIPTS, json!({"quantity": 1})),
        (Method::POST, ADJUSTMENTS, json!({"quantity": 1})),
    ] {
        let token = if path == ORDER { it.order() } else { it.sam() };
        it.client.send(it.client.request(method, path, &token).json(&body)).await.expect(422);
    }
    end_unchanged(it).await;
}

#[tokio::test]
async fn bad_receipts_and_adjustments_are_refused_and_named() {
    let it = start().await;
    for quantity in [json!(0), json!(-5), json!(1_000_001), json!("5"), json!(2.5), json!(u64::MAX)] {
        let body = json!({"quantity": quantity, "reference": "DN-1"});
        assert_refused(&it, Method::POST, RECEIPTS, &body, "quantity").await;
    }
    for reference in [json!(""), json!("  "), json!("x".repeat(65)), json!("a\nb"), json!(1), json!(null)] {
        let body = json!({"quantity": 1, "reference": reference});
        assert_refused(&it, Method::POST, RECEIPTS, &body, "reference").await;
    }
    for quantity in [json!(0), json!(1_000_001), json!(-1_000_001), json!(i64::MIN), json!(true)] {
        let body = json!({"quantity": quantity, "reason": "counted"});
        assert_refused(&it, Method::POST, ADJUSTMENTS, &body, "quantity").await;
    }
    for reason in [json!(""), json!("x".repeat(201)), json!("a\u{7}b"), json!({})] {
        let body = json!({"quantity": 1, "reason": reason});
        assert_refused(&it, Method::POST, ADJUSTMENTS, &body, "reason").await;
    }
    end_unchanged(it).await;
}

#[tokio::test]
async fn bad_paths_and_queries_are_refused_and_named() {
    let it = start().await;
    let nothing = Value::Null;
    for path in ["/v1/stock/mug-blue", "/v1/stock/MU", "/v1/stock/MUG%20BLUE", "/v1/stock/%FF%FE%FD/movements"] {
        let answer = it.client.get(path, &it.sam()).await.expect(400);
        assert_eq!(answer.code(), "invalid_path", "{path}");
    }
    assert_refused(&it, Method::GET, "/v1/stock/mug-blue", &nothing, "sku").await;
    assert_refused(&it, Method::DELETE, "/v1/reservations/7", &nothing, "order_id").await;
    for path in ["/v1/stock", "/v1/stock/MUG-BLUE/movements", "/v1/reservations"] {
        for limit in ["0", "101", "-1", "x", "99999999999999999999"] {
            assert_refused(&it, Method::GET, &format!("{path}?limit={limit}"), &nothing, "limit").await;
        }
        assert_refused(&it, Method::GET, &format!("{path}?after=~"), &nothing, "after").await;
        assert_refused(&it, Method::GET, &format!("{path}?after=%FF"), &nothing, "after").await;
    }
    assert_refused(&it, Method::GET, "/v1/stock?prefix=mug", &nothing, "prefix").await;
    assert_refused(&it, Method::GET, "/v1/reservations?state=lost", &nothing, "state").await;
    end_unchanged(it).await;
}

#[tokio::test]
async fn bodies_that_are_not_json_are_refused() {
    let it = start().await;
    let large = format!(r#"{{"quantity": 1, "reference": "{}"}}"#, "x".repeat(300_000));
    let bodies: [(&[u8], &str, u16); 7] = [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{\"quantity\": 1, \"reference\": \"\xff\"}", "application/json", 400),
        (br#"{"quantity": 1, "reference": "\u0000"}"#, "application/json", 400),
        (br#"{"quantity": 1, "reference": "A"}"#, "text/plain", 415),
        (large.as_bytes(), "application/json", 413),
    ];
    for (body, kind, status) in bodies {
        let request = it.client.request(Method::POST, RECEIPTS, &it.sam()).header(header::CONTENT_TYPE, kind);
        let answer = it.client.send(request.body(body.to_vec())).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{}: {answer:?}",
            String::from_utf8_lossy(&body[..body.len().min(50)])
        );
    }
    end_unchanged(it).await;
}
