//! Made-up proofs: each is refused, or says what the request says. `cargo retail fuzz-auth` runs these for as long as it
//! is told.

use std::sync::LazyLock;

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};
use testkit::Holder;
use time::OffsetDateTime;

use crate::{Call, Jws, check};

const NOW: i64 = 1_795_262_400;
const CALL: Call<'_> = Call { method: "POST", url: "https://x.example/auth/token", token: Some("rat_1"), now: NOW };

static HOLDER: LazyLock<Holder> = LazyLock::new(Holder::new);
static RIGHT: LazyLock<String> = LazyLock::new(|| {
    let at = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
    HOLDER.proof_with(CALL.method, CALL.url, CALL.token, at, |_, _| ())
});

/// What a claim or a member of the header may hold instead.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (NOW - 100..NOW + 100).prop_map(Value::from),
        select(vec!["POST", "GET", "post", "", "DPOP+JWT", "JWT", "ES256", "none", "RS256"]).prop_map(Value::from),
        select(vec![
            "https://x.example/auth/token?q#f",
            "HTTPS://X.example:443/auth/%74oken",
            "http://x.example/auth/token",
            "https://u@x.example/auth/token",
            "https://x.example/auth//token",
            "https://x.example/auth/token/",
            "//x.example"
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        vec(any::<u8>(), 0..3).prop_map(|it| json!(it)),
        Just(json!({"kty": "EC", "crv": "P-256", "x": "", "y": ""})),
    ]
}

proptest! {
    /// A proof of which a single byte is another than was signed proves nothing.
    #[test]
    fn a_dpop_proof(edits in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4)) {
        prop_assert!(check(&RIGHT, &CALL).is_ok());
        let mut bytes = RIGHT.clone().into_bytes();
        for (at, byte, how) in edits {
            let at = at.index(bytes.len());
            let byte = *b"ABCDEFGHabcdefgh0123456789-_.=+/ \0~{}\"".get(usize::from(byte) % 45).unwrap_or(&byte);
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Ok(changed) = String::from_utf8(bytes) && changed != *RIGHT {
            prop_assert!(check(&changed, &CALL).is_err(), "{}", changed);
        }
    }

    /// What is signed rightly but says something else is refused.
    #[test]
    fn what_a_dpop_proof_says(changes in vec((select(vec!["htm", "htu", "iat", "jti", "ath", "exp"]), odd()), 0..3),
        header in prop::option::of((select(vec!["typ", "alg", "jwk", "crit", "kid"]), odd()))) {
        let at = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        let mut said = Value::Null;
        let proof = HOLDER.proof_with(CALL.method, CALL.url, CALL.token, at, |head, claims| {
            for (name, value) in changes {
                claims[name] = value;
            }
            if let Some((name, value)) = header {
                head[name] = value;
            }
            said = json!([head, claims]);
        });
        if let Ok(proof) = check(&proof, &CALL) {
            let [head, claims] = [&said[0], &said[1]];
            prop_assert_eq!((&head["typ"], &head["jwk"], &claims["htm"]), (&json!("dpop+jwt"), &HOLDER.jwk(), &json!("POST")));
            prop_assert!(head.get("crit").is_none() && claims["jti"].as_str().is_some_and(|it| !it.is_empty()), "{}", said);
            prop_assert!((NOW - 60..=NOW + 10).contains(&proof.made_at), "{}", said);
            let url = claims["htu"].as_str().unwrap().split(['?', '#']).next().unwrap().to_ascii_lowercase();
            let url = url.replace(":443/", "/").replace("%74", "t");
            prop_assert_eq!(url, CALL.url);
        }
    }

    /// Anything between two dots is a JWT that is understood or refused.
    #[test]
    fn a_jwt(header in odd(), claims in odd(), alg in odd(), tail in ".{0,40}") {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        for header in [header, json!({"alg": alg, "typ": claims}), json!({"alg": "ES256", "jwk": claims})] {
            let text = format!("{}.{}.{tail}", part(&header), part(&json!({"iat": alg, "aud": claims, "sub": header})));
            if let Ok(jws) = Jws::parse(&text) {
                let _ = jws.unverified().map(|claims| {
                    let _ = (claims.text("sub").is_ok(), claims.time("iat").is_ok(), claims.audience().is_ok());
                });
                prop_assert!(jws.key().and_then(|key| jws.verify(&key).map(|_| ())).is_err());
            }
        }
    }
}
