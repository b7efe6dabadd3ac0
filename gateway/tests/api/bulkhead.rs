//! A service that hangs holds its own places and nobody else's.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use futures::StreamExt;
use futures::future::join_all;
use gateway::bulkhead::Policy;
use gateway::cache::Limits;
use gateway::config::discovery;
use gateway::policies::Policies;
use testkit::{Answer, eventually};
use tokio::sync::mpsc;

use crate::services::{Hang, Instance};
use crate::world::{Gateway, World, routes};

const CROWD: usize = 8;

async fn gateway(world: &World, setting: &str, in_flight: usize, queue: usize) -> Gateway {
    let policies = routes(|route| {
        (route.breaker, route.timeout) = (None, Duration::from_mins(1));
        let bulkhead = route.bulkhead.as_mut().unwrap();
        // Of no other test: metrics are the process's.
        if in_flight == CROWD {
            bulkhead.name = "crowded";
        }
        let bulkhead = &mut bulkhead.policy;
        (bulkhead.in_flight, bulkhead.queue) = (in_flight, queue);
        bulkhead.wait = Duration::from_mins(1);
    });
    world.gateway_with(discovery(setting).unwrap(), policies, Limits::default()).await
}

fn spawn(gateway: &Gateway, path: &'static str) -> tokio::task::JoinHandle<Answer> {
    let client = gateway.client.clone();
    tokio::spawn(async move { client.get(path, "good-1").await })
}

#[tokio::test]
async fn while_shipping_hangs_the_catalogue_is_answered() {
    let world = World::new().await;
    let (hang, store) = (Hang::default(), Instance::echo("store").await);
    let shipping = hang.instance().await;
    let setting = format!("store={},shipping={}", store.address, shipping.address);
    let gateway = gateway(&world, &setting, CROWD, CROWD).await;
    let hanging: Vec<_> = (0..2 * CROWD).map(|_| spawn(&gateway, "/api/shipping/v1/rates")).collect();
    eventually(async || hang.inside() == CROWD).await;
    // The line is full too. Before, who asks would be in it.
    eventually(async || {
        let full = "gateway_bulkhead_waiting{service=\"shipping\",policy=\"crowded\"} 8\n";
        gateway.ops.get("/metrics", "").await.body.contains(full)
    })
    .await;
    assert_eq!(gateway.get("/api/shipping/v1/rates", "good-1").await.expect(503).code(), "overloaded");
    for _ in 0..20 {
        let catalogue = join_all((0..8).map(|_| gateway.get("/api/store/v1/products", "good-1"))).await;
        assert!(catalogue.iter().all(|answer| answer.status == 200), "{catalogue:?}");
    }
    assert_eq!(hang.arrived(), CROWD);
    hang.let_go();
    for answer in hanging {
        answer.await.unwrap().expect(200);
    }
}

#[tokio::test]
async fn a_service_that_hangs_fills_its_own_places_before_anything_is_shed() {
    let world = World::new().await;
    let (hang, store) = (Hang::default(), Instance::echo("store").await);
    let shipping = hang.instance().await;
    let setting = discovery(&format!("store={},shipping={}", store.address, shipping.address)).unwrap();
    let policies = routes(|route| (route.breaker, route.timeout) = (None, Duration::from_mins(1)));
    let gateway = world.gateway_with(setting, policies, Limits::default()).await;
    let route = Policies::standard().route("/api/shipping/v1/rates").unwrap().clone();
    let Policy { in_flight, queue, .. } = route.bulkhead.unwrap().policy;
    let (told, mut answers) = mpsc::unbounded_channel();
    let callers: Vec<_> = (0..in_flight + queue + 50)
        .map(|_| {
            let (client, told) = (gateway.client.clone(), told.clone());
            tokio::spawn(async move {
                let answer = client.get("/api/shipping/v1/rates", "good-1").await;
                told.send((answer.status.as_u16(), if answer.status == 503 { answer.code() } else { String::new() }))
            })
        })
        .collect();
    for _ in 0..50 {
        assert_eq!(answers.recv().await.unwrap(), (503, "overloaded".to_owned()));
    }
    let catalogue = join_all((0..20).map(|_| gateway.get("/api/store/v1/products", "good-1"))).await;
    assert!(catalogue.iter().all(|answer| answer.status == 200), "{catalogue:?}");
    // Who waited in line went away after a while, or was let in when the others were.
    hang.let_go();
    for caller in callers {
        let _ = caller.await.unwrap();
    }
    drop(told);
    while let Some(answer) = answers.recv().await {
        assert!(answer == (200, String::new()) || answer == (503, "overloaded".to_owned()), "{answer:?}");
    }
}

#[tokio::test]
async fn a_full_line_is_refused_at_once_with_a_problem() {
    let world = World::new().await;
    let hang = Hang::default();
    let store = hang.instance().await;
    let gateway = gateway(&world, &format!("store={}", store.address), 1, 0).await;
    let inside = spawn(&gateway, "/api/store/v1/x");
    eventually(async || hang.inside() == 1).await;
    let refused = gateway.get("/api/store/v1/x", "good-1").await.expect(503);
    assert_eq!((refused.code(), refused.header("retry-after")), ("overloaded".into(), Some("1")));
    assert_eq!((&refused.json()["service"], &refused.json()["source"]), (&"store".into(), &"gateway".into()));
    hang.let_go();
    inside.await.unwrap().expect(200);
}

#[tokio::test]
async fn who_waits_in_line_leaves_at_the_deadline_and_nothing_was_sent() {
    let world = World::new().await;
    let hang = Hang::default();
    let store = hang.instance().await;
    let gateway = gateway(&world, &format!("store={}", store.address), 1, 9).await;
    let inside = spawn(&gateway, "/api/store/v1/x");
    eventually(async || hang.inside() == 1).await;
    let request = reqwest::Client::new().post(format!("{}/api/store/v1/x", gateway.url)).bearer_auth("good-1");
    let answer = request.header("Request-Timeout-Ms", "50").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "overloaded");
    hang.let_go();
    inside.await.unwrap().expect(200);
    assert_eq!(hang.arrived(), 1);
}

#[tokio::test]
async fn a_place_is_held_until_the_answers_body_has_ended() {
    let world = World::new().await;
    let (pieces, mut receiver) = mpsc::unbounded_channel::<Result<Bytes, std::io::Error>>();
    let stream = futures::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let stream = std::sync::Arc::new(std::sync::Mutex::new(Some(Body::from_stream(stream))));
    let router = Router::new().fallback(move || {
        let once = stream.lock().unwrap().take();
        async move { once.unwrap_or_else(|| Body::from("short")) }
    });
    let store = Instance::start(router).await;
    let gateway = gateway(&world, &format!("store={}", store.address), 1, 0).await;
    let request = reqwest::Client::new().get(format!("{}/api/store/v1/stream", gateway.url)).bearer_auth("good-1");
    pieces.send(Ok(Bytes::from_static(b"one"))).unwrap();
    let mut streaming = request.send().await.unwrap().bytes_stream();
    assert_eq!(streaming.next().await.unwrap().unwrap(), "one");
    assert_eq!(gateway.get("/api/store/v1/x", "good-1").await.expect(503).code(), "overloaded");
    drop(pieces);
    assert!(streaming.next().await.is_none());
    eventually(async || gateway.get("/api/store/v1/x", "good-1").await.status == 200).await;
}

#[tokio::test]
async fn callers_who_go_away_leave_no_place_taken() {
    let world = World::new().await;
    let hang = Hang::default();
    let store = hang.instance().await;
    let gateway = gateway(&world, &format!("store={}", store.address), 4, 20).await;
    let client = reqwest::Client::new();
    for round in 0..25 {
        // Inside, in line, refused: and then away, at different times.
        let leaving = (0..30).map(|nth| {
            let request = client.get(format!("{}/api/store/v1/x", gateway.url)).bearer_auth("good-1");
            request.timeout(Duration::from_millis(1 + (round * 7 + nth * 3) % 40)).send()
        });
        join_all(leaving).await;
    }
    hang.let_go();
    eventually(async || hang.inside() == 0).await;
    // All four places are free again: four at a time, without a line to wait in, are answered.
    eventually(async || {
        let answers = join_all((0..24).map(|_| gateway.get("/api/store/v1/x", "good-1"))).await;
        answers.iter().all(|answer| answer.status == 200)
    })
    .await;
}
