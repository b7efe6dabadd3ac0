//! Clients that answer late, otherwise or never.

use axum::{Json, Router, routing::get};
use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use testkit::eventually;
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;

// Takes connections and says nothing, until it is gone.
async fn silent() -> (String, JoinHandle<()>) {
    let (listener, address) = listener().await;
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    (address, silent)
}

async fn publishing(kid: &'static str) -> String {
    let (listener, address) = listener().await;
    let router = Router::new().route("/jwks", get(async move || Json(json!({"keys": [{"kid": kid}]}))));
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/jwks", listener.local_addr().unwrap());
    (listener, address)
}

fn place(address: &str) -> Place {
    Place { address: address.to_owned(), named_by_client: true }
}

fn knowing(address: &str, kid: &str) -> ClientKeys {
    let keys = ClientKeys::new(Arc::new(Outbound::new("http://localhost").unwrap()));
    let kept = Kept { keys: [json!({"kid": kid})].into(), fetched: Some(Instant::now()), ..Kept::default() };
    *keys.entry(&place(address)).kept() = kept;
    keys
}

fn time_passes(keys: &ClientKeys, address: &str, by: Duration) {
    let published = keys.entry(&place(address));
    let mut kept = published.kept();
    (kept.fetched, kept.asked) = (kept.fetched.map(|at| at - by), kept.asked.map(|at| at - by));
}

fn failed(keys: &ClientKeys, address: &str) -> u32 {
    keys.entry(&place(address)).kept().failed
}

async fn kids(keys: &ClientKeys, address: &str, kid: &str) -> Vec<String> {
    keys.find(&place(address), Some(kid)).await.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn who_is_known_waits_for_no_client_that_does_not_answer_and_of_the_others_only_some_do() {
    let (address, silent) = silent().await;
    let (keys, place) = (knowing(&address, "own"), place(&address));
    time_passes(&keys, &address, KEPT);
    let is_asking = || keys.entry(&place).asking.try_lock().is_err() && failed(&keys, &address) == 0;
    assert_eq!(kids(&keys, &address, "own").await, ["own"]);
    assert!(is_asking(), "it is asked meanwhile");
    let mut made_up: FuturesUnordered<_> =
        (0..MOST_WAITING + 30).map(|nr| keys.find(&place, Some(["made-up", "other"][nr % 2]))).collect();
    for _ in 0..30 {
        made_up.next().await.unwrap();
        assert!(is_asking(), "more than may wait are told at once");
    }
    assert_eq!(kids(&keys, &address, "own").await, ["own"]);
    assert!(is_asking());
    silent.abort();
    assert_eq!(made_up.count().await, MOST_WAITING);
    assert_eq!(failed(&keys, &address), 1, "all of them wait for one request");
}

#[tokio::test]
async fn a_client_that_has_not_answered_is_asked_again_later_and_later() {
    let (address, silent) = silent().await;
    silent.abort();
    let keys = knowing(&address, "own");
    for (nth, pause) in (1..).zip([30, 60, 120, 240, 240]) {
        for _ in 0..3 {
            kids(&keys, &address, "made-up").await;
            assert_eq!(failed(&keys, &address), nth, "not before a pause is over");
        }
        time_passes(&keys, &address, Duration::from_secs(pause - 1));
        kids(&keys, &address, "made-up").await;
        assert_eq!(failed(&keys, &address), nth);
        time_passes(&keys, &address, Duration::from_secs(1));
    }
    let kept = Kept { failed: u32::MAX, ..Kept::default() };
    assert_eq!(kept.pause(), LONGEST_PAUSE);
}

#[tokio::test]
async fn keys_of_a_client_that_does_not_answer_are_good_for_an_hour() {
    let (address, silent) = silent().await;
    silent.abort();
    let keys = knowing(&address, "own");
    time_passes(&keys, &address, Duration::from_mins(59));
    assert_eq!(kids(&keys, &address, "own").await, ["own"]);
    assert_eq!(failed(&keys, &address), 1, "it was asked");
    time_passes(&keys, &address, Duration::from_mins(1));
    assert!(kids(&keys, &address, "own").await.is_empty());
}

#[tokio::test]
async fn a_key_that_was_taken_out_is_good_until_the_answer_is_there_and_not_for_long_without() {
    let address = publishing("new").await;
    let keys = knowing(&address, "old");
    assert_eq!(kids(&keys, &address, "old").await, ["old"]);
    time_passes(&keys, &address, KEPT);
    assert_eq!(kids(&keys, &address, "old").await, ["old"]);
    eventually(async || kids(&keys, &address, "old").await == ["new"]).await;

    let keys = knowing(&address, "old");
    time_passes(&keys, &address, KEPT_WHILE_ASKING);
    assert_eq!(kids(&keys, &address, "old").await, ["new"], "it is waited for");
}
