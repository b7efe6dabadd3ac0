//! Revoked tokens stop working here as soon as auth says so, and soon even if it cannot be heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contracts::auth::TokensRevoked;
use futures::{Stream, StreamExt};
use messaging::Heard;

use crate::cache::TokenHash;
use crate::identity::Translator;

/// Follows auth's announcements, and knows whether they were ever heard.
#[derive(Clone, Default)]
pub struct Revocations(Arc<AtomicBool>);

impl Revocations {
    /// Whether NATS has answered since the start. Without it the gateway goes on, so it stays ready.
    pub fn were_heard(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Forgets what is revoked. Whenever something may have been missed, everything is forgotten.
    pub async fn follow(self, announcements: impl Stream<Item = Heard<TokensRevoked>>, translator: Arc<Translator>) {
        self.hears(false, &translator);
        let mut announcements = std::pin::pin!(announcements);
        while let Some(heard) = announcements.next().await {
            match heard {
                Heard::Listening => self.hears(true, &translator),
                Heard::Gap => self.hears(false, &translator),
                Heard::Event(revoked) => forget(&revoked, &translator),
            }
        }
        self.hears(false, &translator);
    }

    fn hears(&self, heard: bool, translator: &Translator) {
        tracing::info!(heard, "revocations");
        self.0.fetch_or(heard, Ordering::Relaxed);
        translator.cache.hears_revocations(heard);
    }
}

fn forget(revoked: &TokensRevoked, translator: &Translator) {
    for text in &revoked.token_hashes {
        let mut hash = TokenHash::default();
        if hex::decode_to_slice(text, &mut hash).is_ok() {
            translator.cache.forget(&hash);
        } else {
            tracing::error!("a revocation cannot be read; all tokens are forgotten");
            translator.cache.clear();
        }
    }
    metrics::counter!("gateway_tokens_revoked_total").increment(revoked.token_hashes.len() as u64);
}
