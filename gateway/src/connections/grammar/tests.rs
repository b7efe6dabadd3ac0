//! Requests in one piece and cut at every byte.

use super::*;

const HEAD: &str = "POST / HTTP/1.1\r\nHost: h\r\n";

// Good to the end in one piece, byte by byte, and in every two pieces; or bad in all of them.
fn is_good(text: &str) -> bool {
    let whole = Grammar::default().read(text.as_bytes()).is_ok();
    let mut slow = Grammar::default();
    assert_eq!(text.as_bytes().iter().all(|byte| slow.read(&[*byte]).is_ok()), whole, "byte by byte: {text:?}");
    for cut in 0..text.len() {
        let (first, second) = text.as_bytes().split_at(cut);
        let mut grammar = Grammar::default();
        assert_eq!(grammar.read(first).is_ok() && grammar.read(second).is_ok(), whole, "cut at {cut}: {text:?}");
    }
    whole
}

#[test]
fn requests_one_after_the_other_are_followed() {
    let mut grammar = Grammar::default();
    let text = format!(
        "\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n{HEAD}Content-Length: 4\r\n\r\n\n\n\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n\
         3;a=b\r\n\n\r\n\r\n0\r\nTrailer: x\r\n\r\nGET /b HTTP/1.0\r\n\r\n"
    );
    assert!(is_good(&text));
    grammar.read(text.as_bytes()).unwrap();
    assert_eq!((grammar.place, grammar.is_in_head()), (Place::RequestLine, false));
    grammar.read(b"G").unwrap();
    assert!(grammar.is_in_head());
}

#[test]
fn what_two_readers_could_frame_differently_is_bad() {
    let length = "Content-Length: 5\r\n";
    let chunks = "Transfer-Encoding: chunked\r\n";
    for headers in [
        format!("{length}{length}"),
        format!("{length}Content-Length: 6\r\n"),
        format!("{length}{chunks}"),
        format!("{chunks}{length}"),
        format!("{chunks}{chunks}"),
        "Content-Length: 5, 5\r\n".into(),
        "Content-Length: +5\r\n".into(),
        "Content-Length: -5\r\n".into(),
        "Content-Length: 0x5\r\n".into(),
        "Content-Length:\r\n".into(),
        "Content-Length: 99999999999999999999\r\n".into(),
        "Content-Length : 5\r\n".into(),
        "Transfer-Encoding: gzip, chunked\r\n".into(),
        "Transfer-Encoding: chunked, gzip\r\n".into(),
        "Transfer-Encoding: identity\r\n".into(),
        "Transfer-Encoding: \"chunked\"\r\n".into(),
        "Transfer-Encoding:\u{b}chunked\r\n".into(),
        "Transfer-Encoding : chunked\r\n".into(),
        "X: a\r\n Transfer-Encoding: chunked\r\n".into(),
        "X: a\r\n\tb\r\n".into(),
        "X: a\n".into(),
        "X: a\rb\r\n".into(),
        "X: a\0b\r\n".into(),
        "X\0: a\r\n".into(),
        ": a\r\n".into(),
        "nonsense\r\n".into(),
    ] {
        assert!(!is_good(&format!("{HEAD}{headers}\r\n")), "{headers:?}");
    }
    assert!(!is_good(&format!("POST / HTTP/1.0\r\n{chunks}\r\n")), "chunks are of HTTP/1.1");
}

#[test]
fn a_bad_request_line_is_bad() {
    for line in
        ["GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /", "GET /a#b HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/2.0"]
    {
        assert!(!is_good(&format!("{line}\r\nHost: h\r\n\r\n")), "{line:?}");
    }
    assert!(!is_good("GET / HTTP/1.1\nHost: h\r\n\r\n"));
    assert!(!is_good("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"));
}

#[test]
fn bad_chunks_are_bad() {
    for chunks in
        ["g\r\n", "\r\n", "5 \r\nabcde\r\n", "-5\r\n", "5\nabcde\r\n", "5\r\nabcdef\r\n", "5\r\nabcde\n", "0x5\r\n"]
    {
        assert!(!is_good(&format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")), "{chunks:?}");
    }
    let long = "f".repeat(16);
    assert!(!is_good(&format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{long}\r\n")));
}

#[test]
fn what_comes_before_the_bad_line_is_good() {
    let text = format!("{HEAD}X: a\n\r\n");
    assert_eq!(Grammar::default().read(text.as_bytes()), Err(HEAD.len()));
}
