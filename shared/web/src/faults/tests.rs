//! Each kind of fault through a real socket, and when they are over.

use std::time::Duration;

use axum::routing::get;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::*;

fn allowed() -> Faults {
    let settings = Settings { faults: true, ..Settings::on_loopback("http://x", "http://x/auth", "nats://x") };
    Faults::of("store", &settings)
}

fn declared(faults: serde_json::Value) -> Result<Vec<Fault>, Problem> {
    serde_json::from_value::<Declared>(json!({ "faults": faults })).unwrap().checked()
}

/// A service whose handler says `done`.
async fn serve(faults: &Faults) -> std::net::SocketAddr {
    let router = Router::new().route("/v1/things", get(async || "done")).route(ROUTE, get(async || "the faults"));
    let router = crate::middleware::around(faults.around(router));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

/// All that comes back until the connection is closed.
async fn ask(address: std::net::SocketAddr, path: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn each_kind_is_met_so_many_times_as_declared_and_then_no_more() {
    let faults = allowed();
    let address = serve(&faults).await;
    for (effect, begins, has) in [
        (json!({"kind": "fail", "status": 503}), "HTTP/1.1 503", "declared_fault"),
        (json!({"kind": "refuse", "status": 409, "code": "out_of_stock"}), "HTTP/1.1 409", "\"code\":\"out_of_stock\""),
        (json!({"kind": "latency", "millis": 1}), "HTTP/1.1 200", "done"),
    ] {
        faults.declare(declared(json!([{"route": "/v1/things", "effect": effect, "count": 2}])).unwrap());
        for _ in 0..2 {
            let answer = ask(address, "/v1/things").await;
            assert!(answer.starts_with(begins) && answer.contains(has), "{effect}: {answer}");
        }
        assert_eq!(faults.lock().len(), 0, "{effect}");
        assert!(ask(address, "/v1/things").await.ends_with("done"));
    }
    // Nothing comes back at all.
    faults.declare(declared(json!([{"route": "/v1", "effect": {"kind": "drop"}, "count": 1}])).unwrap());
    assert_eq!(ask(address, "/v1/things").await, "");
    assert!(ask(address, "/v1/things").await.ends_with("done"));
    faults.declare(declared(json!([{"route": "/v1", "effect": {"kind": "hang"}, "count": 1}])).unwrap());
    assert!(timeout(Duration::from_millis(200), ask(address, "/v1/things")).await.is_err());
    assert!(ask(address, "/v1/things").await.ends_with("done"));
}

#[tokio::test(start_paused = true)]
async fn what_is_late_waits_its_time_and_what_hangs_does_not_answer() {
    let faults = allowed();
    let router = faults.around(Router::new().route("/v1/things", get(async || "done")));
    let ask = || {
        let request = http::Request::get("/v1/things").body(axum::body::Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request)
    };
    let one = |effect| declared(json!([{"route": "/v1/things", "effect": effect, "count": 1}])).unwrap();
    faults.declare(one(json!({"kind": "latency", "millis": 5000})));
    let began = Instant::now();
    assert_eq!(ask().await.unwrap().status(), 200);
    assert_eq!(began.elapsed().as_secs(), 5);
    faults.declare(one(json!({"kind": "hang"})));
    assert!(timeout(Duration::from_mins(9), ask()).await.is_err());
}

#[tokio::test]
async fn the_faults_themselves_are_never_met_and_nothing_is_where_they_are_not_allowed() {
    let faults = allowed();
    let everywhere = || declared(json!([{"route": "/v1", "effect": {"kind": "fail", "status": 500}, "seconds": 60}]));
    faults.declare(everywhere().unwrap());
    let address = serve(&faults).await;
    assert!(ask(address, "/v1/things").await.starts_with("HTTP/1.1 500"));
    assert!(ask(address, ROUTE).await.ends_with("the faults"));
    assert!(ask(address, "/openapi.json").await.starts_with("HTTP/1.1 404"));
    let forbidden = Faults::of("store", &Settings::on_loopback("http://x", "http://x/auth", "nats://x"));
    forbidden.declare(everywhere().unwrap());
    assert!(ask(serve(&forbidden).await, "/v1/things").await.ends_with("done"));
    assert_eq!(forbidden.check_allowed().unwrap_err().status(), 404);
}

#[test]
fn a_fault_is_met_where_and_as_often_as_it_says() {
    let (mut list, now) = (List::default(), Instant::now());
    let half =
        json!({"route": "/v1/carts", "method": "PUT", "effect": {"kind": "hang"}, "seconds": 10, "probability": 0.5});
    let rest = json!({"route": "/v1/carts/", "effect": {"kind": "drop"}, "count": 2, "seconds": 20});
    list.declare(declared(json!([half, rest])).unwrap(), now);
    let mut met = |method, path, chance: f64, after| {
        let effect = list.met_by(&method, path, || chance, now + Duration::from_secs(after));
        effect.map(|it| it.kind())
    };
    assert_eq!(met(Method::PUT, "/v1/carts/1", 0.49, 9), Some("hang"));
    assert_eq!(met(Method::PUT, "/v1/carts/1", 0.51, 9), Some("drop"));
    assert_eq!(met(Method::GET, "/v1/cartsandhorses", 0.0, 9), None);
    assert_eq!(met(Method::PUT, "/v1/carts", 0.0, 10), Some("drop"));
    assert_eq!(met(Method::PUT, "/v1/carts", 0.0, 11), None);
    assert_eq!(list.len(), 0);
}

#[test]
fn what_cannot_be_declared_is_named() {
    let hang = json!({"kind": "hang"});
    for (fault, field) in [
        (json!({"route": "/v2/x", "effect": hang, "count": 1}), "faults[0].route"),
        (json!({"route": "/v1x", "effect": hang, "count": 1}), "faults[0].route"),
        (json!({"route": "/v1/faults/x", "effect": hang, "count": 1}), "faults[0].route"),
        (json!({"route": "/v1/x", "effect": hang}), "faults[0].count"),
        (json!({"route": "/v1/x", "effect": hang, "count": 0}), "faults[0].count"),
        (json!({"route": "/v1/x", "effect": hang, "seconds": 3601}), "faults[0].seconds"),
        (json!({"route": "/v1/x", "effect": hang, "count": 1, "probability": 0}), "faults[0].probability"),
        (json!({"route": "/v1/x", "effect": {"kind": "fail", "status": 404}, "count": 1}), "faults[0].effect"),
        (
            json!({"route": "/v1/x", "effect": {"kind": "refuse", "status": 409, "code": "Ä"}, "count": 1}),
            "faults[0].effect",
        ),
    ] {
        let problem = serde_json::to_value(declared(json!([fault])).unwrap_err()).unwrap();
        assert_eq!((&problem["status"], &problem["errors"][0]["field"]), (&422.into(), &field.into()), "{fault}");
    }
    let many = vec![json!({"route": "/v1/x", "effect": hang, "count": 1}); 33];
    assert!(declared(many.into()).is_err());
}
