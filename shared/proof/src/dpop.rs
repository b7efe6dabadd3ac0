//! DPoP proofs (RFC 9449, section 4.3), all but the memory of which were used.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::{Fault, Jws, Thumbprint, url};

/// How old a proof may be, in seconds. For so long its use must be remembered.
const OLDEST: i64 = 60;
/// How far ahead of ours the clock of a client may go, in seconds.
pub const AHEAD: i64 = 10;
/// A proof can be used for so many seconds from when it was made, at the latest.
pub const LATEST: i64 = OLDEST + 1;

/// The request that a proof must have been made for.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a str,
    /// As the client knows it; a query does not matter.
    pub url: &'a str,
    /// The access token that the request carries, where it carries one.
    pub token: Option<&'a str>,
    /// In seconds since 1970.
    pub now: i64,
}

/// A proof that is right, if it was not used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key that is proved.
    pub key: Thumbprint,
    /// The same for each use of this proof, and of no other.
    pub id: [u8; 32],
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// What it repeats of what it was asked to. Not looked at here.
    pub nonce: Option<String>,
}

/// The proof that a request carries. Two are none (section 4.3, check 1).
pub fn only_header(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let mut sent = headers.get_all("dpop").iter();
    let Some(first) = sent.next() else { return Ok(None) };
    if sent.next().is_some() {
        return Err(Fault("more than one DPoP header"));
    }
    first.to_str().map(Some).map_err(|_| Fault("the DPoP header is no text"))
}

/// Checks a proof against the request that it came with.
pub fn check(proof: &str, call: &Call) -> Result<Proof, Fault> {
    let jws = Jws::parse(proof)?;
    if jws.header("typ") != Some("dpop+jwt") {
        return Err(Fault("typ must be dpop+jwt"));
    }
    let key = jws.key()?;
    let claims = jws.verify(&key)?;
    if claims.text("htm")? != call.method {
        return Err(Fault("htm is not the method of the request"));
    }
    if !url::same(claims.text("htu")?, call.url) {
        return Err(Fault("htu is not the address of the request"));
    }
    let made_at = claims.time("iat")?.ok_or(Fault("iat is missing"))?;
    if !(-AHEAD..=OLDEST).contains(&(call.now - made_at)) {
        return Err(Fault("iat is too long ago or ahead"));
    }
    if call.token.is_some_and(|token| claims.text("ath") != Ok(&token_hash(token))) {
        return Err(Fault("ath is not the hash of the access token"));
    }
    let key = key.thumbprint();
    let nonce = claims.text("nonce").ok().map(str::to_owned);
    Ok(Proof { key, id: id(key, claims.text("jti")?), made_at, nonce })
}

fn token_hash(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

// Of the key too: who reuses the id of another's proof keeps that from nothing.
fn id(key: Thumbprint, jti: &str) -> [u8; 32] {
    Sha256::new().chain_update(key.0).chain_update(jti).finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use testkit::Holder;
    use time::OffsetDateTime;

    use super::*;

    const NOW: i64 = 1_795_262_400;
    const CALL: Call<'_> = Call { method: "POST", url: "https://x.example/token", token: None, now: NOW };

    type Change<'a> = &'a dyn Fn(&mut Value, &mut Value);

    fn proof(holder: &Holder, token: Option<&str>, change: impl Fn(&mut Value, &mut Value)) -> String {
        let at = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
        holder.proof_with(CALL.method, CALL.url, token, at, |header, claims| {
            claims["jti"] = json!("j-1");
            change(header, claims);
        })
    }

    #[test]
    fn a_right_proof_proves_its_key() {
        let (one, other) = (Holder::new(), Holder::new());
        let first = check(&proof(&one, None, |_, _| ()), &CALL).unwrap();
        assert_eq!(first, check(&proof(&one, None, |_, _| ()), &CALL).unwrap(), "signed anew");
        let others = check(&proof(&other, None, |_, _| ()), &CALL).unwrap();
        assert!(others.key != first.key && others.id != first.id);
        assert_ne!(check(&proof(&one, None, |_, claims| claims["jti"] = json!("j-2")), &CALL).unwrap().id, first.id);
    }

    #[test]
    fn every_deviation_is_refused() {
        let one = Holder::new();
        let other = Holder::new().jwk();
        let changes: [(&str, Change<'_>); 14] = [
            ("typ", &|header, _| header["typ"] = json!("JWT")),
            ("no typ", &|header, _| header["typ"] = Value::Null),
            ("crit", &|header, _| header["crit"] = json!(["x"])),
            ("another's key", &|header, _| header["jwk"] = other.clone()),
            ("a private key", &|header, _| header["jwk"]["d"] = json!("AA")),
            ("another alg", &|header, _| header["alg"] = json!("EdDSA")),
            ("htm", &|_, claims| claims["htm"] = json!("GET")),
            ("htm in lower case", &|_, claims| claims["htm"] = json!("post")),
            ("htu", &|_, claims| claims["htu"] = json!("https://x.example/other")),
            ("no jti", &|_, claims| claims["jti"] = Value::Null),
            ("an empty jti", &|_, claims| claims["jti"] = json!("")),
            ("no iat", &|_, claims| _ = claims.as_object_mut().unwrap().remove("iat")),
            ("too old", &|_, claims| claims["iat"] = json!(NOW - 61)),
            ("too far ahead", &|_, claims| claims["iat"] = json!(NOW + 11)),
        ];
        for (name, change) in changes {
            assert!(check(&proof(&one, None, change), &CALL).is_err(), "{name}");
        }
        for iat in [NOW - 60, NOW - 10, NOW + 10] {
            assert!(check(&proof(&one, None, |_, claims| claims["iat"] = json!(iat)), &CALL).is_ok(), "{iat}");
        }
        let signed = proof(&one, None, |_, _| ());
        let tampered = signed.replacen('.', ".e30", 1);
        assert!(check(&tampered, &CALL).is_err());
    }

    #[test]
    fn with_a_token_its_hash_must_be_signed_too() {
        let one = Holder::new();
        let call = Call { token: Some("rat_1"), ..CALL };
        assert!(check(&proof(&one, None, |_, _| ()), &call).is_err());
        assert!(check(&proof(&one, Some("rat_2"), |_, _| ()), &call).is_err());
        assert!(check(&proof(&one, Some("rat_1"), |_, _| ()), &call).is_ok());
    }

    #[test]
    fn each_algorithm_is_taken_under_each_of_its_names() {
        for algorithm in ["ES256", "EdDSA", "PS256", "RS256"] {
            let one = Holder::of(algorithm);
            let taken = check(&proof(&one, None, |_, _| ()), &CALL).unwrap();
            assert_eq!(taken.key.to_string(), one.thumbprint());
        }
        let named_anew = proof(&Holder::of("EdDSA"), None, |header, _| header["alg"] = json!("Ed25519"));
        assert!(check(&named_anew, &CALL).is_ok());
        let other_padding = proof(&Holder::of("RS256"), None, |header, _| header["alg"] = json!("PS256"));
        assert!(check(&other_padding, &CALL).is_err());
    }

    #[test]
    fn two_proofs_are_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(only_header(&headers), Ok(None));
        headers.append("dpop", "a".parse().unwrap());
        assert_eq!(only_header(&headers), Ok(Some("a")));
        headers.append("dpop", "a".parse().unwrap());
        assert!(only_header(&headers).is_err());
    }
}
