//! What a way that is broken does to both ends.
#![allow(clippy::unwrap_used)]

use std::{io::ErrorKind, time::Duration};

use launch::link::{Link, Way};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

/// Long enough for anything that comes at all, on loopback.
const PATIENCE: Duration = Duration::from_secs(10);
/// What has not come by now is not on its way.
const NOTHING: Duration = Duration::from_millis(200);

/// Says back what it hears.
async fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = connection.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    port
}

async fn connect(link: &Link) -> TcpStream {
    TcpStream::connect(("127.0.0.1", link.port())).await.unwrap()
}

async fn echoed(connection: &mut TcpStream, text: &str) -> std::io::Result<()> {
    connection.write_all(text.as_bytes()).await?;
    hears(connection, text).await
}

async fn hears(connection: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let mut heard = vec![0; text.len()];
    timeout(PATIENCE, connection.read_exact(&mut heard)).await.unwrap()?;
    assert_eq!(heard, text.as_bytes());
    Ok(())
}

async fn hears_nothing(connection: &mut TcpStream) {
    let heard = timeout(NOTHING, connection.read(&mut [0; 16])).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn an_open_way_passes_on_both_ways_and_the_end_of_what_is_said() {
    let link = Link::to(echo().await).unwrap();
    let mut connection = connect(&link).await;
    echoed(&mut connection, "one").await.unwrap();
    connection.write_all(b"last").await.unwrap();
    connection.shutdown().await.unwrap();
    let mut rest = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert_eq!(rest, "last");
}

#[tokio::test]
async fn who_is_reset_takes_the_other_end_along() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = Link::to(listener.local_addr().unwrap().port()).unwrap();
    let near = connect(&link).await;
    let (mut far, _) = listener.accept().await.unwrap();
    near.set_zero_linger().unwrap();
    drop(near);
    let reset = timeout(PATIENCE, far.read(&mut [0; 16])).await.unwrap();
    assert_eq!(reset.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_cut_way_resets_what_is_connected_and_refuses_what_is_new() {
    let link = Link::to(echo().await).unwrap();
    let mut connection = connect(&link).await;
    echoed(&mut connection, "before").await.unwrap();
    link.set(Way::Cut);
    let reset = timeout(PATIENCE, connection.read(&mut [0; 16])).await.unwrap();
    assert_eq!(reset.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", link.port())).await.is_ok() {
        assert!(began.elapsed() < PATIENCE, "still accepted");
    }
    link.set(Way::Open);
    let began = Instant::now();
    let mut again = loop {
        match TcpStream::connect(("127.0.0.1", link.port())).await {
            Ok(connection) => break connection,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
        }
    };
    echoed(&mut again, "after").await.unwrap();
}

#[tokio::test]
async fn a_half_open_way_swallows_and_its_connections_never_come_back() {
    let link = Link::to(echo().await).unwrap();
    let mut old = connect(&link).await;
    echoed(&mut old, "before").await.unwrap();
    link.set(Way::HalfOpen);
    let mut new = connect(&link).await;
    for connection in [&mut old, &mut new] {
        connection.write_all(b"lost").await.unwrap();
        hears_nothing(connection).await;
    }
    link.set(Way::Open);
    for connection in [&mut old, &mut new] {
        connection.write_all(b"lost too").await.unwrap();
        hears_nothing(connection).await;
    }
    echoed(&mut connect(&link).await, "after").await.unwrap();
}

#[tokio::test]
async fn a_stalled_way_holds_everything_back_until_it_is_open() {
    let link = Link::to(echo().await).unwrap();
    let mut connection = connect(&link).await;
    echoed(&mut connection, "before").await.unwrap();
    link.set(Way::Stalled);
    let mut new = connect(&link).await;
    for connection in [&mut connection, &mut new] {
        connection.write_all(b"late").await.unwrap();
        hears_nothing(connection).await;
    }
    link.set(Way::Open);
    for connection in [&mut connection, &mut new] {
        hears(connection, "late").await.unwrap();
    }
}

#[tokio::test]
async fn a_slow_way_takes_its_time_and_loses_nothing() {
    let link = Link::to(echo().await).unwrap();
    let pause = Duration::from_millis(20);
    link.set(Way::Slow(pause));
    let mut connection = connect(&link).await;
    let began = Instant::now();
    echoed(&mut connection, &"x".repeat(20_000)).await.unwrap();
    // Five pieces there at the least, and the last one back.
    assert!(began.elapsed() >= 6 * pause, "{:?}", began.elapsed());
}
