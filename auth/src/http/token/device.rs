//! `device_code` (RFC 8628, section 3.4): a device asks again and again, until somebody has decided elsewhere.

use crate::{
    App, db,
    domain::{Client, Happened, Hash, SecurityEvent, Waiting},
    error::Error,
    events,
    http::token::{TokenRequest, TokenResponse, in_any_case, issue, required},
};

/// Redeems a device code that was allowed. Of many at once one wins; any further use of it revokes what the first one got.
pub async fn redeem(app: &App, client: &Client, request: &TokenRequest) -> Result<TokenResponse, Error> {
    let code = Hash::of(required(request.device_code.as_deref(), "device_code is required")?);
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let Some(redeemed) = db::redeem_device_code(&mut tx, code, &client.client_id, now).await? else {
        // Ends the transaction first: it may hold what a revocation waits for.
        drop(tx);
        return Err(in_any_case(refuse(app.clone(), client.client_id.clone(), code)).await?);
    };
    let limits = issue::Limits::of(app, client, &redeemed, request, None)?;
    let granted = SecurityEvent::of_user(Happened::Granted, redeemed.user.id).through(&client.client_id);
    events::record(&mut tx, granted.about(redeemed.grant_id), now).await?;
    let response = issue::under_grant(app, &mut tx, client, redeemed, &limits, now).await?;
    tx.commit("exchange device code").await?;
    Ok(response)
}

async fn refuse(app: App, client_id: String, code: Hash) -> Result<Error, Error> {
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let waiting = db::poll_device(&mut tx, code, &client_id, now).await?;
    if let Some(grant_id) = waiting.as_ref().and_then(|waiting| waiting.used_for) {
        tracing::warn!(%grant_id, client_id, "a device code was used again");
        events::revoke_for_reuse(&mut tx, grant_id, now).await?;
    }
    tx.commit("poll device").await?;
    Ok(waiting.map_or_else(Waiting::unknown, |waiting| waiting.refusal(now)).into())
}
