//! Signing keys: ES256, made on first start, kept in the database with the private part encrypted.

use anyhow::Context;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use database::Pool;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    db::{self, SealedKey},
    domain::{AccessClaims, Happened, IdClaims, SecurityEvent},
    error::Error,
    events,
};

/// Signs JWTs with the newest key.
pub struct Signer {
    kid: String,
    key: EncodingKey,
}

impl Signer {
    /// Takes the newest key from the database and opens it with the encryption key; makes one if there is none.
    pub async fn open(pool: &Pool, encryption_key: &[u8; 32], now: OffsetDateTime) -> anyhow::Result<Self> {
        let mut tx = pool.begin().await?;
        // Several instances that start at the same time make one key.
        db::lock_keys(&mut tx).await?;
        let newest = if let Some(key) = db::list_keys(&mut tx).await?.into_iter().next() {
            key
        } else {
            let key = generate(encryption_key)?;
            db::insert_key(&mut tx, &key, now).await?;
            events::record(&mut tx, SecurityEvent::of(Happened::KeyMade).because(&key.kid), now).await?;
            key
        };
        tx.commit("make signing key").await?;
        let private_key = open(encryption_key, &newest)
            .context("the signing key does not open with KEY_ENCRYPTION_KEY: it was sealed with another one")?;
        Ok(Self { kid: newest.kid, key: EncodingKey::from_ec_der(&private_key) })
    }

    /// Signs a JWT for a service (RFC 9068, section 2.1: `typ` is `at+jwt`).
    pub fn access_token(&self, claims: &AccessClaims) -> Result<String, Error> {
        self.sign("at+jwt", claims)
    }

    /// Signs an ID token.
    pub fn id_token(&self, claims: &IdClaims) -> Result<String, Error> {
        self.sign("JWT", claims)
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, Error> {
        let header = Header { typ: Some(typ.to_owned()), kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.key).map_err(Error::Sign)
    }
}

fn generate(encryption_key: &[u8; 32]) -> anyhow::Result<SealedKey> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
    let private_key = pair.to_pkcs8v1()?;
    let mut jwk = Jwk::from_encoding_key(&EncodingKey::from_ec_der(private_key.as_ref()), Algorithm::ES256)?;
    let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let sealed_private_key = seal(encryption_key, &kid, private_key.as_ref())?;
    Ok(SealedKey { kid, public_jwk: serde_json::to_value(jwk)?, sealed_private_key })
}

fn seal(encryption_key: &[u8; 32], kid: &str, private_key: &[u8]) -> anyhow::Result<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, encryption_key)?;
    let mut sealed = private_key.to_vec();
    // Bound to the kid: a sealed key put into another's row does not open.
    let nonce = key.seal_in_place_append_tag(Aad::from(kid.as_bytes()), &mut sealed)?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

fn open(encryption_key: &[u8; 32], sealed: &SealedKey) -> anyhow::Result<Vec<u8>> {
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
        let sealed = generate(&[1; 32]).unwrap();
        assert!(open(&[1; 32], &sealed).is_ok());
        assert!(open(&[2; 32], &sealed).is_err());
        assert!(open(&[1; 32], &SealedKey { kid: "other".into(), ..sealed }).is_err());
    }

    #[test]
    fn what_is_published_has_no_private_part() {
        let jwk = generate(&[1; 32]).unwrap().public_jwk;
        assert_eq!(
            (&jwk["kty"], &jwk["crv"], &jwk["alg"], &jwk["use"]),
            (&"EC".into(), &"P-256".into(), &"ES256".into(), &"sig".into())
        );
        assert!(jwk.get("d").is_none(), "{jwk}");
    }
}
