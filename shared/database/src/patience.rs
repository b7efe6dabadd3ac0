//! A bound for those who would wait for ever: a connection whose other end is gone without a word never answers, and
//! nobody tells.

use std::{future::Future, time::Duration};

use tokio::time::timeout;

use crate::error::{Error, note_break};

/// Our statements take milliseconds; a transaction may wait for locks.
const PATIENCE: Duration = Duration::from_secs(5);

/// Does `work`, or gives it up after 5 s as [`Error::Silent`]; then every connection is checked before its next use.
/// For all that is not done for a request: a request is given up by whoever asks.
pub fn within<T, E: From<Error>>(work: impl Future<Output = Result<T, E>>) -> impl Future<Output = Result<T, E>> {
    // Boxed, so that those who wait are small.
    let work = Box::pin(work);
    async move {
        timeout(PATIENCE, work).await.unwrap_or_else(|_| {
            note_break();
            Err(Error::Silent.into())
        })
    }
}
