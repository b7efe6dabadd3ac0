//! What is known of users.

use database::Result;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{Hash, PostalAddress, Profile};

/// What is known of a user.
pub async fn find_profile(db: &mut PgConnection, user_id: Uuid) -> Result<Option<Profile>> {
    let row = sqlx::query!(
        "SELECT id, username, name, given_name, family_name, email, email_verified, phone_number,
             phone_number_verified, street_address, postal_code, locality, country, updated_at
         FROM end_user WHERE id = $1",
        user_id,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Profile {
        id: row.id,
        username: row.username,
        name: row.name,
        given_name: row.given_name,
        family_name: row.family_name,
        email: row.email,
        email_verified: row.email_verified,
        phone_number: row.phone_number,
        phone_number_verified: row.phone_number_verified,
        address: match (row.street_address, row.postal_code, row.locality, row.country) {
            (Some(street), Some(code), Some(locality), Some(country)) => {
                Some(PostalAddress::of(street, code, locality, country))
            }
            _ => None,
        },
        updated_at: row.updated_at,
    }))
}

/// The claims that were asked for by name, to be told against this access token.
pub async fn list_userinfo_claims(db: &mut PgConnection, token: Hash) -> Result<Vec<String>> {
    let claims = sqlx::query_scalar!(
        "SELECT g.userinfo_claims FROM access_token t JOIN authorization_grant g ON g.id = t.grant_id
         WHERE t.token_hash = $1",
        token.as_bytes(),
    );
    Ok(claims.fetch_optional(db).await?.unwrap_or_default())
}
