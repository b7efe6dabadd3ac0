//! What this service announces. It reacts to nothing.

use std::net::IpAddr;

use contracts::auth::{SecurityRecorded, TokensRevoked};
use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db,
    domain::{Happened, Hash, SecurityEvent, subject_of_client},
};

/// Hashes that one announcement holds at the most: some 70 KiB.
const REVOKED_AT_ONCE: usize = 1_000;

/// Records what whoever watches over the suite should know, and announces it. Inside the transaction that makes it true.
pub async fn record(db: &mut PgConnection, event: SecurityEvent, now: OffsetDateTime) -> Result<()> {
    let id = Uuid::now_v7();
    db::insert_security_event(db, id, &event, now).await?;
    let SecurityEvent { happened, subject, client_id, grant_id, by, .. } = event;
    let kind = happened.as_str();
    tracing::info!(kind, subject, client_id, by, "security event");
    let (id, grant_id) = (id.to_string(), grant_id.map(|id| id.to_string()));
    let recorded = SecurityRecorded { id, kind: kind.to_owned(), subject, client_id, grant_id, by };
    messaging::announce(db, &recorded, now).await
}

/// Announces access tokens that died before their time. Inside the transaction in which they did.
pub async fn announce_revoked(db: &mut PgConnection, of: &str, tokens: &[Vec<u8>], now: OffsetDateTime) -> Result<()> {
    if tokens.is_empty() {
        return Ok(());
    }
    let batches = tokens
        .chunks(REVOKED_AT_ONCE)
        .map(|batch| TokensRevoked { token_hashes: batch.iter().map(hex::encode).collect(), grant_id: of.to_owned() });
    messaging::announce_all(db, &batches.collect::<Vec<_>>(), now).await
}

/// Revokes a grant with everything issued under it, and announces the access tokens that die with it. Inside a
/// transaction.
pub async fn revoke_grant(db: &mut PgConnection, grant_id: Uuid, now: OffsetDateTime) -> Result<()> {
    end_grant(db, grant_id, Happened::Revoked, now).await
}

/// The same, because a code or refresh token of it was used again: one of two who hold it is a thief.
pub async fn revoke_for_reuse(db: &mut PgConnection, grant_id: Uuid, now: OffsetDateTime) -> Result<()> {
    end_grant(db, grant_id, Happened::Reuse, now).await
}

async fn end_grant(db: &mut PgConnection, grant_id: Uuid, why: Happened, now: OffsetDateTime) -> Result<()> {
    // Nothing lives under a grant that was revoked before.
    let Some(ended) = db::revoke_grant(db, grant_id, now).await? else { return Ok(()) };
    announce_revoked(db, &grant_id.to_string(), &ended.access_tokens, now).await?;
    let event = SecurityEvent::of_user(why, ended.user_id).through(&ended.client_id).about(grant_id);
    record(db, event, now).await
}

/// Revokes one access token, and announces it if it was alive. Inside a transaction.
pub async fn revoke_access_token(db: &mut PgConnection, token: Hash, now: OffsetDateTime) -> Result<()> {
    let Some(revoked) = db::revoke_access_token(db, token, now).await? else { return Ok(()) };
    // A client that acts for itself has no grant: its token is an aggregate of its own.
    let of = revoked.grant_id.map_or_else(|| hex::encode(token.as_bytes()), |id| id.to_string());
    announce_revoked(db, &of, &[token.as_bytes().to_vec()], now).await?;
    let subject = revoked.user_id.map_or_else(|| subject_of_client(&revoked.client_id), |id| id.to_string());
    let event =
        SecurityEvent { subject: Some(subject), grant_id: revoked.grant_id, ..SecurityEvent::of(Happened::Revoked) };
    record(db, event.through(&revoked.client_id), now).await
}

/// Ends sessions, with what was granted in them for as long as their user is there, and has those clients told that want
/// to be. Inside a transaction.
pub async fn end_sessions(
    db: &mut PgConnection,
    sessions: &[Uuid],
    address: Option<IpAddr>,
    now: OffsetDateTime,
) -> Result<()> {
    if sessions.is_empty() {
        return Ok(());
    }
    let mut users = db::delete_sessions(db, sessions).await?;
    users.sort_unstable();
    users.dedup();
    for user_id in &users {
        record(db, SecurityEvent::of_user(Happened::Logout, *user_id).from(address), now).await?;
    }
    // After the sessions: a grant under way in one was waited for.
    db::insert_logouts(db, sessions, now).await?;
    let Some(user_id) = users.first() else { return Ok(()) };
    let grants = db::revoke_grants_of_sessions(db, sessions, now).await?;
    if !end_tokens(db, *user_id, &grants, now).await?.is_empty() {
        record(db, SecurityEvent::of_user(Happened::Revoked, *user_id).from(address), now).await?;
    }
    Ok(())
}

// By set, and announced in few pieces: a session or a client may have gathered any number of grants.
async fn end_tokens(
    db: &mut PgConnection,
    user_id: Uuid,
    grants: &[Uuid],
    now: OffsetDateTime,
) -> Result<Vec<Vec<u8>>> {
    let ended = db::revoke_tokens_of_grants(db, grants, now).await?;
    announce_revoked(db, &format!("user:{user_id}"), &ended, now).await?;
    Ok(ended)
}

/// Takes back what a user has allowed a client, with everything granted on its ground. Inside a transaction.
pub async fn withdraw_consent(
    db: &mut PgConnection,
    user_id: Uuid,
    client_id: &str,
    address: Option<IpAddr>,
    now: OffsetDateTime,
) -> Result<()> {
    db::delete_consent(db, user_id, client_id).await?;
    let grants = db::revoke_grants_to(db, user_id, client_id, now).await?;
    end_tokens(db, user_id, &grants, now).await?;
    let withdrawn = SecurityEvent::of_user(Happened::ConsentWithdrawn, user_id).through(client_id);
    record(db, withdrawn.from(address), now).await
}

/// Ends everything of a user. Inside the transaction that shut the user out or lets the user in again.
pub async fn end_user(db: &mut PgConnection, user_id: Uuid, now: OffsetDateTime) -> Result<()> {
    // Sessions twice: grants under way hold theirs, and logins under way have yet to open one.
    let sessions = db::list_session_ids(db, user_id).await?;
    end_sessions(db, &sessions, None, now).await?;
    db::await_user(db, user_id).await?;
    let sessions = db::list_session_ids(db, user_id).await?;
    end_sessions(db, &sessions, None, now).await?;
    let ended = db::revoke_grants_of_user(db, user_id, now).await?;
    announce_revoked(db, &format!("user:{user_id}"), &ended, now).await
}

/// Ends everything that a client was given. Inside the transaction that shut it out, or takes it out.
pub async fn end_client(db: &mut PgConnection, client_id: &str, now: OffsetDateTime) -> Result<()> {
    let ended = db::revoke_tokens_of_client(db, client_id, now).await?;
    announce_revoked(db, &subject_of_client(client_id), &ended, now).await
}
