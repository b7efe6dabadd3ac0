//! What is sent again, and what never is.

use std::time::Duration;

use gateway::cache::Limits;
use gateway::config::discovery;
use gateway::policies::Policies;
use reqwest::Method;
use testkit::eventually;
use tokio::net::TcpListener;

use crate::raw;
use crate::services::{FAILURE, FINE, Hang, Instance, NOT_NOW, Scripted, nobody};
use crate::world::{Gateway, World, routes};

async fn gateway(world: &World, policies: Policies, stores: &[&str]) -> Gateway {
    let setting: Vec<_> = stores.iter().map(|address| format!("store={address}")).collect();
    world.gateway_with(discovery(&setting.join(",")).unwrap(), policies, Limits::default()).await
}

async fn send(gateway: &Gateway, method: &Method, body: &str) -> u16 {
    let url = format!("{}/api/store/v1/x", gateway.url);
    let request = reqwest::Client::new().request(method.clone(), url).bearer_auth("good-1").body(body.to_owned());
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_can_be_asked_twice_is_asked_again_when_the_instance_breaks_off() {
    let world = World::new().await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
        let store = Scripted::start(&[None, None, FINE]).await;
        let gateway = gateway(&world, Policies::standard(), &[&store.address]).await;
        assert_eq!(send(&gateway, &method, "").await, 200, "{method}");
        assert_eq!(store.count(), 3, "{method}");
    }
}

#[tokio::test]
async fn each_attempt_says_the_same_but_for_the_time_that_is_left() {
    let world = World::new().await;
    let store = Scripted::start(&[None, None, FINE]).await;
    let gateway = gateway(&world, Policies::standard(), &[&store.address]).await;
    let url = format!("{}/api/store/v1/x?a=b", gateway.url);
    let request = reqwest::Client::new().get(url).bearer_auth("good-1").header("X-Own", "1").header("X-User", "olga");
    assert_eq!(request.header("X-Own", "2").header("Cookie", "session=1").send().await.unwrap().status(), 200);
    let requests = store.requests.lock().unwrap();
    let said = |request: &String| -> Vec<String> {
        request.lines().filter(|line| !line.starts_with("request-timeout-ms: ")).map(str::to_owned).collect()
    };
    let first = said(&requests[0]);
    assert!(requests.len() == 3 && requests.iter().all(|request| said(request) == first), "{requests:?}");
    let names: Vec<_> = first.iter().skip(1).filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    let own = ["accept", "host", "traceparent", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
    for name in own.into_iter().chain(["authorization", "x-own", "x-request-id"]) {
        assert_eq!(
            names.iter().filter(|it| **it == name).count(),
            if name == "x-own" { 2 } else { 1 },
            "{name}: {names:?}"
        );
    }
    assert!(!names.contains(&"x-user") && !names.contains(&"cookie"), "{names:?}");
    assert!(requests.iter().all(|request| request.contains("\r\nrequest-timeout-ms: ")), "{requests:?}");
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_never_asked_twice() {
    let world = World::new().await;
    for method in [Method::POST, Method::PATCH] {
        for body in ["", "an order"] {
            let broken: (&'static [_], _) = (&[None, FINE], 502);
            for (answers, told) in [broken, (&[NOT_NOW, FINE], 503)] {
                let (store, other) = (Scripted::start(answers).await, Scripted::start(answers).await);
                let gateway = gateway(&world, Policies::standard(), &[&store.address, &other.address]).await;
                assert_eq!(send(&gateway, &method, body).await, told, "{method}");
                assert_eq!(store.count() + other.count(), 1, "{method}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_the_method_nothing_is_lost_when_no_byte_was_sent() {
    let world = World::new().await;
    for _ in 0..6 {
        let alive = Scripted::start(&[FINE]).await;
        let stores = [nobody(), nobody(), alive.address.clone()];
        let stores: Vec<_> = stores.iter().map(String::as_str).collect();
        let gateway = gateway(&world, Policies::standard(), &stores).await;
        assert_eq!(send(&gateway, &Method::POST, "an order").await, 200);
        assert!(alive.requests.lock().unwrap()[0].ends_with("an order"));
    }
}

#[tokio::test]
async fn a_body_that_was_read_is_sent_again_if_it_is_short() {
    let world = World::new().await;
    let (short, long) = ("short".repeat(10), "long ".repeat(100_000));
    let store = Scripted::start(&[None, FINE]).await;
    let through = gateway(&world, Policies::standard(), &[&store.address]).await;
    assert_eq!(send(&through, &Method::PUT, &short).await, 200);
    assert!(store.requests.lock().unwrap().iter().all(|request| request.ends_with(&short)));

    let store = Scripted::start(&[None, FINE]).await;
    let through = gateway(&world, Policies::standard(), &[&store.address]).await;
    assert_eq!(send(&through, &Method::PUT, &long).await, 502);
    assert_eq!(store.count(), 1);
}

#[tokio::test]
async fn an_instance_that_says_not_now_is_replaced_by_another_and_not_asked_again() {
    let world = World::new().await;
    for _ in 0..6 {
        let (stopping, other) = (Scripted::start(&[NOT_NOW]).await, Instance::echo("other").await);
        let gateway = gateway(&world, Policies::standard(), &[&stopping.address, &other.address]).await;
        for _ in 0..5 {
            assert_eq!(send(&gateway, &Method::GET, "").await, 200);
        }
    }
    let stopping = Scripted::start(&[NOT_NOW]).await;
    let gateway = gateway(&world, Policies::standard(), &[&stopping.address]).await;
    assert_eq!(send(&gateway, &Method::GET, "").await, 503);
    assert_eq!(stopping.count(), 1);
}

async fn send_within(gateway: &Gateway, method: &Method, body: &'static str, millis: &str) -> u16 {
    let url = format!("{}/api/store/v1/x", gateway.url);
    let request = reqwest::Client::new().request(method.clone(), url).bearer_auth("good-1").body(body);
    request.header("Request-Timeout-Ms", millis).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_instance_that_is_silent_is_replaced_by_another_while_there_is_time() {
    let world = World::new().await;
    for method in [Method::GET, Method::PUT] {
        let (hang, other) = (Hang::default(), Instance::echo("other").await);
        let silent = hang.instance().await;
        let gateway = gateway(&world, Policies::standard(), &[&silent.address, &other.address]).await;
        while hang.arrived() == 0 {
            assert_eq!(send_within(&gateway, &method, "an order", "4000").await, 200, "{method}");
        }
        // It was told that nobody waits any more.
        eventually(async || hang.inside() == 0).await;
    }
}

#[tokio::test]
async fn a_silent_instance_is_waited_for_if_there_is_no_other_and_by_what_is_never_asked_twice() {
    let world = World::new().await;
    let waited_for = async |method: Method, body, instances: usize| {
        let hang = Hang::default();
        let both = [hang.instance().await, hang.instance().await];
        let addresses: Vec<_> = both.iter().take(instances).map(|it| &*it.address).collect();
        let policies = routes(|route| route.retry.as_mut().unwrap().policy.attempt = Duration::from_millis(50));
        let gateway = gateway(&world, policies, &addresses).await;
        assert_eq!(send_within(&gateway, &method, body, "3000").await, 504, "{method} {body}");
        assert_eq!(hang.arrived(), 1, "{method} {body}");
    };
    tokio::join!(waited_for(Method::GET, "", 1), waited_for(Method::POST, "", 2), waited_for(Method::POST, "order", 2));
}

#[tokio::test]
async fn a_failure_is_an_answer_and_is_not_repeated() {
    let world = World::new().await;
    let store = Scripted::start(&[FAILURE]).await;
    let gateway = gateway(&world, Policies::standard(), &[&store.address]).await;
    assert_eq!(send(&gateway, &Method::GET, "").await, 500);
    assert_eq!(store.count(), 1);
}

#[tokio::test]
async fn a_service_in_trouble_is_not_asked_more_than_the_budget_allows() {
    let world = World::new().await;
    let store = Scripted::start(&[None]).await;
    let policies = routes(|route| {
        route.breaker = None;
        let retry = &mut route.retry.as_mut().unwrap().policy;
        (retry.floor, retry.budget) = (0, 20);
    });
    let gateway = gateway(&world, policies, &[&store.address]).await;
    for _ in 0..50 {
        assert_eq!(send(&gateway, &Method::GET, "").await, 502);
    }
    // Without a budget it were 150. The share is of the requests that came before.
    assert!((50..=60).contains(&store.count()), "{}", store.count());
}

#[tokio::test]
async fn without_a_policy_nothing_is_repeated() {
    let world = World::new().await;
    let store = Scripted::start(&[None, FINE]).await;
    let gateway = gateway(&world, routes(|route| route.retry = None), &[&store.address]).await;
    assert_eq!(send(&gateway, &Method::GET, "").await, 502);
    assert_eq!(store.count(), 1);
}

#[tokio::test]
async fn that_nobody_can_be_reached_any_more_does_not_say_that_nothing_was_done() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        raw::until(&mut stream, "\r\n\r\n").await;
        // It has the request, and dies of it.
        drop(listener);
        drop(stream);
    });
    let gateway = gateway(&world, Policies::standard(), &[&address]).await;
    let request = gateway.client.request(Method::DELETE, "/api/store/v1/x", "good-1");
    assert_eq!(gateway.client.send(request).await.expect(502).code(), "bad_answer");
    let request = gateway.client.request(Method::DELETE, "/api/store/v1/x", "good-1");
    assert_eq!(gateway.client.send(request).await.expect(503).code(), "unreachable");
}
