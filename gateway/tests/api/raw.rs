//! Requests that no client library would send.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends `text` as it is, with the connection left open for more.
pub async fn open(address: &str, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Sends `text` as it is, and answers all that comes back until the gateway closes.
pub async fn send(address: &str, text: &str) -> String {
    rest(open(address, text).await).await
}

/// HTTP/2 on a connection that takes in no byte of an answer's body: `requests` times GET of `path`, all at once.
pub async fn without_window(address: &str, path: &str, requests: u32) -> TcpStream {
    const NO_WINDOW: [u8; 6] = [0, 4, 0, 0, 0, 0];
    let (method, scheme, host) = ((":method", "GET"), (":scheme", "http"), (":authority", "h"));
    let mut head = Vec::new();
    for (name, value) in [method, scheme, host, (":path", path), ("authorization", "Bearer good-1")] {
        head.push(0);
        for text in [name, value] {
            head.push(u8::try_from(text.len()).unwrap());
            head.extend_from_slice(text.as_bytes());
        }
    }
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(4, 0, 0, &NO_WINDOW));
    for nth in 0..requests {
        sent.extend(frame(1, 0b101, 2 * nth + 1, &head));
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&sent).await.unwrap();
    stream
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// All that still comes.
pub async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is how some refusals end.
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "left open after {:?}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status code of an answer.
#[track_caller]
pub fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no HTTP answer: {answer:?}"))
}

/// Reads until `end` comes.
pub async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let byte = timeout(PATIENCE, stream.read_u8()).await;
        answer.push(byte.unwrap().unwrap_or_else(|_| panic!("ended after {:?}", String::from_utf8_lossy(&answer))));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// A service that answers `ok`, counts, and breaks off its connections when it is told to.
pub struct Scripted {
    pub address: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    open: watch::Sender<usize>,
    break_off: Notify,
}

impl Scripted {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::new(Counts::default());
        let kept = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Relaxed);
                tokio::spawn(answer(stream, Arc::clone(&counts)));
            }
        });
        Self { address, counts: kept }
    }

    pub fn connections(&self) -> usize {
        self.counts.connections.load(Relaxed)
    }

    pub fn requests(&self) -> usize {
        self.counts.requests.load(Relaxed)
    }

    pub fn break_off(&self) {
        self.counts.break_off.notify_waiters();
    }

    /// Until no connection is left.
    pub async fn broken(&self) {
        self.counts.open.subscribe().wait_for(|open| *open == 0).await.unwrap();
    }
}

async fn answer(mut stream: TcpStream, counts: Arc<Counts>) {
    counts.open.send_modify(|open| *open += 1);
    let mut request = [0; 4096];
    loop {
        tokio::select! {
            () = counts.break_off.notified() => break,
            read = stream.read(&mut request) => match read {
                Ok(1..) => {
                    counts.requests.fetch_add(1, Relaxed);
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                }
                _ => break,
            },
        }
    }
    drop(stream);
    counts.open.send_modify(|open| *open -= 1);
}
