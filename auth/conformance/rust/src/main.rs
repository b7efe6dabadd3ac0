//! `openidconnect`: discovery, a login with every check of the ID token, userinfo, refresh. Speaks with
//! `cargo retail conformance` in lines of JSON, as the scripts beside it do.

mod suite;

use anyhow::{Context, Result, ensure};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClientId, ClientName, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, TokenResponse,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientRegistrationRequest, CoreGenderClaim, CoreJwsSigningAlgorithm,
        CoreProviderMetadata, CoreTokenResponse, CoreUserInfoClaims,
    },
    registration::EmptyAdditionalClientMetadata,
};

use suite::{REDIRECT, Suite, parameter, send};

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

struct Begun {
    callback: String,
    verifier: PkceCodeVerifier,
    nonce: Nonce,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut suite = Suite::hear()?;
    let outcome = log_in(&mut suite).await;
    let name = "logins pass every check of the ID token, of ES256 and of RS256, and userinfo is about the same user";
    suite.check(name, outcome);
    let outcome = refresh(&mut suite).await;
    suite.check("a refresh token is good once", outcome);
    let outcome = other_nonce(&mut suite).await;
    suite.check("an ID token for another nonce is refused", outcome);
    let outcome = registers(&mut suite).await;
    suite.check("a client registers itself (RFC 7591) and users log in at it", outcome);
    Ok(())
}

async fn discovered(suite: &Suite, client: &str) -> Result<Client> {
    let issuer = IssuerUrl::new(suite.text("/issuer"))?;
    let metadata = CoreProviderMetadata::discover_async(issuer, &send).await?;
    let secret = suite.found(&format!("/clients/{client}/secret")).map(ClientSecret::new);
    let id = ClientId::new(suite.text(&format!("/clients/{client}/id")));
    Ok(CoreClient::from_provider_metadata(metadata, id, secret)
        .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned())?))
}

fn begun(suite: &mut Suite, client: &Client) -> Result<Begun> {
    suite.forget()?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["email", "offline_access"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let callback = suite.comes_back(url.as_str(), "alice")?;
    ensure!(parameter(&callback, "state").as_ref() == Some(state.secret()), "another state: {callback}");
    Ok(Begun { callback, verifier, nonce })
}

async fn redeemed(client: &Client, callback: &str, verifier: PkceCodeVerifier) -> Result<CoreTokenResponse> {
    let code = parameter(callback, "code").with_context(|| format!("no code in {callback}"))?;
    let request = client.exchange_code(AuthorizationCode::new(code))?.set_pkce_verifier(verifier);
    Ok(request.request_async(&send).await?)
}

async fn log_in(suite: &mut Suite) -> Result<()> {
    for (name, expected) in
        [("app", CoreJwsSigningAlgorithm::EcdsaP256Sha256), ("web", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256)]
    {
        let client = discovered(suite, name).await?;
        let Begun { callback, verifier, nonce } = begun(suite, &client)?;
        let tokens = redeemed(&client, &callback, verifier).await?;
        let id_token = tokens.id_token().context("no ID token")?;
        let checks = client.id_token_verifier();
        let claims = id_token.claims(&checks, &nonce)?;
        ensure!(claims.subject().as_str() == suite.text("/users/alice"), "another user: {claims:?}");
        let (algorithm, key) = (id_token.signing_alg()?, id_token.signing_key(&checks)?);
        ensure!(*algorithm == expected, "{name} gets {algorithm:?}");
        let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)?;
        ensure!(claims.access_token_hash() == Some(&hash), "another access token: {claims:?}");
        let user = client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?;
        let user: CoreUserInfoClaims = user.request_async(&send).await?;
        ensure!(user.email().is_some_and(|it| it.as_str() == "alice@example.com"), "{user:?}");
        let _: Option<&CoreGenderClaim> = user.gender();
    }
    Ok(())
}

async fn refresh(suite: &mut Suite) -> Result<()> {
    let client = discovered(suite, "web").await?;
    let Begun { callback, verifier, .. } = begun(suite, &client)?;
    let tokens = redeemed(&client, &callback, verifier).await?;
    let spent = tokens.refresh_token().context("no refresh token")?;
    let next = client.exchange_refresh_token(spent)?.request_async(&send).await?;
    let next = next.refresh_token().context("no successor")?;
    ensure!(next.secret() != spent.secret(), "not rotated");
    for token in [spent, next] {
        let again = client.exchange_refresh_token(token)?.request_async(&send).await;
        ensure!(again.is_err_and(|error| format!("{error:?}").contains("invalid_grant")), "good after reuse");
    }
    Ok(())
}

async fn registers(suite: &mut Suite) -> Result<()> {
    let metadata = CoreProviderMetadata::discover_async(IssuerUrl::new(suite.text("/issuer"))?, &send).await?;
    let redirect = RedirectUrl::new(REDIRECT.to_owned())?;
    let request = CoreClientRegistrationRequest::new(vec![redirect.clone()], EmptyAdditionalClientMetadata::default())
        .set_client_name(Some([(None, ClientName::new("Registered".to_owned()))].into_iter().collect()))
        .set_initial_access_token(Some(AccessToken::new(suite.text("/initial_access_token"))));
    let endpoint = metadata.registration_endpoint().context("no registration endpoint")?;
    let registered = request.register_async(endpoint, &send).await?;
    let algorithm = registered.id_token_signed_response_alg();
    ensure!(algorithm == Some(&CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256), "{algorithm:?}");
    ensure!(registered.registration_access_token().is_some() && registered.registration_client_uri().is_some());
    let (id, secret) = (registered.client_id().clone(), registered.client_secret().cloned());
    let client = CoreClient::from_provider_metadata(metadata, id, secret).set_redirect_uri(redirect);
    let Begun { callback, verifier, nonce } = begun(suite, &client)?;
    let tokens = redeemed(&client, &callback, verifier).await?;
    let claims = tokens.id_token().context("no ID token")?.claims(&client.id_token_verifier(), &nonce)?;
    ensure!(claims.subject().as_str() == suite.text("/users/alice"), "another user: {claims:?}");
    Ok(())
}

async fn other_nonce(suite: &mut Suite) -> Result<()> {
    let client = discovered(suite, "app").await?;
    let Begun { callback, verifier, .. } = begun(suite, &client)?;
    let tokens = redeemed(&client, &callback, verifier).await?;
    let id_token = tokens.id_token().context("no ID token")?;
    let claims = id_token.claims(&client.id_token_verifier(), &Nonce::new_random());
    ensure!(claims.is_err(), "taken: {claims:?}");
    Ok(())
}
