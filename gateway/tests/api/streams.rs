//! Bodies pass piece by piece, in both directions.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures::{Stream, StreamExt, stream};
use gateway::cache::Limits;
use gateway::config::discovery;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::services::Instance;
use crate::world::{SOON, World, routes};

// What is buffered somewhere never comes: that is to fail, not to hang.
fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

fn pieces<T: Send + 'static>(receiver: mpsc::Receiver<T>) -> impl Stream<Item = Result<T, Infallible>> + Send {
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (Ok(piece), receiver)) })
}

#[tokio::test]
async fn a_piece_arrives_and_comes_back_before_the_next_is_sent() {
    let world = World::new().await;
    let back = |request: Request| async { Body::from_stream(request.into_body().into_data_stream()) };
    let order = Instance::start(Router::new().fallback(back)).await;
    let gateway = world.gateway(&format!("order={}", order.address)).await;

    let (send, receive) = mpsc::channel::<Bytes>(1);
    let request = client().post(format!("{}/api/order/v1/x", gateway.url)).bearer_auth("good-1");
    let response = request.body(reqwest::Body::wrap_stream(pieces(receive)));
    send.send("first".into()).await.unwrap();
    let mut response = response.send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
    send.send("second".into()).await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "second");
    drop(send);
    assert!(response.chunk().await.unwrap().is_none());
}

#[tokio::test]
async fn events_arrive_as_they_happen() {
    let world = World::new().await;
    let (send, receive) = mpsc::channel::<&'static str>(1);
    let receive = Arc::new(Mutex::new(Some(receive)));
    let events = async move || {
        let receive = receive.lock().unwrap().take().unwrap();
        Sse::new(pieces(receive).map(|event| event.map(|text| Event::default().data(text))))
    };
    let order = Instance::start(Router::new().route("/v1/orders/1/events", get(events))).await;
    let gateway = world.gateway(&format!("order={}", order.address)).await;

    let url = format!("{}/api/order/v1/orders/1/events", gateway.url);
    let mut response = client().get(url).bearer_auth("good-1").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    for text in ["accepted", "confirmed"] {
        send.send(text).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), format!("data: {text}\n\n"));
    }
}

#[tokio::test]
async fn an_answer_may_outlast_the_timeout_but_not_fall_silent() {
    let world = World::new().await;
    let (send, receive) = mpsc::channel::<Bytes>(1);
    let receive = Arc::new(Mutex::new(Some(receive)));
    let body = async move || Body::from_stream(pieces(receive.lock().unwrap().take().unwrap()));
    let order = Instance::start(Router::new().fallback(body)).await;
    let setting = discovery(&format!("order={}", order.address)).unwrap();
    let routes = routes(|route| (route.timeout, route.pause) = (SOON, SOON * 2));
    let gateway = world.gateway_with(setting, routes, Limits::default()).await;

    let url = format!("{}/api/order/v1/x", gateway.url);
    let mut response = client().get(url).bearer_auth("good-1").send().await.unwrap();
    let began = Instant::now();
    while began.elapsed() < SOON * 4 {
        send.send("tick".into()).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "tick");
    }
    let end = timeout(Duration::from_secs(10), response.chunk()).await.expect("a silent body is not waited for");
    assert!(end.is_err(), "a silent body looked complete");
}

#[tokio::test]
async fn a_service_learns_that_its_caller_went_away() {
    let world = World::new().await;
    let (send, receive) = mpsc::channel::<Bytes>(1);
    let receive = Arc::new(Mutex::new(Some(receive)));
    let body = async move || Body::from_stream(pieces(receive.lock().unwrap().take().unwrap()));
    let order = Instance::start(Router::new().fallback(body)).await;
    let gateway = world.gateway(&format!("order={}", order.address)).await;
    let url = format!("{}/api/order/v1/x", gateway.url);
    let mut response = client().get(url).bearer_auth("good-1").send().await.unwrap();
    send.send("first".into()).await.unwrap();
    response.chunk().await.unwrap();
    drop(response);
    timeout(Duration::from_secs(10), send.closed()).await.unwrap();
}
