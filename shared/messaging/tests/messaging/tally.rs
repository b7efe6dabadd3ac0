//! Counters that several processes share, and events of who keeps no database.

use std::time::Duration;

use contracts::{EventId, auth::TokensRevoked};
use futures::future::join_all;
use messaging::Standalone;
use testkit::{eventually, nats};
use time::OffsetDateTime;

const DAY: Duration = Duration::from_hours(24);

async fn connected(nats: &nats::Nats) -> Standalone {
    let standalone = Standalone::connect("auth", &nats.url()).await.unwrap();
    eventually(async || standalone.connected()).await;
    standalone
}

#[tokio::test]
async fn however_many_change_a_counter_no_change_is_lost_and_it_outlives_the_server() {
    let nats = nats::server().await;
    let processes = [connected(&nats).await, connected(&nats).await, connected(&nats).await];
    let counting = processes.iter().map(|it| async {
        let tallies = it.tallies("counted", DAY);
        for _ in 0..10 {
            tallies.change("all", |before| before + 1).await.unwrap();
        }
    });
    join_all(counting).await;
    nats.kill().await;
    nats.restart().await;
    let tallies = connected(&nats).await.tallies("counted", DAY);
    assert_eq!(tallies.change("all", |before| before).await.unwrap(), (30, 30));
    assert_eq!(tallies.change("another", |before| before + 2).await.unwrap(), (0, 2));
}

#[tokio::test]
async fn what_is_announced_twice_under_one_id_is_kept_once_and_nothing_is_taken_for_sent_while_nats_is_away() {
    let nats = nats::server().await;
    let auth = connected(&nats).await;
    let (id, now) = (EventId::generate(), OffsetDateTime::now_utc());
    let event = TokensRevoked { token_hashes: vec![], grant_id: "1".to_owned() };
    for _ in 0..3 {
        auth.announce(id, &event, now).await.unwrap();
    }
    let jetstream = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    assert_eq!(jetstream.get_stream("auth").await.unwrap().cached_info().state.messages, 1);
    nats.kill().await;
    eventually(async || !auth.connected()).await;
    assert!(auth.announce(EventId::generate(), &event, now).await.is_err());
    assert!(auth.tallies("counted", DAY).change("all", |before| before + 1).await.is_err());
}
