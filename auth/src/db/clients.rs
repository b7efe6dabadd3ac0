//! Clients.

use database::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{
    AuthenticationMethod, Client, GrantType, Hash, LoginRules, Resources, SecurityProfile, Signing, SigningAlgorithm,
};

/// The client with this id.
pub async fn find_client(db: &mut PgConnection, client_id: &str) -> Result<Option<Client>> {
    let row = sqlx::query!(
        r#"SELECT client_id, name, secret_hash, grant_types, redirect_uris, origins, scopes, plan, require_pkce,
             asks_consent, post_logout_redirect_uris, backchannel_logout_uri, backchannel_logout_session_required,
             authentication_method, jwks, jwks_uri, resources, require_par, dpop_bound,
             introspects_others, id_token_signed_response_alg, introspection_signed_response_alg,
             registration_hash IS NOT NULL AS "registered_itself!"
         FROM client WHERE client_id = $1 AND disabled_at IS NULL"#,
        client_id
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let method = row.authentication_method.as_deref().map(AuthenticationMethod::parse);
    if method == Some(None) {
        // A newer program has let it in; for this one it is nobody, and never one that needs no credentials.
        tracing::warn!(client_id, "a client that says who it is in a way that is not known here");
        return Ok(None);
    }
    let method = method.flatten();
    Ok(Some(Client {
        client_id: row.client_id,
        name: row.name,
        secret_hash: row.secret_hash.as_deref().and_then(Hash::stored).filter(|_| !signs(method)),
        grant_types: row.grant_types.iter().filter_map(|name| GrantType::parse(name)).collect(),
        redirect_uris: row.redirect_uris,
        origins: row.origins,
        scopes: row.scopes.into(),
        plan: row.plan,
        login: LoginRules {
            require_pkce: row.require_pkce,
            asks_consent: row.asks_consent,
            post_logout_redirect_uris: row.post_logout_redirect_uris,
            backchannel_logout_uri: row.backchannel_logout_uri,
            backchannel_logout_session_required: row.backchannel_logout_session_required,
        },
        security: SecurityProfile {
            method,
            jwks: row.jwks,
            jwks_uri: row.jwks_uri,
            require_par: row.require_par,
            dpop_bound: row.dpop_bound,
            introspects_others: row.introspects_others,
        },
        signing: Signing {
            id_token: SigningAlgorithm::parse(&row.id_token_signed_response_alg).unwrap_or_default(),
            introspection: SigningAlgorithm::parse(&row.introspection_signed_response_alg).unwrap_or_default(),
        },
        resources: Resources::stored(row.resources),
        registered_itself: row.registered_itself,
    }))
}

/// Makes the client what it is to be, whether or not it was there. Inside a transaction: it takes two statements.
pub async fn upsert_client(db: &mut PgConnection, client: &Client, now: OffsetDateTime) -> Result<()> {
    // The program before this one takes who has no secret for a public client.
    let unusable = || Hash::from(rand::random::<[u8; 32]>());
    let secret_hash = client.secret_hash.or_else(|| signs(client.security.method).then(unusable));
    let resources = client.resources.as_ref().map(Resources::to_vec);
    let grant_types: Vec<_> = client.grant_types.iter().map(|grant_type| grant_type.as_str().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO client
             (client_id, name, secret_hash, grant_types, redirect_uris, origins, scopes, plan, created_at,
              authentication_method, jwks, require_par, dpop_bound, introspects_others,
              id_token_signed_response_alg, introspection_signed_response_alg, jwks_uri, resources)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (client_id) DO UPDATE SET
             name = excluded.name, secret_hash = excluded.secret_hash, grant_types = excluded.grant_types,
             redirect_uris = excluded.redirect_uris, origins = excluded.origins, scopes = excluded.scopes,
             plan = excluded.plan, authentication_method = excluded.authentication_method, jwks = excluded.jwks,
             require_par = excluded.require_par, dpop_bound = excluded.dpop_bound,
             introspects_others = excluded.introspects_others,
             id_token_signed_response_alg = excluded.id_token_signed_response_alg,
             introspection_signed_response_alg = excluded.introspection_signed_response_alg,
             jwks_uri = excluded.jwks_uri, resources = excluded.resources",
        client.client_id,
        client.name,
        secret_hash.as_ref().map(Hash::as_bytes),
        &grant_types,
        &client.redirect_uris,
        &client.origins,
        &client.scopes.to_vec(),
        client.plan,
        now,
        client.security.method.map(AuthenticationMethod::as_str),
        client.security.jwks,
        client.security.require_par,
        client.security.dpop_bound,
        client.security.introspects_others,
        client.signing.id_token.as_str(),
        client.signing.introspection.as_str(),
        client.security.jwks_uri,
        resources.as_deref(),
    )
    .execute(&mut *db)
    .await?;
    update_login_rules(db, &client.client_id, &client.login).await
}

fn signs(method: Option<AuthenticationMethod>) -> bool {
    method == Some(AuthenticationMethod::PrivateKeyJwt)
}

async fn update_login_rules(db: &mut PgConnection, client_id: &str, login: &LoginRules) -> Result<()> {
    sqlx::query!(
        "UPDATE client SET require_pkce = $2, asks_consent = $3, post_logout_redirect_uris = $4,
             backchannel_logout_uri = $5, backchannel_logout_session_required = $6
         WHERE client_id = $1",
        client_id,
        login.require_pkce,
        login.asks_consent,
        &login.post_logout_redirect_uris,
        login.backchannel_logout_uri,
        login.backchannel_logout_session_required,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether pages of a public client come from this origin.
pub async fn is_registered_origin(db: &mut PgConnection, origin: &str) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (
             SELECT FROM client WHERE secret_hash IS NULL AND disabled_at IS NULL AND $1 = ANY (origins)) AS "known!""#,
        origin
    );
    Ok(known.fetch_one(db).await?)
}
