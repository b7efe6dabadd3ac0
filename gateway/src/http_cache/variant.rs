//! Which requests an answer is for, of those to the same resource (RFC 9111, section 4.1).

use http::{HeaderMap, HeaderName, header};

/// The request headers that the answer depends on, and what they said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant(Vec<(HeaderName, Option<Vec<u8>>)>);

impl Variant {
    /// Of this answer to this request. `None`: it is for nobody else.
    pub fn of(answer: &HeaderMap, request: &HeaderMap) -> Option<Self> {
        let mut names = Vec::new();
        for line in answer.get_all(header::VARY) {
            for name in line.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                // `*` is no name either.
                names.push(HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| *name != "*")?);
            }
        }
        // Every caller has another.
        if names.contains(&header::AUTHORIZATION) {
            return None;
        }
        names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        Some(Self(names.into_iter().map(|name| (name.clone(), said(request, &name))).collect()))
    }

    /// Whether this request says the same.
    pub fn matches(&self, request: &HeaderMap) -> bool {
        self.0.iter().all(|(name, value)| said(request, name) == *value)
    }
}

// One list, whatever the lines and the white space between its members.
fn said(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    Some(members.collect::<Vec<_>>().join(&b","[..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn an_answer_is_for_requests_that_say_the_same() {
        let german = headers(&[("accept-language", "de, en"), ("accept", "a/b")]);
        let variant = Variant::of(&headers(&[("vary", "Accept-Language"), ("vary", "accept-language, x")]), &german);
        let variant = variant.unwrap();
        assert!(variant.matches(&german));
        assert!(variant.matches(&headers(&[("accept-language", "de"), ("accept-language", " en ")])));
        for other in [&[][..], &[("accept-language", "en")], &[("accept-language", "de, en"), ("x", "")]] {
            assert!(!variant.matches(&headers(other)), "{other:?}");
        }
    }

    #[test]
    fn what_depends_on_anything_or_on_the_token_is_for_nobody_else() {
        for vary in ["*", "accept, *", "Authorization", "a b"] {
            assert_eq!(Variant::of(&headers(&[("vary", vary)]), &HeaderMap::new()), None, "{vary}");
        }
        assert!(Variant::of(&HeaderMap::new(), &HeaderMap::new()).unwrap().matches(&headers(&[("accept", "x")])));
    }

    proptest! {
        #[test]
        fn an_answer_is_for_another_request_just_when_each_header_that_counts_is_the_same(
            vary in proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3),
            one in proptest::collection::vec(proptest::option::of("[xy]{0,2}"), 3),
            other in proptest::collection::vec(proptest::option::of("[xy]{0,2}"), 3),
        ) {
            let request = |values: &[Option<String>]| {
                let named = ["a", "b", "c"].into_iter().zip(values);
                let said: Vec<_> = named.filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
                headers(&said)
            };
            let answer = headers(&vary.iter().map(|name| ("vary", *name)).collect::<Vec<_>>());
            let same = (0..3).all(|nth| !vary.contains(&["a", "b", "c"][nth]) || one[nth] == other[nth]);
            prop_assert_eq!(Variant::of(&answer, &request(&one)).unwrap().matches(&request(&other)), same);
        }
    }
}
