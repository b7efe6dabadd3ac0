//! How a caller is told where it stands: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers, lists
//! of RFC 9651).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::bucket::Rate;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
const MOST: usize = 3;
/// Bytes of one of them: a name of ours and two numbers.
const LONGEST: usize = 64;

/// Where the caller stands after one of the requests that an answer is joined of.
pub fn of_part(headers: &HeaderMap, joined: &mut HeaderMap) {
    for name in [POLICY, STANDING] {
        if let Some(told) = headers.get(&name) {
            joined.insert(name, told.clone());
        }
    }
}

/// What governs a request and how much is left of it. Nothing governs everybody.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    policy: Option<HeaderValue>,
    items: [Option<Item>; MOST],
}

#[derive(Clone, Copy, Debug)]
struct Item {
    name: &'static str,
    left: u64,
    full_in: u64,
}

impl Standing {
    /// Begins anew, under this policy.
    pub fn under(&mut self, policy: Option<&HeaderValue>) {
        *self = Self { policy: policy.cloned(), items: [None; MOST] };
    }

    /// So many requests are left of a limit, and all of them again after this time.
    pub fn note(&mut self, name: &'static str, left: u64, full_in: Duration) {
        // Whole seconds, never too early.
        let full_in = full_in.as_secs().saturating_add(u64::from(full_in.subsec_millis() > 0));
        if let Some(free) = self.items.iter_mut().find(|item| item.is_none()) {
            *free = Some(Item { name, left, full_in });
        }
    }

    /// Says it in an answer's headers, in place of what a service may have said.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let Some(policy) = &self.policy else { return };
        headers.insert(POLICY, policy.clone());
        let (mut text, mut digits) = (Text { bytes: [0; MOST * LONGEST], length: 0 }, itoa::Buffer::new());
        for (nth, item) in self.items.iter().flatten().enumerate() {
            text.say(if nth == 0 { "\"" } else { ", \"" });
            text.say(item.name);
            text.say("\";r=");
            text.say(digits.format(item.left));
            text.say(";t=");
            text.say(digits.format(item.full_in));
        }
        if let Ok(value) = HeaderValue::from_bytes(&text.bytes[..text.length]) {
            headers.insert(STANDING, value);
        }
    }
}

// Nothing but its bytes: what is said with every answer allocates once, as the header.
struct Text {
    bytes: [u8; MOST * LONGEST],
    length: usize,
}

impl Text {
    #[inline]
    fn say(&mut self, part: &str) {
        let end = self.length + part.len();
        // There is room for all.
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(part.as_bytes());
            self.length = end;
        }
    }
}

/// The policy of these limits, by name: quota and window in seconds. `None` if there are none.
pub fn policy(limits: impl IntoIterator<Item = (&'static str, Rate)>) -> Option<HeaderValue> {
    let limits = limits.into_iter().map(|(name, rate)| format!("\"{name}\";q={};w={}", rate.requests, rate.seconds));
    let limits: Vec<_> = limits.collect();
    // Names are ours and numbers are digits.
    (!limits.is_empty()).then(|| HeaderValue::try_from(limits.join(", ")).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_and_standing_are_lists_with_a_member_for_each_limit() {
        let rate = |requests, seconds| Rate { requests, seconds };
        let mut standing = Standing::default();
        standing.under(policy([("client", rate(100, 60)), ("day", rate(5_000, 86_400))]).as_ref());
        standing.note("client", 50, Duration::from_millis(29_001));
        standing.note("day", 4_321, Duration::from_hours(1));
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit", HeaderValue::from_static("\"inside\";r=1;t=1"));
        standing.tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"client\";q=100;w=60, \"day\";q=5000;w=86400");
        assert_eq!(headers["ratelimit"], "\"client\";r=50;t=30, \"day\";r=4321;t=3600");
    }

    #[test]
    fn there_is_room_for_the_longest_that_can_be_said() {
        let mut standing = Standing::default();
        standing.under(policy([("address", Rate { requests: 1, seconds: 1 })]).as_ref());
        for _ in 0..MOST {
            standing.note("address", u64::MAX, Duration::MAX);
        }
        let mut headers = HeaderMap::new();
        standing.tell(&mut headers);
        assert_eq!(headers["ratelimit"], vec![format!("\"address\";r={0};t={0}", u64::MAX); MOST].join(", "));
    }

    #[test]
    fn where_nothing_governs_nothing_is_said() {
        let mut headers = HeaderMap::new();
        let mut standing = Standing::default();
        standing.under(policy([]).as_ref());
        standing.tell(&mut headers);
        assert!(headers.is_empty());
    }
}
