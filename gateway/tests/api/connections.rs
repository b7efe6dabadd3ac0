//! What callers' connections may do.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use gateway::{cache::Limits, config::discovery, connections::Connections, policies::Policies};
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    raw,
    services::Instance,
    world::{Gateway, SOON, World, routes},
};

const REQUEST: &str = "GET /api/store/v1/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\n\r\n";

async fn gateway(world: &World, change: impl Fn(&mut Connections)) -> Gateway {
    let store = Instance::echo("store").await;
    let mut policies = Policies::standard();
    change(&mut policies.connections);
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    world.gateway_with(setting, policies, Limits::default()).await
}

/// Asks on a connection that goes on, and reads the answer to its end.
async fn ask(connection: &mut TcpStream) -> Option<String> {
    connection.write_all(REQUEST.as_bytes()).await.ok()?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match connection.read(&mut piece).await {
            Ok(length @ 1..) => answer.extend_from_slice(&piece[..length]),
            _ => return None,
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        // The service's JSON ends with it.
        if text.ends_with("\"body\":\"\"}") {
            return Some(text);
        }
    }
}

#[tokio::test]
async fn who_is_beyond_the_bound_is_told_so_and_who_leaves_makes_room() {
    let world = World::new().await;
    // The test's own clients keep one or two.
    let gateway = gateway(&world, |it| it.per_address = 10).await;
    let mut held = Vec::new();
    let refused = loop {
        let mut connection = TcpStream::connect(gateway.address()).await.unwrap();
        match ask(&mut connection).await {
            Some(_) => held.push(connection),
            None => break raw::send(gateway.address(), "").await,
        }
        assert!(held.len() <= 10);
    };
    assert_eq!(raw::status(&refused), 503, "{refused}");
    assert!(refused.contains("retry-after: 1"), "{refused}");
    assert!(held.len() >= 5, "{} were let in", held.len());
    // Those who are there are served, all of them.
    for connection in &mut held {
        assert!(ask(connection).await.is_some());
    }
    drop(held);
    testkit::eventually(async || {
        let mut connection = TcpStream::connect(gateway.address()).await.unwrap();
        ask(&mut connection).await.is_some()
    })
    .await;
    let metrics = gateway.ops.get("/metrics", "").await.body;
    assert!(metrics.contains("gateway_connections_refused_total"), "{metrics}");
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_is_told_so() {
    let world = World::new().await;
    let gateway = gateway(&world, |it| it.patience.head = SOON).await;
    let answer = raw::send(gateway.address(), "GET /api/store/v1/x HTTP/1.1\r\nHost: h\r\nX-Never").await;
    assert_eq!(raw::status(&answer), 408, "{answer}");
    // Also behind an answer, and also if a byte comes now and then.
    let mut connection = raw::open(gateway.address(), REQUEST).await;
    let (mut reading, mut writing) = connection.split();
    let trickle = async {
        loop {
            if writing.write_all(b"G").await.is_err() {
                return std::future::pending().await;
            }
            tokio::time::sleep(SOON / 10).await;
        }
    };
    let mut answers = Vec::new();
    tokio::select! {
        () = trickle => {}
        _ = reading.read_to_end(&mut answers) => {}
    }
    let answers = String::from_utf8_lossy(&answers);
    assert!(answers.starts_with("HTTP/1.1 200 ") && answers.contains("HTTP/1.1 408 "), "{answers}");
}

#[tokio::test]
async fn who_says_nothing_is_not_kept() {
    let world = World::new().await;
    let gateway = gateway(&world, |it| (it.patience.head, it.patience.idle) = (SOON, SOON)).await;
    assert_eq!(raw::send(gateway.address(), "").await, "");
    let answer = raw::send(gateway.address(), REQUEST).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(raw::status(&answer), 200, "{answer}");
}

#[tokio::test]
async fn too_many_headers_or_too_long_ones_are_told_so() {
    let world = World::new().await;
    let gateway = gateway(&world, |it| (it.headers, it.head_bytes) = (20, 4096)).await;
    let many = (0..30).map(|n| format!("X-{n}: y\r\n")).collect::<Vec<_>>().concat();
    for headers in [many, format!("X: {}\r\n", "y".repeat(5_000))] {
        let answer = raw::send(gateway.address(), &format!("GET / HTTP/1.1\r\nHost: h\r\n{headers}\r\n")).await;
        assert_eq!(raw::status(&answer), 431, "{answer}");
    }
}

#[tokio::test]
async fn too_many_headers_are_told_so_over_http2_as_well() {
    let world = World::new().await;
    let gateway = gateway(&world, |it| it.headers = 20).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for (many, status) in [(10, 200), (30, 431)] {
        let request = client.get(format!("{}/api/store/v1/x", gateway.url)).bearer_auth("good-1");
        let request = (0..many).fold(request, |request, nth| request.header(format!("x-{nth}"), "y"));
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_connection_is_closed_after_its_last_request() {
    let world = World::new().await;
    let gateway = gateway(&world, |it| it.requests = 2).await;
    let mut connection = TcpStream::connect(gateway.address()).await.unwrap();
    let first = ask(&mut connection).await.unwrap();
    let second = ask(&mut connection).await.unwrap();
    assert!(!first.contains("connection: close") && second.contains("connection: close"), "{first} {second}");
    assert_eq!(raw::rest(connection).await, "");
}

#[tokio::test]
async fn http2_is_spoken_with_who_begins_with_it() {
    let world = World::new().await;
    let gateway = gateway(&world, |_| {}).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let request = || client.get(format!("{}/api/store/v1/x", gateway.url)).bearer_auth("good-1").send();
    for answer in futures::future::join_all((0..10).map(|_| request())).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    }
    let refused = client.get(format!("{}/api/store/v1/../x%2f", gateway.url)).send().await.unwrap();
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn head_gets_no_content_over_http2_whoever_answers() {
    let world = World::new().await;
    let gateway = gateway(&world, |_| {}).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for (path, token, encoding, status) in [
        ("/api/store/v1/x", "bad-1", "", 401),
        ("/api/store/v1/x", "good-1", "", 200),
        ("/api/store/v1/x?fields=at", "good-1", "gzip", 200),
        ("/nothing", "", "gzip", 404),
        ("/", "", "", 200),
    ] {
        let request =
            client.head(format!("{}{path}", gateway.url)).bearer_auth(token).header("x-long", "x".repeat(2_000));
        let answer = request.header("accept-encoding", encoding).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert!(path.contains('?') || answer.headers().contains_key("content-length"), "{path}");
        // Content would be a fault of the protocol.
        assert_eq!(answer.bytes().await.unwrap(), "", "{path}");
    }
}

/// A body of many pieces that is one less when it is gone.
struct Endless(Arc<AtomicUsize>);

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[tokio::test]
async fn who_gives_no_window_holds_no_place_for_ever() {
    let world = World::new().await;
    let (begun, under_way) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (starts, held) = (Arc::clone(&begun), Arc::clone(&under_way));
    let endless = async move || {
        starts.fetch_add(1, SeqCst);
        held.fetch_add(1, SeqCst);
        let body = Endless(Arc::clone(&held));
        Body::from_stream(futures::stream::unfold(body, async |body| {
            tokio::task::yield_now().await;
            Some((Ok::<_, Infallible>(Bytes::from_static(&[0; 4096])), body))
        }))
    };
    let store = Router::new().route("/v1/endless", get(endless)).route("/v1/short", get(async || "short"));
    let store = Instance::start(store).await;
    let mut policies = routes(|route| {
        let bulkhead = &mut route.bulkhead.as_mut().unwrap().policy;
        (bulkhead.in_flight, bulkhead.queue) = (8, 0);
    });
    policies.connections.patience.stall = SOON;
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_with(setting, policies, Limits::default()).await;
    let stingy = raw::without_window(gateway.address(), "/api/store/v1/endless", 8).await;
    testkit::eventually(async || begun.load(SeqCst) == 8).await;
    testkit::eventually(async || under_way.load(SeqCst) == 0).await;
    testkit::eventually(async || gateway.get("/api/store/v1/short", "good-1").await.status == 200).await;
    raw::rest(stingy).await;
}

#[tokio::test]
async fn an_http2_connection_is_closed_after_its_last_request_and_each_was_answered() {
    let world = World::new().await;
    let gateway = gateway(&world, |it| it.requests = 3).await;
    let stream = TokioIo::new(TcpStream::connect(gateway.address()).await.unwrap());
    let (mut sender, connection) = http2::handshake::<_, _, Body>(TokioExecutor::new(), stream).await.unwrap();
    let running = tokio::spawn(connection);
    for _ in 0..3 {
        let request = http::Request::get(format!("{}/api/store/v1/x", gateway.url));
        let request = request.header("authorization", "Bearer good-1").body(Body::empty()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn connections_to_services_are_used_again_and_a_broken_one_is_not() {
    let world = World::new().await;
    let store = raw::Scripted::start().await;
    let setting = discovery(&format!("store={}", store.address)).unwrap();
    let gateway = world.gateway_with(setting, Policies::standard(), Limits::default()).await;
    let mut caller = TcpStream::connect(gateway.address()).await.unwrap();
    for _ in 0..5 {
        caller.write_all(REQUEST.as_bytes()).await.unwrap();
        assert!(raw::until(&mut caller, "ok").await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(store.connections(), 1);
    // The service breaks off its idle connections: the next request has a new one, and is answered.
    store.break_off();
    tokio::time::timeout(Duration::from_secs(20), store.broken()).await.unwrap();
    caller.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(raw::until(&mut caller, "ok").await.starts_with("HTTP/1.1 200 "));
    assert_eq!((store.connections(), store.requests()), (2, 6));
}
