//! The service behind every proxy, and auth beside it: answers what they would, at once. A thread for each connection,
//! since there are few and the kernel does the work.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use anyhow::Result;

const PRODUCT: &str = r#"{"sku":"LAMP-ARC","name":"Arc lamp","description":"A lamp on an arc of brushed steel, 2.1 m high, with a shade of linen and a foot of marble that does not move","price":{"amount":24900,"currency":"EUR"},"available":17,"categories":["lamps","living room"],"withdrawn":false,"updated_at":"2026-01-02T03:04:05Z"}"#;
/// As long as one of auth's.
const JWT_BYTES: usize = 700;

/// Where it listens.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    port: u16,
}

/// Never ends.
pub fn serve(options: &Options) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    let answers = Answers::new();
    for stream in listener.incoming() {
        let (stream, answers) = (stream?, answers.clone());
        thread::spawn(move || talk(stream, &answers));
    }
    Ok(())
}

#[derive(Clone)]
struct Answers {
    product: String,
    exchange: String,
    check: String,
}

impl Answers {
    fn new() -> Self {
        let jwt = format!("e30.e30.{}", "x".repeat(JWT_BYTES));
        let token = format!(r#"{{"access_token":"{jwt}","token_type":"Bearer","expires_in":300}}"#);
        Self {
            product: answer("", PRODUCT),
            exchange: answer("", &token),
            check: answer(&format!("X-Jwt: {jwt}\r\n"), ""),
        }
    }

    fn to(&self, head: &str) -> &str {
        match head {
            _ if head.starts_with("POST /auth/token") => &self.exchange,
            _ if head.starts_with("GET /auth/") => &self.check,
            _ => &self.product,
        }
    }
}

fn answer(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Cache-Control: private, no-store\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

// Ends when the proxy does.
fn talk(mut stream: TcpStream, answers: &Answers) {
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0; 16 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(length @ 1..) => filled += length,
            _ => return,
        }
        while let Some((head, length)) = request(&buffer[..filled]) {
            if stream.write_all(answers.to(&head).as_bytes()).is_err() {
                return;
            }
            buffer.copy_within(length..filled, 0);
            filled -= length;
        }
    }
}

// The first bytes of a complete request, and its length with its body.
fn request(bytes: &[u8]) -> Option<(String, usize)> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let first = String::from_utf8_lossy(&bytes[..end.min(32)]).into_owned();
    let body = if first.starts_with("GET ") { 0 } else { content_length(&bytes[..end]).unwrap_or(0) };
    (bytes.len() >= end + body).then_some((first, end + body))
}

/// What a head says.
pub fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let at = head.windows(NAME.len()).position(|it| it.eq_ignore_ascii_case(NAME))? + NAME.len();
    let digits: Vec<u8> =
        head[at..].iter().copied().skip_while(|it| *it == b' ').take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}
