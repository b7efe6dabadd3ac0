//! Clients that have yet to be told that a session ended.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{Logout, SigningAlgorithm};

/// Notes for each client that was granted something in one of these sessions and wants to be told, that it ended. Inside
/// the transaction that ends them.
pub async fn insert_logouts(db: &mut PgConnection, sessions: &[Uuid], now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "INSERT INTO backchannel_logout (id, client_id, user_id, session_id, due_at)
         SELECT gen_random_uuid(), told.client_id, told.user_id, told.session_id, $2 FROM (
             SELECT DISTINCT g.client_id, g.user_id, g.session_id FROM authorization_grant g
             JOIN client c ON c.client_id = g.client_id AND c.backchannel_logout_uri IS NOT NULL
             WHERE g.session_id = ANY ($1)) AS told",
        sessions,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether somebody is to be told now.
pub async fn is_logout_due(db: &mut PgConnection, now: OffsetDateTime) -> Result<bool> {
    let due =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM backchannel_logout WHERE due_at <= $1) AS "due!""#, now);
    Ok(due.fetch_one(db).await?)
}

/// How many can be told now.
pub struct Room {
    pub all: i64,
    /// Of them, and of those that are being told, no more of one client.
    pub per_client: i64,
    /// How many are being told already, by client.
    pub told: Vec<(String, i64)>,
}

/// Takes up those that are due, as many as there is room for: of each client one before any has two, who took all that it
/// was told before who did not, the longest due first. If nothing is heard of one it comes back: after half a minute, which is longer than anybody waits for an answer,
/// a minute and a half, and so on. Those that another instance takes up are skipped.
pub async fn take_up_logouts(db: &mut PgConnection, room: &Room, now: OffsetDateTime) -> Result<Vec<Logout>> {
    let (clients, told): (Vec<_>, Vec<_>) = room.told.iter().cloned().unzip();
    // `failed`: an attempt was made at more than are being told.
    let taken = sqlx::query!(
        r#"UPDATE backchannel_logout l
         SET attempts = attempts + 1, due_at = $1 + make_interval(secs => 30 * power(3, l.attempts))
         FROM client c
         WHERE c.client_id = l.client_id AND l.id IN (
             SELECT due.id
             FROM client each
             LEFT JOIN unnest($4::text[], $5::bigint[]) AS busy (client_id, told) ON busy.client_id = each.client_id
             CROSS JOIN LATERAL (
                 SELECT id, due_at, coalesce(busy.told, 0) + row_number() OVER (ORDER BY due_at) AS nth FROM (
                     SELECT id, due_at FROM backchannel_logout
                     WHERE client_id = each.client_id AND due_at <= $1
                     ORDER BY due_at LIMIT greatest($3 - coalesce(busy.told, 0), 0) FOR UPDATE SKIP LOCKED) AS locked
             ) AS due
             CROSS JOIN LATERAL (
                 SELECT EXISTS (
                     SELECT FROM backchannel_logout WHERE client_id = each.client_id AND attempts > 0
                     OFFSET coalesce(busy.told, 0)) AS failed
             ) AS before
             ORDER BY due.nth, before.failed, due.due_at LIMIT $2)
         RETURNING l.id, l.client_id, coalesce(c.backchannel_logout_uri, '') AS "uri!", l.user_id, l.session_id,
             l.attempts, c.id_token_signed_response_alg, c.registration_hash IS NOT NULL AS "named_by_client!""#,
        now,
        room.all,
        room.per_client,
        &clients,
        &told,
    );
    let taken = taken.fetch_all(db).await?.into_iter().map(|row| Logout {
        id: row.id,
        client_id: row.client_id,
        uri: row.uri,
        named_by_client: row.named_by_client,
        algorithm: SigningAlgorithm::parse(&row.id_token_signed_response_alg).unwrap_or_default(),
        user_id: row.user_id,
        session_id: row.session_id,
        attempts: row.attempts,
    });
    Ok(taken.collect())
}

/// Takes one out: the client knows, or will never.
pub async fn delete_logout(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("DELETE FROM backchannel_logout WHERE id = $1", id).execute(db).await?;
    Ok(())
}
