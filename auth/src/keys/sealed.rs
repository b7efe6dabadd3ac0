//! Keys as they are stored: the private part sealed with AES-256-GCM under the encryption key.

use anyhow::Context;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use time::OffsetDateTime;

use crate::db::SealedKey;

/// Makes a key that signs from then on, sealed with the encryption key.
pub fn generate(encryption_key: &[u8; 32], signs_from: OffsetDateTime) -> anyhow::Result<SealedKey> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let private_key = pair.to_pkcs8v1()?;
    let mut jwk = Jwk::from_encoding_key(&EncodingKey::from_ec_der(private_key.as_ref()), Algorithm::ES256)?;
    let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let sealed_private_key = seal(encryption_key, &kid, private_key.as_ref())?;
    Ok(SealedKey { kid, public_jwk: serde_json::to_value(jwk)?, sealed_private_key, signs_from })
}

fn seal(encryption_key: &[u8; 32], kid: &str, private_key: &[u8]) -> anyhow::Result<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, encryption_key)?;
    let mut sealed = private_key.to_vec();
    // Bound to the kid: a sealed key put into another's row does not open.
    let nonce = key.seal_in_place_append_tag(Aad::from(kid.as_bytes()), &mut sealed)?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

/// The private part.
pub fn open(encryption_key: &[u8; 32], sealed: &SealedKey) -> anyhow::Result<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, encryption_key)?;
    let (nonce, sealed_key) = sealed.sealed_private_key.split_at_checked(NONCE_LEN).context("too short")?;
    let mut opened = sealed_key.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce)?;
    Ok(key.open_in_place(nonce, Aad::from(sealed.kid.as_bytes()), &mut opened)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_opens_only_with_its_own_encryption_key_and_kid() {
        let sealed = generate(&[1; 32], OffsetDateTime::UNIX_EPOCH).unwrap();
        assert!(open(&[1; 32], &sealed).is_ok());
        assert!(open(&[2; 32], &sealed).is_err());
        assert!(open(&[1; 32], &SealedKey { kid: "other".into(), ..sealed.clone() }).is_err());
    }

    #[test]
    fn what_is_published_has_no_private_part() {
        let jwk = generate(&[1; 32], OffsetDateTime::UNIX_EPOCH).unwrap().public_jwk;
        assert_eq!(
            (&jwk["kty"], &jwk["crv"], &jwk["alg"], &jwk["use"]),
            (&"EC".into(), &"P-256".into(), &"ES256".into(), &"sig".into())
        );
        assert!(jwk.get("d").is_none(), "{jwk}");
    }
}
