//! What the cache keeps, for how long, and what it forgets.

use super::*;

const STORE: &str = "store";
const ORDER: &str = "order";

fn key(token: u8, audience: &'static str) -> Key {
    Key { token: [token; 32], audience }
}

fn granted(seconds: u64) -> Answer {
    Answer::Granted {
        authorization: HeaderValue::from_static("Bearer a.b.c"),
        expires_in: Duration::from_secs(seconds),
        claims: Arc::default(),
    }
}

fn lead(cache: &Cache, key: Key, now: Instant) -> (Lead, Flight) {
    match cache.look(key, now) {
        Look::Lead(lead, flight) => (lead, flight),
        Look::Hit(_) | Look::Join(_) => panic!("expected nobody to have asked"),
    }
}

fn is_hit(cache: &Cache, key: Key, now: Instant) -> bool {
    matches!(cache.look(key, now), Look::Hit(_))
}

#[tokio::test]
async fn those_who_come_while_a_question_is_under_way_get_its_answer() {
    let (cache, now) = (Cache::new(Limits::default()), Instant::now());
    let (leader, first) = lead(&cache, key(1, STORE), now);
    let Look::Join(second) = cache.look(key(1, STORE), now) else { panic!("expected to join") };
    cache.land(leader, granted(60), now);
    assert_eq!(first.answer().await, Some(granted(60)));
    assert_eq!(second.answer().await, Some(granted(60)));
    assert!(is_hit(&cache, key(1, STORE), now));
}

#[tokio::test]
async fn a_leader_that_vanishes_leaves_no_one_waiting() {
    let (cache, now) = (Cache::new(Limits::default()), Instant::now());
    let (leader, flight) = lead(&cache, key(1, STORE), now);
    drop(leader);
    assert_eq!(flight.answer().await, None);
    lead(&cache, key(1, STORE), now);
}

#[test]
fn each_audience_is_a_question_of_its_own() {
    let (cache, now) = (Cache::new(Limits::default()), Instant::now());
    let (leader, _) = lead(&cache, key(1, STORE), now);
    cache.land(leader, granted(60), now);
    lead(&cache, key(1, ORDER), now);
}

#[test]
fn an_entry_ends_before_its_jwt_and_after_a_minute_at_most() {
    for (jwt_lives, entry_lives) in [(60, 55), (20, 15), (3_600, 60)] {
        let (cache, now) = (Cache::new(Limits::default()), Instant::now());
        let (leader, _) = lead(&cache, key(1, STORE), now);
        cache.land(leader, granted(jwt_lives), now);
        assert!(is_hit(&cache, key(1, STORE), now + Duration::from_secs(entry_lives - 1)));
        assert!(!is_hit(&cache, key(1, STORE), now + Duration::from_secs(entry_lives)));
    }
}

#[test]
fn a_refusal_is_kept_briefly_and_silence_not_at_all() {
    let (cache, now) = (Cache::new(Limits::default()), Instant::now());
    let (leader, _) = lead(&cache, key(1, STORE), now);
    cache.land(leader, Answer::Refused, now);
    assert!(is_hit(&cache, key(1, STORE), now + Duration::from_secs(2)));
    assert!(!is_hit(&cache, key(1, STORE), now + Duration::from_secs(3)));

    let (leader, _) = lead(&cache, key(2, STORE), now);
    cache.land(leader, Answer::Unavailable, now);
    lead(&cache, key(2, STORE), now);
}

#[test]
fn a_flood_of_bad_tokens_neither_grows_the_cache_nor_evicts_good_ones() {
    let limits = Limits { refused: 160, ..Limits::default() };
    let (cache, now) = (Cache::new(limits), Instant::now());
    let (leader, _) = lead(&cache, key(1, STORE), now);
    cache.land(leader, granted(60), now);
    for n in 0..5_000_u32 {
        let mut token = [7; 32];
        token[..4].copy_from_slice(&n.to_le_bytes());
        let key = Key { token, audience: STORE };
        let (leader, _) = lead(&cache, key, now);
        cache.land(leader, Answer::Refused, now);
    }
    let (good, bad) = cache.size();
    assert!(good == 1 && bad <= 160, "{good} good, {bad} bad");
    assert!(is_hit(&cache, key(1, STORE), now));
}

#[test]
fn a_forgotten_token_is_gone_for_every_audience_and_no_other_is() {
    let (cache, now) = (Cache::new(Limits::default()), Instant::now());
    for key in [key(1, STORE), key(1, ORDER), key(17, STORE)] {
        let (leader, _) = lead(&cache, key, now);
        cache.land(leader, granted(60), now);
    }
    cache.forget(&[1; 32]);
    assert!(!is_hit(&cache, key(1, STORE), now));
    assert!(!is_hit(&cache, key(1, ORDER), now));
    assert!(is_hit(&cache, key(17, STORE), now));
}

#[test]
fn an_answer_from_before_a_revocation_is_not_kept_after_it() {
    let (cache, now) = (Cache::new(Limits::default()), Instant::now());
    let (early, _) = lead(&cache, key(1, STORE), now);
    cache.forget(&[1; 32]);
    // Asked again after the revocation, and answered before the early question.
    let (late, _) = lead(&cache, key(1, STORE), now);
    cache.land(early, granted(60), now);
    assert!(matches!(cache.look(key(1, STORE), now), Look::Join(_)));
    cache.land(late, Answer::Refused, now);
    let Look::Hit(answer) = cache.look(key(1, STORE), now) else { panic!("expected the later answer") };
    assert_eq!(answer, Answer::Refused);
}

#[test]
fn without_revocations_entries_are_short_lived_and_each_change_empties() {
    let (cache, now) = (Cache::new(Limits::default()), Instant::now());
    let keep = |token| {
        let (leader, _) = lead(&cache, key(token, STORE), now);
        cache.land(leader, granted(60), now);
    };
    keep(1);
    let (early, _) = lead(&cache, key(9, STORE), now);
    cache.hears_revocations(false);
    cache.land(early, granted(60), now);
    assert_eq!(cache.size(), (0, 0));
    keep(1);
    assert!(!is_hit(&cache, key(1, STORE), now + Duration::from_secs(5)));
    cache.hears_revocations(true);
    assert_eq!(cache.size(), (0, 0));
}
