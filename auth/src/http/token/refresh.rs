//! `refresh_token`, with rotation (RFC 6749, section 6; RFC 9700, section 4.14.2).

use crate::{
    App, db,
    domain::{Client, Code, Hash},
    error::Error,
    events,
    http::token::{TokenRequest, TokenResponse, in_any_case, issue, required},
};

/// Redeems a refresh token for an access token and a new refresh token. Of many at once one wins; any further use of
/// it revokes the whole family.
pub async fn rotate(app: &App, client: &Client, request: &TokenRequest) -> Result<TokenResponse, Error> {
    let token = Hash::of(required(request.refresh_token.as_deref(), "refresh_token is required")?);
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let Some(redeemed) = db::redeem_refresh_token(&mut tx, token, &client.client_id, request.key, now).await? else {
        // Ends the transaction first: it may hold what the revocation waits for.
        tx.commit("find refresh token used").await?;
        return Err(in_any_case(refuse(app.clone(), client.client_id.clone(), token)).await?);
    };
    // Refused without a commit: the refresh token stays good.
    let limits = issue::Limits::of(app, client, &redeemed, request, request.scope.as_deref())?;
    let response = issue::under_grant(app, &mut tx, client, redeemed, &limits, now).await?;
    tx.commit("exchange refresh token").await?;
    Ok(response)
}

// One of two holders of the same token is a thief; nobody can tell which.
async fn refuse(app: App, client_id: String, token: Hash) -> Result<Error, Error> {
    let mut tx = app.pool.begin().await?;
    if let Some(grant_id) = db::find_grant_of_used_refresh_token(&mut tx, token, &client_id).await? {
        tracing::warn!(%grant_id, client_id, "a refresh token was used again");
        events::revoke_for_reuse(&mut tx, grant_id, app.clock.now()).await?;
    }
    tx.commit("revoke for refresh token used").await?;
    Ok(Code::InvalidGrant.because("refresh_token is not valid").into())
}
