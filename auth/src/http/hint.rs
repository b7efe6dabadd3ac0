//! ID tokens that come back to us as hints (`id_token_hint`). They may have expired: a hint grants nothing.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::Jwk};
use serde::Deserialize;
use uuid::Uuid;

use crate::{App, db, domain::SigningAlgorithm, error::Error};

/// What an ID token of ours says.
pub struct Hint {
    /// Whom it is about.
    pub subject: String,
    /// Whom it was issued to.
    pub client_id: String,
    /// The session in which it was issued, if it was in one.
    pub session_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    aud: String,
    sid: Option<Uuid>,
}

/// Reads an ID token; none if it is not one that we have signed with a key that we still publish.
pub async fn read(app: &App, token: &str) -> Result<Option<Hint>, Error> {
    let Ok(header) = decode_header(token) else { return Ok(None) };
    // Other JWTs of ours have another type: one for a service is no hint.
    if header.typ.as_deref() != Some("JWT") {
        return Ok(None);
    }
    let published = db::list_public_keys(&mut *app.pool.get().await?).await?;
    let mut keys = published.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    let key = keys.find(|key| key.common.key_id == header.kid && header.kid.is_some());
    let Some(key) = key else { return Ok(None) };
    // The key says what it signs with, and not the token.
    let algorithm = SigningAlgorithm::ALL
        .into_iter()
        .map(Algorithm::from)
        .find(|known| *known == header.alg && key.common.key_algorithm == Some((*known).into()));
    let Some((algorithm, key)) = algorithm.zip(DecodingKey::from_jwk(&key).ok()) else { return Ok(None) };
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    // The caller compares the audience; here it is only taken out.
    validation.validate_aud = false;
    validation.set_issuer(&[&*app.issuer]);
    validation.set_required_spec_claims(&["iss", "sub", "aud"]);
    let claims = decode::<Claims>(token, &key, &validation).ok().map(|data| data.claims);
    Ok(claims.map(|it| Hint { subject: it.sub, client_id: it.aud, session_id: it.sid }))
}
