//! What ties together all that one request causes: a request id, and the W3C trace context.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use rand::Rng;
use uuid::{Builder, Uuid};
use web::telemetry;

use crate::present::Present;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const LONGEST_ID: usize = 128;

/// Gives every request to the gateway's own pages a trace.
pub async fn leave(mut request: Request, next: Next) -> Response {
    let present = Present::of(request.headers());
    lay(request.headers_mut(), present);
    next.run(request).await
}

/// The same for any request, inside its span.
pub fn lay(headers: &mut HeaderMap, present: Present) {
    let trace = traceparent(headers, present);
    headers.insert(TRACEPARENT, trace);
}

/// The id of a request that was given one, for the log.
pub fn id(headers: &HeaderMap) -> &str {
    headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Gives a request its id, before a span is made that tells it. The response is to have it too.
pub fn name(request: &mut Request, present: Present) -> HeaderValue {
    let id = request_id(request.headers(), present);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    id
}

/// Gives a response the id of its request.
pub fn tell(id: HeaderValue, response: &mut Response) {
    response.headers_mut().insert(REQUEST_ID, id);
}

// The caller's own id if it is one, in visible characters only: it goes to logs.
fn request_id(headers: &HeaderMap, present: Present) -> HeaderValue {
    let sent = || {
        let mut sent = headers.get_all(REQUEST_ID).iter();
        sent.next().filter(|id| sent.next().is_none() && is_id(id.as_bytes()))
    };
    let sent = if present.has(Present::REQUEST_ID) { sent() } else { None };
    sent.cloned().unwrap_or_else(|| made(version_7().hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes()))
}

// RFC 9562, section 5.7, without a counter that all threads would share: none of ours needs the order within a millisecond.
fn version_7() -> Uuid {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let mut random = [0; 10];
    rand::rng().fill_bytes(&mut random);
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn is_id(id: &[u8]) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

// The gateway's own span continues the caller's trace. Where the log filter leaves no span, the caller's context goes
// on as it came, and without one a trace begins here.
fn traceparent(headers: &HeaderMap, present: Present) -> HeaderValue {
    let own = || telemetry::traceparent().and_then(|own| HeaderValue::from_str(&own).ok());
    let own = if telemetry::exports() { own() } else { None };
    let sent = || headers.get(TRACEPARENT).filter(|sent| is_traceparent(sent.as_bytes()));
    let sent = || if present.has(Present::TRACEPARENT) { sent() } else { None };
    own.or_else(|| sent().cloned()).unwrap_or_else(|| {
        // 16 bytes of the trace, and 8 of the span, of two hex digits each. They are random, and so is their order.
        let mut ids = [0; 24];
        rand::rng().fill_bytes(&mut ids);
        let (high, low) = (ids.map(|byte| digit(byte >> 4)), ids.map(|byte| digit(byte & 15)));
        let mut text = *b"00-................................-................-00";
        text[3..19].copy_from_slice(&high[..16]);
        text[19..35].copy_from_slice(&low[..16]);
        text[36..44].copy_from_slice(&high[16..]);
        text[44..52].copy_from_slice(&low[16..]);
        made(&text)
    })
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
}

// W3C Trace Context §3.2.2, version 00.
fn is_traceparent(value: &[u8]) -> bool {
    let lower_hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let not_zero = |part: &[u8]| part.iter().any(|b| *b != b'0');
    let parts: Vec<&[u8]> = value.split(|b| *b == b'-').collect();
    match parts.as_slice() {
        [b"00", trace, span, flags] => {
            (trace.len(), span.len(), flags.len()) == (32, 16, 2)
                && [trace, span, flags].into_iter().all(|part| lower_hex(part))
                && not_zero(trace)
                && not_zero(span)
        }
        _ => false,
    }
}

fn made(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|v| (name.clone(), v.parse().unwrap())).collect()
    }

    fn id(headers: &HeaderMap) -> HeaderValue {
        request_id(headers, Present::of(headers))
    }

    fn trace(headers: &HeaderMap) -> HeaderValue {
        traceparent(headers, Present::of(headers))
    }

    #[test]
    fn a_caller_keeps_its_request_id_if_it_is_one() {
        let kept = with(REQUEST_ID, &["order-4711/retry.2"]);
        assert_eq!(id(&kept), "order-4711/retry.2");
        let (long, longest) = ("x".repeat(129), "x".repeat(128));
        assert_eq!(id(&with(REQUEST_ID, &[&longest])), longest.as_str());
        for bad in [vec!["a", "b"], vec![""], vec!["with space"], vec![long.as_str()], vec![]] {
            let made = id(&with(REQUEST_ID, &bad));
            assert!(Uuid::try_parse_ascii(made.as_bytes()).is_ok(), "{bad:?} became {made:?}");
        }
    }

    #[test]
    fn a_trace_goes_on_and_a_malformed_one_does_not() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace(&with(TRACEPARENT, &[good])), good);
        for bad in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            let begun = trace(&with(TRACEPARENT, &[bad]));
            assert_ne!(begun, bad);
            assert!(is_traceparent(begun.as_bytes()), "{begun:?}");
        }
    }
}
