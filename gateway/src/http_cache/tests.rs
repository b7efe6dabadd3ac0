//! What is there for a request, without anybody who asks.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, StatusCode};

use super::freshness::{Freshness, Times};
use super::variant::Variant;
use super::*;

const POLICY: Policy = Policy { size: 1 << 20, largest: 16 << 10, longest: Duration::from_hours(1) };

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    all.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn key(target: &str) -> Key {
    Key { service: "store", class: [0; 32], target: target.parse().unwrap() }
}

fn stored(cache: &Cache, key: &Key, answer: &HeaderMap, request: &HeaderMap, body: &[u8]) -> Arc<Stored> {
    let now = Instant::now();
    let times = Times { asked: now, came: now, clock: SystemTime::now() };
    let freshness = Freshness::of(answer, POLICY.longest, times).unwrap();
    let variant = Variant::of(answer, request).unwrap();
    let (headers, body, generation) = (answer.clone(), Bytes::copy_from_slice(body), cache.generation(key));
    Arc::new(Stored { status: StatusCode::OK, headers, body, freshness, variant, generation })
}

fn body(cache: &Cache, key: &Key, request: &HeaderMap) -> Result<Bytes, Option<Why>> {
    match cache.look(key, request, &Wants::default(), Instant::now()) {
        Look::Copy(stored, Use::Fresh) => Ok(stored.body.clone()),
        Look::Copy(..) | Look::Pass => Err(None),
        Look::Miss(why) => Err(Some(why)),
    }
}

#[test]
fn a_new_answer_takes_the_place_of_the_one_for_the_same_request_headers() {
    let (cache, key) = (Cache::new("x", POLICY), key("/v1/products"));
    let answer = headers(&[("cache-control", "public, max-age=60"), ("vary", "accept")]);
    let [one, other] = [headers(&[("accept", "one")]), headers(&[("accept", "other")])];
    for (request, body) in [(&one, b"1"), (&other, b"2"), (&one, b"3")] {
        cache.keep(key.clone(), &stored(&cache, &key, &answer, request, body), request);
    }
    assert_eq!((body(&cache, &key, &one), body(&cache, &key, &other)), (Ok("3".into()), Ok("2".into())));
    assert_eq!(body(&cache, &key, &HeaderMap::new()), Err(Some(Why::VaryMiss)));
    cache.changes.count("store", "/v1/products/MUG-BLUE");
    assert_eq!(body(&cache, &key, &one), Err(Some(Why::UriMiss)));
}

#[test]
fn what_came_before_a_change_is_not_there_after_it() {
    let (cache, key) = (Cache::new("x", POLICY), key("/v1/products"));
    let answer = headers(&[("cache-control", "public, max-age=60")]);
    let early = stored(&cache, &key, &answer, &HeaderMap::new(), b"early");
    cache.changes.count("store", "/v1/products");
    cache.keep(key.clone(), &early, &HeaderMap::new());
    assert_eq!(body(&cache, &key, &HeaderMap::new()), Err(Some(Why::UriMiss)));
}

#[test]
fn one_question_is_under_way_at_a_time_and_none_from_before_a_change_is_joined() {
    let (flights, key) = (Flights::default(), key("/v1/products"));
    let lead = flights.join_or_lead(&key, 0).err().unwrap();
    assert!(flights.join_or_lead(&key, 0).is_ok());
    let later = flights.join_or_lead(&key, 1).err().unwrap();
    // The early one has ended, the later one is still under way.
    drop(lead);
    assert!(flights.join_or_lead(&key, 1).is_ok());
    drop(later);
    assert!(flights.join_or_lead(&key, 1).is_err());
}

#[test]
fn the_bound_holds_however_much_comes() {
    let cache = Cache::new("x", POLICY);
    let answer = headers(&[("cache-control", "public, max-age=60")]);
    for nth in 0..2_000 {
        let key = key(&format!("/v1/products/{nth}"));
        cache.keep(key.clone(), &stored(&cache, &key, &answer, &HeaderMap::new(), &[0; 10_000]), &HeaderMap::new());
        cache.pass_for_a_while(&self::key(&format!("/v1/carts/{nth}")), &HeaderMap::new(), Instant::now());
        assert!(cache.entries.weight() <= POLICY.size);
    }
    assert!(cache.entries.len() > 50);
}
