//! Who calls: an opaque token from outside becomes a short-lived JWT for exactly the service that is asked.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, header, request::Parts};
use metrics::counter;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::cache::{Answer, Cache, Key, Lead, Look};
use crate::claims::Claims;
use crate::error::Refusal;
use crate::exchange::Exchange;
use crate::meters::Tally;
use crate::proofs::{Proofs, Unused};
use crate::trail;

const LONGEST_TOKEN: usize = 512;

/// Translates tokens, remembering what auth said.
pub struct Translator {
    pub cache: Cache,
    pub exchange: Exchange,
    proofs: Proofs,
    // Where questions are asked: they and their connections outlive the runtime of whoever wants to know.
    runtime: Handle,
    // How often the cache knew, was asking already, or had to ask.
    pub hit: Tally,
    pub joined: Tally,
    pub miss: Tally,
}

impl Translator {
    /// To be called in the runtime that lives as long as the process.
    pub fn new(cache: Cache, exchange: Exchange, proofs: Proofs) -> Self {
        let [hit, joined, miss] =
            ["hit", "joined", "miss"].map(|how| Tally::new(counter!("gateway_token_cache_total", "result" => how)));
        Self { cache, exchange, proofs, runtime: Handle::current(), hit, joined, miss }
    }

    /// The `Authorization` header that `audience` gets in place of the caller's, what it says, and the proof that came
    /// with it, which is to be used up when the caller has been let through. Whoever is not known to be somebody must be
    /// let in by `stranger`, before auth is asked; so must who fails to prove the token's key.
    pub async fn translate(
        self: &Arc<Self>,
        request: &Parts,
        audience: &'static str,
        mut now: Instant,
        mut stranger: impl FnMut() -> Result<(), Refusal>,
    ) -> Result<(HeaderValue, Arc<Claims>, Option<Unused>), Refusal> {
        let (scheme, token) = match presented(&request.headers) {
            Ok(presented) => presented,
            Err(refusal) => return Err(stranger().err().unwrap_or(refusal)),
        };
        let key = Key { token: Sha256::digest(token).into(), audience };
        let (answer, how) = loop {
            break match self.cache.look(key, now) {
                Look::Hit(granted @ Answer::Granted { .. }) => (granted, &self.hit),
                Look::Hit(answer) => {
                    stranger()?;
                    (answer, &self.hit)
                }
                Look::Join(flight) => {
                    let Some(answer) = flight.answer().await else {
                        // Who was to ask was not let in: that says nothing about the others.
                        now = Instant::now();
                        continue;
                    };
                    (answer, &self.joined)
                }
                Look::Lead(lead, flight) => {
                    stranger()?;
                    self.ask(lead, text(token).to_owned(), trail::id(&request.headers).to_owned());
                    (flight.answer().await.unwrap_or(Answer::Unavailable), &self.miss)
                }
            };
        };
        how.count();
        match answer {
            Answer::Granted { authorization, claims, .. } => match self.may_use(request, (scheme, token), &claims) {
                Ok(proof) => Ok((authorization, claims, proof)),
                Err(refusal) => Err(stranger().err().unwrap_or(refusal)),
            },
            Answer::Refused => Err(Refusal::InvalidToken),
            Answer::NotForAudience => Err(Refusal::NotForService { service: audience }),
            Answer::Unavailable => Err(Refusal::AuthUnavailable),
        }
    }

    // A bound token with a proof of its key, another one as its bearer's.
    fn may_use(
        &self,
        request: &Parts,
        (scheme, token): (Scheme, &[u8]),
        claims: &Claims,
    ) -> Result<Option<Unused>, Refusal> {
        match (claims.key, scheme) {
            (None, Scheme::Bearer) => Ok(None),
            (Some(key), Scheme::Dpop) => self.proofs.check(request, text(token), key).map(Some),
            (Some(_), Scheme::Bearer) => Err(Refusal::BoundToken),
            (None, Scheme::Dpop) => Err(Refusal::UnboundToken),
        }
    }

    /// Uses up the proof of a caller who has been let through.
    pub fn use_up(&self, proof: Option<Unused>) -> Result<(), Refusal> {
        proof.map_or(Ok(()), |proof| self.proofs.take(&proof))
    }

    /// Whether the caller is known to be an operator. Who is not known yet is not asked about.
    pub fn is_operator(&self, headers: &HeaderMap, audience: &'static str) -> bool {
        let Ok((_, token)) = presented(headers) else { return false };
        let key = Key { token: Sha256::digest(token).into(), audience };
        matches!(self.cache.known(&key, Instant::now()), Some(Answer::Granted { claims, .. }) if claims.operator)
    }

    // In a task of its own: others wait for the answer too, so it comes even if this caller goes away.
    fn ask(self: &Arc<Self>, lead: Lead, token: String, request_id: String) {
        let translator = Arc::clone(self);
        let question = async move {
            let answer = translator.exchange.ask(&token, lead.key.audience, &request_id).await;
            translator.cache.land(lead, answer, Instant::now());
        };
        self.runtime.spawn(question.in_current_span());
    }
}

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

// RFC 6750 §2.1, RFC 9449 §7.1. The other ways of the former to send a token are not offered.
fn presented(headers: &HeaderMap) -> Result<(Scheme, &[u8]), Refusal> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let value = sent.next().ok_or(Refusal::NoToken)?.as_bytes();
    let space = value.iter().position(|byte| *byte == b' ').ok_or(Refusal::MalformedToken)?;
    let (scheme, token) = (&value[..space], without_spaces(&value[space..]));
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case(b"bearer") => Scheme::Bearer,
        _ if scheme.eq_ignore_ascii_case(b"dpop") => Scheme::Dpop,
        _ => return Err(Refusal::MalformedToken),
    };
    let dots = dots(token).filter(|_| sent.next().is_none()).ok_or(Refusal::MalformedToken)?;
    if dots == 2 {
        return Err(Refusal::ForeignJwt);
    }
    if token.len() > LONGEST_TOKEN {
        return Err(Refusal::InvalidToken);
    }
    Ok((scheme, token))
}

// Tokens are made of ASCII.
fn text(token: &[u8]) -> &str {
    str::from_utf8(token).unwrap_or_default()
}

fn without_spaces(mut token: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = token {
        token = rest;
    }
    token
}

// What tokens are made of counts nothing (RFC 6750, section 2.1), a dot one, and anything else more than all dots do.
const TOKEN: [u32; 256] = {
    let (mut table, mut byte) = ([NO_TOKEN; 256], 0_u8);
    while byte < 128 {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'+' | b'/' | b'=') {
            table[byte as usize] = 0;
        }
        byte += 1;
    }
    table[b'.' as usize] = 1;
    table
};
const NO_TOKEN: u32 = 1 << 31;

// How many dots a token has, if it is one.
fn dots(token: &[u8]) -> Option<u64> {
    let dots = token.iter().map(|byte| u64::from(TOKEN[usize::from(*byte)])).sum();
    (!token.is_empty() && dots < u64::from(NO_TOKEN)).then_some(dots)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::cache::Limits;

    fn read(values: &[&str]) -> Result<String, Refusal> {
        let headers = values.iter().map(|v| (header::AUTHORIZATION, v.parse().unwrap())).collect();
        presented(&headers).map(|(_, token)| text(token).to_owned())
    }

    #[tokio::test]
    async fn one_who_is_not_let_in_refuses_nobody_who_came_with_the_same_token() {
        let exchange = Exchange::new("http://127.0.0.1:9/auth", "secret".to_owned().into()).unwrap();
        let proofs = Proofs::new("https://shop.example", "secret");
        let translator = Arc::new(Translator::new(Cache::new(Limits::default()), exchange, proofs));
        let (request, ()) =
            http::Request::get("/").header("authorization", "Bearer abc").body(()).unwrap().into_parts();
        let mut joins = Box::pin(translator.translate(&request, "store", Instant::now(), || Ok(())));
        let stranger = || {
            assert!(joins.as_mut().now_or_never().is_none());
            Err(Refusal::NoToken)
        };
        assert_eq!(
            translator.translate(&request, "store", Instant::now(), stranger).await.unwrap_err(),
            Refusal::NoToken
        );
        // It asks on its own behalf now.
        assert!(joins.as_mut().now_or_never().is_none());
        assert_eq!(joins.await.unwrap_err(), Refusal::AuthUnavailable);
    }

    #[test]
    fn a_bearer_token_is_taken_whatever_the_case_of_its_scheme() {
        assert_eq!(read(&["Bearer abc-1_2~"]), Ok("abc-1_2~".to_owned()));
        assert_eq!(read(&["bEARER  abc"]), Ok("abc".to_owned()));
        assert_eq!(read(&["dPoP abc"]), Ok("abc".to_owned()));
    }

    #[test]
    fn what_is_not_exactly_one_opaque_token_is_refused() {
        assert_eq!(read(&[]), Err(Refusal::NoToken));
        for bad in
            [vec!["Basic YTpi"], vec!["Bearer"], vec!["Bearer "], vec!["Bearer a b"], vec!["Bearer a", "Bearer b"]]
        {
            assert_eq!(read(&bad), Err(Refusal::MalformedToken), "{bad:?}");
        }
        for bad in ["Bearer \u{e4}bc", "B\u{e4}rer abc", "Bearer \tabc", "Bearer a\tb", "Bearer a.b.\u{e4}"] {
            let value = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
            assert_eq!(presented(&headers).unwrap_err(), Refusal::MalformedToken, "{bad:?}");
        }
        assert_eq!(read(&["Bearer eyJh.eyJz.c2ln"]), Err(Refusal::ForeignJwt));
        assert_eq!(read(&["Bearer a.b."]), Err(Refusal::ForeignJwt));
        let long = format!("Bearer {}", "x".repeat(LONGEST_TOKEN + 1));
        assert_eq!(read(&[&long]), Err(Refusal::InvalidToken));
    }
}
