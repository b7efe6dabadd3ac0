//! Keys as they are stored: the private part sealed with AES-256-GCM under the encryption key.

use anyhow::Context;
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    encoding::AsDer,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use time::OffsetDateTime;

use crate::{db::SealedKey, domain::SigningAlgorithm};

/// Makes a key that signs from then on, sealed with the encryption key. Of RSA that takes a core for a tenth of a second or
/// several.
pub fn generate(
    encryption_key: &[u8; 32],
    algorithm: SigningAlgorithm,
    signs_from: OffsetDateTime,
) -> anyhow::Result<SealedKey> {
    let private_key = match algorithm {
        SigningAlgorithm::Es256 => {
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?.to_pkcs8v1()?.as_ref().to_vec()
        }
        SigningAlgorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048)?.as_der()?.as_ref().to_vec(),
    };
    let mut jwk = Jwk::from_encoding_key(&usable(algorithm, &private_key)?, algorithm.into())?;
    let kid = jwk.thumbprint(ThumbprintHash::SHA256)?;
    jwk.common.key_id = Some(kid.clone());
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    let sealed_private_key = seal(encryption_key, &kid, &private_key)?;
    Ok(SealedKey { algorithm, kid, public_jwk: serde_json::to_value(jwk)?, sealed_private_key, signs_from })
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Es256 => Self::ES256,
            SigningAlgorithm::Rs256 => Self::RS256,
        }
    }
}

// The JWT library takes PKCS#8 of RSA only as PEM.
fn usable(algorithm: SigningAlgorithm, pkcs8: &[u8]) -> anyhow::Result<EncodingKey> {
    Ok(match algorithm {
        SigningAlgorithm::Es256 => EncodingKey::from_ec_der(pkcs8),
        SigningAlgorithm::Rs256 => {
            let text = STANDARD.encode(pkcs8);
            EncodingKey::from_rsa_pem(
                format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n").as_bytes(),
            )?
        }
    })
}

fn seal(encryption_key: &[u8; 32], kid: &str, private_key: &[u8]) -> anyhow::Result<Vec<u8>> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, encryption_key)?;
    let mut sealed = private_key.to_vec();
    // Bound to the kid: a sealed key put into another's row does not open.
    let nonce = key.seal_in_place_append_tag(Aad::from(kid.as_bytes()), &mut sealed)?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

/// The private part, as it signs.
pub fn open(encryption_key: &[u8; 32], sealed: &SealedKey) -> anyhow::Result<EncodingKey> {
    let key = RandomizedNonceKey::new(&AES_256_GCM, encryption_key)?;
    let (nonce, sealed_key) = sealed.sealed_private_key.split_at_checked(NONCE_LEN).context("too short")?;
    let mut opened = sealed_key.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce)?;
    usable(sealed.algorithm, key.open_in_place(nonce, Aad::from(sealed.kid.as_bytes()), &mut opened)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(algorithm: SigningAlgorithm) -> SealedKey {
        generate(&[1; 32], algorithm, OffsetDateTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_sealed_key_opens_only_with_its_own_encryption_key_and_kid() {
        for algorithm in SigningAlgorithm::ALL {
            let sealed = made(algorithm);
            assert!(open(&[1; 32], &sealed).is_ok());
            assert!(open(&[2; 32], &sealed).is_err());
            assert!(open(&[1; 32], &SealedKey { kid: "other".into(), ..sealed.clone() }).is_err());
        }
    }

    #[test]
    fn what_is_published_has_no_private_part() {
        let (ec, rsa) = (made(SigningAlgorithm::Es256).public_jwk, made(SigningAlgorithm::Rs256).public_jwk);
        assert_eq!(
            (&ec["kty"], &ec["crv"], &ec["alg"], &ec["use"]),
            (&"EC".into(), &"P-256".into(), &"ES256".into(), &"sig".into())
        );
        assert_eq!((&rsa["kty"], &rsa["alg"], &rsa["use"]), (&"RSA".into(), &"RS256".into(), &"sig".into()));
        for jwk in [ec, rsa] {
            let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
            assert!(private.iter().all(|name| jwk.get(name).is_none()), "{jwk}");
        }
    }

    #[test]
    fn an_rsa_key_has_2048_bits() {
        let jwk = made(SigningAlgorithm::Rs256).public_jwk;
        let modulus = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
        assert!(modulus.len() == 256 && modulus[0] >= 0x80, "{jwk}");
    }
}
