//! Waiting for a condition, never for a time.

use std::{fmt::Debug, panic::Location, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

/// Long, for machines that have much else to do; only a test that fails takes it.
const BOUND: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// What a condition can answer: `bool`, `Option` or `Result`.
pub trait Outcome {
    /// What comes out when it is met.
    type Value;

    /// The value, or what is still missing.
    fn settle(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();

    fn settle(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.ok_or_else(|| "None".to_owned())
    }
}

impl<T, E: Debug> Outcome for Result<T, E> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.map_err(|error| format!("{error:?}"))
    }
}

/// Asks `condition` again until it is `true`, `Some` or `Ok`, and answers what it holds. Panics after thirty seconds with
/// the place of the call and the last outcome: answer an `Err` that says what is missing.
#[track_caller]
pub fn eventually<O: Outcome>(condition: impl AsyncFnMut() -> O) -> impl Future<Output = O::Value> {
    within(BOUND, Location::caller(), condition)
}

async fn within<O: Outcome>(
    bound: Duration,
    place: &'static Location<'static>,
    mut condition: impl AsyncFnMut() -> O,
) -> O::Value {
    let deadline = Instant::now() + bound;
    let mut pause = Duration::from_millis(2);
    let mut last = "no answer to the first question".to_owned();
    loop {
        match timeout_at(deadline, condition()).await.map(Outcome::settle) {
            Ok(Ok(value)) => return value,
            Ok(Err(missing)) => last = missing,
            Err(_) => {}
        }
        assert!(Instant::now() < deadline, "not within {bound:?}, awaited at {place}: {last}");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_condition_holds_comes_out_once_it_is_met() {
        let mut tries = 0;
        let value = eventually(async || {
            tries += 1;
            (tries == 4).then_some(7)
        });
        assert_eq!(value.await, 7);
        assert_eq!(tries, 4);
    }

    #[tokio::test]
    #[should_panic(expected = "shared/testkit/src/eventually.rs")]
    async fn a_condition_that_is_never_met_fails_within_the_bound_and_says_where() {
        within(Duration::from_millis(20), Location::caller(), async || false).await;
    }

    #[tokio::test]
    #[should_panic(expected = "three are missing")]
    async fn the_failure_says_what_was_missing() {
        within(Duration::from_millis(20), Location::caller(), async || Err::<(), _>("three are missing")).await;
    }

    #[tokio::test]
    #[should_panic(expected = "no answer")]
    async fn a_condition_that_never_answers_fails_within_the_bound() {
        within(Duration::from_millis(20), Location::caller(), std::future::pending::<bool>).await;
    }
}
