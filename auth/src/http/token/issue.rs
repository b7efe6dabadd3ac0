//! What is issued under a grant: an access token, with `offline_access` a refresh token, with `openid` an ID token.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    App,
    db::{self, NewToken},
    domain::{
        ACCESS_TOKEN_LIFETIME, Client, GrantType, Hash, IdClaims, Login, Redeemed, Resources, Scopes, Secret,
        UserClaims, token_type,
    },
    error::Error,
    http::token::{TokenRequest, TokenResponse},
};

/// What an access token is limited to.
pub struct Limits {
    pub scopes: Scopes,
    /// The key that it is bound to.
    pub key: Option<Hash>,
    /// The services that it is for, if not all.
    pub resources: Option<Resources>,
}

impl Limits {
    /// Those of a token that is issued for what was redeemed: what the request asks for, and never more than
    /// was granted.
    pub fn of(
        app: &App,
        client: &Client,
        redeemed: &Redeemed,
        request: &TokenRequest,
        scope: Option<&str>,
    ) -> Result<Self, Error> {
        let requested = scope.map(Scopes::parse).transpose()?;
        let asked = Resources::parse(request.resource.as_deref(), &app.issuer)?;
        let granted = Resources::left(redeemed.resources.clone(), client.resources.as_ref())?;
        let resources = Resources::within(asked, granted.as_ref())?;
        let scopes = redeemed.narrow(client, requested.as_ref(), resources.as_ref())?;
        Ok(Self { scopes, key: request.key, resources })
    }
}

/// Issues tokens within these limits, in the transaction that redeemed the code or refresh token.
pub async fn under_grant(
    app: &App,
    db: &mut PgConnection,
    client: &Client,
    redeemed: Redeemed,
    limits: &Limits,
    now: OffsetDateTime,
) -> Result<TokenResponse, Error> {
    let access_token = Secret::access_token(rand::random());
    let (grant_id, client_id) = (redeemed.grant_id, client.client_id.as_str());
    let Limits { scopes, key, resources } = limits;
    let (token, key, resources) = (access_token.hash(), *key, resources.as_ref());
    let new = NewToken { token, grant_id: Some(grant_id), client_id, scopes, key, resources };
    db::insert_access_token(db, &new, now).await?;
    // By what was granted and not by what this token is narrowed to: the family goes on.
    let goes_on = redeemed.scopes.contains("offline_access") && client.may_use(GrantType::RefreshToken).is_ok();
    let refresh_token = goes_on.then(|| Secret::refresh_token(rand::random()));
    if let Some(token) = &refresh_token {
        // A client that authenticates itself is bound by that, and may change its key (RFC 9449, section 5).
        let bound_to = key.filter(|_| !client.is_confidential());
        db::insert_refresh_token(db, token.hash(), grant_id, (client_id, bound_to), now).await?;
    }
    Ok(TokenResponse {
        access_token: access_token.reveal().to_owned(),
        token_type: token_type(key),
        expires_in: ACCESS_TOKEN_LIFETIME.whole_seconds(),
        scope: scopes.to_string(),
        refresh_token: refresh_token.map(|token| token.reveal().to_owned()),
        id_token: id_token(app, db, client, redeemed, scopes, &access_token, now).await?,
        ..TokenResponse::default()
    })
}

async fn id_token(
    app: &App,
    db: &mut PgConnection,
    client: &Client,
    redeemed: Redeemed,
    scopes: &Scopes,
    access_token: &Secret,
    now: OffsetDateTime,
) -> Result<Option<String>, Error> {
    if !scopes.contains("openid") {
        return Ok(None);
    }
    let named = &redeemed.id_token_claims;
    // What scopes allow is told at the userinfo endpoint (OpenID Connect Core, section 5.4): ID tokens come back as
    // hints, in addresses that others log.
    let profile = if named.is_empty() { None } else { db::find_profile(db, redeemed.user.id).await? };
    let user = profile.map_or_else(
        || UserClaims::subject(redeemed.user.id),
        |profile| UserClaims::of(&profile, &Scopes::default(), named),
    );
    let Redeemed { authenticated_at, session_id, nonce, .. } = redeemed;
    let login = Login { authenticated_at, session_id, nonce, now };
    let claims = IdClaims::new(&app.issuer, &client.client_id, user, access_token.reveal(), login);
    app.signer.id_token(client.signing.id_token, &claims).map(Some)
}
