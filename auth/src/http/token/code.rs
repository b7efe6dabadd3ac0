//! `authorization_code` (RFC 6749, section 4.1.3; RFC 7636, section 4.5).

use crate::{
    App, db,
    domain::{Client, Code, Happened, Hash, SecurityEvent, Verifier},
    error::Error,
    events,
    http::token::{TokenRequest, TokenResponse, in_any_case, issue, required},
};

/// Redeems a code. Of many at once one wins; any further use of it revokes what the first one got.
pub async fn redeem(app: &App, client: &Client, request: &TokenRequest) -> Result<TokenResponse, Error> {
    let code = Hash::of(required(request.code.as_deref(), "code is required")?);
    let redirect_uri = required(request.redirect_uri.as_deref(), "redirect_uri is required")?;
    let verifier = request.code_verifier.as_deref().map(Verifier::parse).transpose()?;
    if client.login.require_pkce && verifier.is_none() {
        return Err(Code::InvalidRequest.because("code_verifier is required (PKCE)").into());
    }
    // None must meet a code that was issued without a challenge, and any other one with it (RFC 9700, section 4.8.2).
    let challenge = verifier.map(|verifier| verifier.challenge());
    let now = app.clock.now();
    let mut tx = app.pool.begin().await?;
    let (client_id, challenge, key) = (client.client_id.as_str(), challenge.as_ref(), request.key);
    let claim = db::Claim { code, client_id, redirect_uri, challenge, key };
    let Some(redeemed) = db::redeem_code(&mut tx, &claim, now).await? else {
        // Ends the transaction first: it may hold what the revocation waits for.
        tx.commit("find code used").await?;
        return Err(in_any_case(refuse(app.clone(), client.client_id.clone(), code)).await?);
    };
    let limits = issue::Limits::of(app, client, &redeemed, request, None)?;
    // Not with the code: a page can ask for any number of codes in silence, and the record is never shortened.
    let granted = SecurityEvent::of_user(Happened::Granted, redeemed.user.id).through(&client.client_id);
    events::record(&mut tx, granted.about(redeemed.grant_id), now).await?;
    let response = issue::under_grant(app, &mut tx, client, redeemed, &limits, now).await?;
    tx.commit("exchange code").await?;
    Ok(response)
}

// A used code in somebody's hands means that it leaked (RFC 6749, section 10.5).
async fn refuse(app: App, client_id: String, code: Hash) -> Result<Error, Error> {
    let mut tx = app.pool.begin().await?;
    if let Some(grant_id) = db::find_grant_of_used_code(&mut tx, code, &client_id).await? {
        tracing::warn!(%grant_id, client_id, "a code was used again");
        events::revoke_for_reuse(&mut tx, grant_id, app.clock.now()).await?;
    }
    tx.commit("revoke for code used").await?;
    Ok(Code::InvalidGrant.because("code, redirect_uri, code_verifier or the proved key is not valid").into())
}
