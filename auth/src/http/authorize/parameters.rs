//! The parameters of the authorization endpoint, described.

/// The parameters of the authorization endpoint.
#[derive(utoipa::IntoParams, utoipa::ToSchema)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Only describes.
pub struct AuthorizationParameters {
    /// Always `code`.
    #[param(example = "code")]
    response_type: String,
    /// The application.
    #[param(example = "demo")]
    client_id: String,
    /// Where to go with the code: exactly as registered; the port of a loopback address may differ (RFC 8252).
    #[param(example = "http://127.0.0.1:49152/callback")]
    redirect_uri: String,
    /// What is asked for. What is granted may be less: what client and user may both have.
    #[param(example = "openid profile order:read order:write")]
    scope: String,
    /// Comes back unchanged.
    state: Option<String>,
    /// Goes into the ID token unchanged.
    nonce: Option<String>,
    /// Base64url of the SHA-256 of the verifier (RFC 7636).
    #[param(example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    code_challenge: String,
    /// Always `S256`.
    #[param(example = "S256")]
    code_challenge_method: String,
    /// `query`, or `form_post`.
    response_mode: Option<String>,
    /// `none`: no page is shown, what is missing is an error. Or any of `login` (the password is asked for in any
    /// case), `consent` (so is the user's consent), `select_account` (as `login`).
    #[param(example = "login")]
    prompt: Option<String>,
    /// How many seconds ago the password may have been checked.
    #[param(example = "3600")]
    max_age: Option<String>,
    /// The name that stands in the login form at first.
    login_hint: Option<String>,
    /// An ID token of this client, expired ones too: its user must be the one who is logged in.
    id_token_hint: Option<String>,
    /// Claims asked for by name (OpenID Connect Core, section 5.5), as JSON.
    #[param(example = "{\"userinfo\": {\"email\": null}}")]
    claims: Option<String>,
    /// The thumbprint of the key that must be proved when the code is redeemed (RFC 9449, section 10).
    dpop_jkt: Option<String>,
    /// What the tokens are to be for (RFC 8707): `{PUBLIC_URL}/api/{service}`. May be there several times. Without it
    /// they are for every service that the scopes allow.
    #[param(example = "http://localhost:8080/api/order")]
    resource: Option<String>,
    /// What a pushed request was answered with (RFC 9126); then only `client_id` stands beside it.
    request_uri: Option<String>,
}
