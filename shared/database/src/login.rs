//! Logging in, also where the process has much else to do.

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

/// sqlx proves a password by 4096 rounds of a hash and gives its turn away after every fifth. So many of its turns are
/// taken in one, some 0.2 ms in a release build: 26 turns for a login in place of 820.
const TURNS: usize = 32;

/// A connection to the database. In a process that is busy a turn comes round after milliseconds: 820 of them take
/// longer than anybody waits for a connection, and the process would serve on those it has, for ever too few.
pub async fn log_in(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    in_fewer_turns(PgConnection::connect_with(options)).await
}

fn in_fewer_turns<F: Future>(work: F) -> impl Future<Output = F::Output> {
    // Boxed, so that those who wait for a connection are small.
    let mut work = Box::pin(work);
    // One that waits for an answer is asked in vain, which costs next to nothing.
    poll_fn(move |context| {
        let mut turns = (0..TURNS).map(|_| work.as_mut().poll(context));
        turns.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn work_that_gives_its_turn_away_too_often_takes_fewer() {
        let mut polls = 0;
        let mut work = pin!(in_fewer_turns(async {
            for _ in 0..820 {
                yield_now().await;
            }
        }));
        poll_fn(|context| {
            polls += 1;
            work.as_mut().poll(context)
        })
        .await;
        assert_eq!(polls, 26);
    }
}
