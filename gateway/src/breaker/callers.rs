//! Callers who are slow, break off or leave say nothing about the service.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use tokio::{sync::mpsc, time::sleep};

use super::*;

const SLOW: Duration = Duration::from_millis(500);
const POLICY: Policy = Policy {
    window: Duration::from_mins(1),
    calls: 1,
    errors: 1,
    slow: 1,
    slow_after: SLOW,
    open: Duration::from_mins(1),
    probes: 1,
    probe: Duration::from_mins(1),
};

fn deadline(total: Duration) -> Deadline {
    Deadline { at: tokio::time::Instant::now() + total, total, is_callers: false }
}

/// A call whose upload goes on until the sender is dropped, with what the service reads.
struct Case {
    breaker: Arc<Breaker>,
    call: Call,
    sender: mpsc::UnboundedSender<Result<Bytes, std::io::Error>>,
    read: Body,
}

impl Case {
    fn new() -> Self {
        let (sender, mut pieces) = mpsc::unbounded_channel();
        let body = Body::from_stream(futures::stream::poll_fn(move |cx| pieces.poll_recv(cx)));
        let upload = Upload::new(body, 1_000, Duration::from_mins(1), 0, Instant::now());
        let read = upload.offer().unwrap();
        let breaker = Arc::new(Breaker::new(("store", "callers", Class::Write), POLICY, Instant::now()));
        let call = Guard(Some(Arc::clone(&breaker))).admit(upload, Instant::now()).unwrap();
        Self { breaker, call, sender, read }
    }

    /// The same with all of it sent.
    async fn sent(self) -> (Arc<Breaker>, Call) {
        let Self { breaker, call, sender, read } = self;
        drop(sender);
        read.collect().await.unwrap();
        (breaker, call)
    }
}

fn counts(breaker: &Breaker) -> Counts {
    breaker.standing(Instant::now()).counts
}

#[tokio::test]
async fn what_goes_wrong_before_all_is_sent_is_laid_to_the_caller() {
    let wrong = [Refusal::BodyTooSlow, Refusal::BodyBroken, Refusal::BodyTooLarge { limit: 1 }];
    let cases: Vec<_> = wrong.into_iter().map(|refusal| (Case::new(), refusal)).collect();
    let left = Case::new();
    sleep(SLOW + SLOW / 5).await;
    for (case, refusal) in cases {
        case.call.judge(&Err(refusal.clone()), &deadline(SLOW * 9), Instant::now());
        assert_eq!(counts(&case.breaker), [0, 0, 0], "{refusal:?}");
    }
    drop(left.call);
    assert_eq!(counts(&left.breaker), [0, 0, 0]);
}

#[tokio::test]
async fn an_answer_after_a_slow_upload_is_no_slow_answer() {
    let (answered, late) = (Case::new(), Case::new());
    sleep(SLOW + SLOW / 5).await;
    let (breaker, call) = answered.sent().await;
    call.judge(&Ok(Response::new(Body::empty())), &deadline(SLOW * 9), Instant::now());
    assert_eq!(counts(&breaker), [1, 0, 0]);
    // Little was left for the service.
    let (breaker, call) = late.sent().await;
    let total = SLOW + SLOW / 4;
    call.judge(&Err(Refusal::Timeout { service: "store", after: total }), &deadline(total), Instant::now());
    assert_eq!(counts(&breaker), [0, 0, 0]);
}

#[tokio::test]
async fn from_then_on_it_is_the_service_that_is_slow() {
    let (answered, late, left) = (Case::new().sent().await, Case::new().sent().await, Case::new().sent().await);
    sleep(SLOW + SLOW / 5).await;
    answered.1.judge(&Ok(Response::new(Body::empty())), &deadline(SLOW * 9), Instant::now());
    assert_eq!(counts(&answered.0), [1, 0, 1]);
    late.1.judge(&Err(Refusal::Timeout { service: "store", after: SLOW * 9 }), &deadline(SLOW * 9), Instant::now());
    assert_eq!(counts(&late.0), [1, 1, 1]);
    drop(left.1);
    assert_eq!(counts(&left.0), [1, 0, 1]);
}
