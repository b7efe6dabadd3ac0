//! The request at the authorization endpoint (RFC 6749, section 4.1.1; OpenID Connect Core, section 3.1.2.1).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::domain::{
    Asking, Challenge, Client, Code, GrantType, Hash, Refusal, Resources, Scopes, Wishes, acr, scope_of,
};

const LONGEST_NONCE: usize = 512;

/// The parameters as they came. What is not listed is ignored, as the standard demands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthorizationRequest {
    pub response_type: Option<String>,
    pub client_id: Option<String>,
    pub redirect_uri: Option<String>,
    pub scope: Option<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub response_mode: Option<String>,
    pub login_hint: Option<String>,
    pub id_token_hint: Option<String>,
    pub prompt: Option<String>,
    pub max_age: Option<String>,
    pub claims: Option<String>,
    pub dpop_jkt: Option<String>,
    /// One or more, separated by spaces.
    pub resource: Option<String>,
    pub request: Option<String>,
    pub request_uri: Option<String>,
    /// What it was pushed under, if the client itself sent it (RFC 9126).
    #[serde(skip)]
    pub pushed: Option<Hash>,
}

/// A request that has been found right: what to grant, subject to what the user may have.
#[derive(Debug)]
pub struct Authorization {
    /// The requested scopes that this client may have.
    pub scopes: Scopes,
    /// What the client must prove when it redeems the code. None only if it was let off PKCE.
    pub challenge: Option<Challenge>,
    /// Goes into the ID token unchanged.
    pub nonce: Option<String>,
    /// How the user is to be asked.
    pub asking: Asking,
    /// Who must be logged in, if it matters.
    pub subject: Option<String>,
    /// Claims asked for by name, to stand in the ID token.
    pub id_token_claims: Vec<String>,
    /// Claims asked for by name, to be told at the userinfo endpoint.
    pub userinfo_claims: Vec<String>,
    /// The key that the client must prove when it redeems the code (RFC 9449, section 10).
    pub key: Option<Hash>,
    /// The services that tokens are to be for; none for whatever the scopes allow.
    pub resources: Option<Resources>,
}

impl Authorization {
    /// What the user is asked to allow: the scopes, and those to which claims belong that were asked for by name.
    pub fn to_allow(&self) -> Scopes {
        let named = self.id_token_claims.iter().chain(&self.userinfo_claims);
        let of_names = named.filter_map(|claim| scope_of(claim)).map(str::to_owned).collect::<Vec<_>>();
        self.scopes.or(&of_names.into())
    }
}

/// How the answer gets to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query string of a redirect.
    #[default]
    Query,
    /// In a form that the browser sends (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// Those there are.
    pub const NAMES: [&str; 2] = ["query", "form_post"];
}

impl AuthorizationRequest {
    /// The same, as it was pushed by the client.
    #[must_use]
    pub fn pushed_as(self, reference: Hash) -> Self {
        Self { pushed: Some(reference), ..self }
    }

    /// Where the answer goes. Until this is known to be an address of the client, nothing may be redirected, not even
    /// an error (RFC 6749, section 4.1.2.1): it would make this server an open redirector.
    pub fn destination(&self, client: Option<&Client>) -> Result<&str, Refusal> {
        let client = client.ok_or_else(|| Code::InvalidRequest.because("The application is not known here."))?;
        let uri = self
            .redirect_uri
            .as_deref()
            .ok_or_else(|| Code::InvalidRequest.because("The application did not say where to return to."))?;
        if client.may_redirect_to(uri) {
            return Ok(uri);
        }
        Err(Code::InvalidRequest.because("The application asked to return to an address that is not registered."))
    }

    /// How the answer gets to the client. A mode that there is not is itself answered by query.
    pub fn response_mode(&self) -> Result<ResponseMode, Refusal> {
        match self.response_mode.as_deref() {
            None | Some("query") => Ok(ResponseMode::Query),
            Some("form_post") => Ok(ResponseMode::FormPost),
            Some(_) => Err(Code::InvalidRequest.because("response_mode must be query or form_post")),
        }
    }

    /// Checks everything else. A refusal goes back to the client.
    pub fn check(&self, client: &Client, issuer: &str) -> Result<Authorization, Refusal> {
        if self.request.is_some() {
            return Err(Code::RequestNotSupported.because("request objects are not supported"));
        }
        if self.request_uri.is_some() && self.pushed.is_none() {
            return Err(Code::RequestUriNotSupported.because("request_uri must be one that this server gave out"));
        }
        if client.security.require_par && self.pushed.is_none() {
            return Err(Code::InvalidRequest.because("this client pushes its requests (RFC 9126)"));
        }
        match self.response_type.as_deref() {
            Some("code") => {}
            Some(_) => return Err(Code::UnsupportedResponseType.because("response_type must be code")),
            None => return Err(Code::InvalidRequest.because("response_type is required")),
        }
        self.response_mode()?;
        client.may_use(GrantType::AuthorizationCode)?;
        if self.nonce.as_ref().is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
            return Err(Code::InvalidRequest.because("nonce is too long"));
        }
        let challenge = self.challenge(client)?;
        let requested = self.scope.as_deref().ok_or_else(|| Code::InvalidScope.because("scope is required"))?;
        let resources = client.narrow_resources(Resources::parse(self.resource.as_deref(), issuer)?)?;
        let requested = Scopes::parse(requested)?;
        let requested = resources.as_ref().map_or_else(|| requested.clone(), |only| only.narrow(&requested));
        let scopes = client.narrow(Some(&requested), None)?;
        let asking = Asking::parse(self.prompt.as_deref(), self.max_age.as_deref())?;
        let wishes = Wishes::parse(self.claims.as_deref())?;
        wishes.check_acr(&acr(issuer))?;
        let (id_token_claims, userinfo_claims) = wishes.named_for(client);
        let subject = wishes.subject()?.map(str::to_owned);
        let (nonce, key) = (self.nonce.clone(), self.key()?);
        Ok(Authorization {
            scopes,
            challenge,
            nonce,
            asking,
            subject,
            id_token_claims,
            userinfo_claims,
            key,
            resources,
        })
    }

    fn key(&self) -> Result<Option<Hash>, Refusal> {
        let Some(text) = &self.dpop_jkt else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| Hash::stored(&bytes));
        bytes.map(Some).ok_or_else(|| Code::InvalidRequest.because("dpop_jkt is not the base64url of a SHA-256"))
    }

    // A client that need not prove anything may: then it must.
    fn challenge(&self, client: &Client) -> Result<Option<Challenge>, Refusal> {
        let (challenge, method) = (self.code_challenge.as_deref(), self.code_challenge_method.as_deref());
        if challenge.is_none() && method.is_none() && !client.login.require_pkce {
            return Ok(None);
        }
        Challenge::parse(challenge, method).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{LoginRules, SecurityProfile};

    const ISSUER: &str = "https://shop.example/auth";

    fn client() -> Client {
        Client {
            client_id: "demo".into(),
            grant_types: vec![GrantType::AuthorizationCode],
            redirect_uris: vec!["http://127.0.0.1/callback".into()],
            scopes: Scopes::of(["openid", "order:read"]),
            ..Client::default()
        }
    }

    fn request() -> AuthorizationRequest {
        let some = |text: &str| Some(text.to_owned());
        AuthorizationRequest {
            response_type: some("code"),
            client_id: some("demo"),
            redirect_uri: some("http://127.0.0.1:9/callback"),
            scope: some("openid order:read accounting:pay"),
            code_challenge: some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            code_challenge_method: some("S256"),
            ..AuthorizationRequest::default()
        }
    }

    #[test]
    fn a_right_request_asks_for_what_the_client_may_have() {
        assert_eq!(request().destination(Some(&client())).unwrap(), "http://127.0.0.1:9/callback");
        assert_eq!(request().check(&client(), ISSUER).unwrap().scopes, Scopes::of(["openid", "order:read"]));
    }

    #[test]
    fn without_a_known_client_and_a_registered_address_there_is_nowhere_to_go() {
        assert!(request().destination(None).is_err());
        for uri in [None, Some("https://evil.example/callback".to_owned())] {
            let request = AuthorizationRequest { redirect_uri: uri, ..request() };
            assert!(request.destination(Some(&client())).is_err());
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        let some = |text: &str| Some(text.to_owned());
        let faults = [
            (AuthorizationRequest { response_type: None, ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { response_type: some("token"), ..request() }, Code::UnsupportedResponseType),
            (AuthorizationRequest { code_challenge: None, ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { code_challenge_method: some("plain"), ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { response_mode: some("fragment"), ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { nonce: Some("n".repeat(600)), ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { dpop_jkt: some("short"), ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { scope: None, ..request() }, Code::InvalidScope),
            (AuthorizationRequest { scope: some("accounting:pay"), ..request() }, Code::InvalidScope),
            (AuthorizationRequest { request: some("e30"), ..request() }, Code::RequestNotSupported),
            (AuthorizationRequest { request_uri: some("urn:x"), ..request() }, Code::RequestUriNotSupported),
            (AuthorizationRequest { prompt: some("none login"), ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { max_age: some("-1"), ..request() }, Code::InvalidRequest),
            (AuthorizationRequest { claims: some("[]"), ..request() }, Code::InvalidRequest),
        ];
        for (request, code) in faults {
            assert_eq!(request.check(&client(), ISSUER).unwrap_err().code, code, "{request:?}");
        }
        let pushing = SecurityProfile { require_par: true, ..SecurityProfile::default() };
        let pushing = Client { security: pushing, ..client() };
        assert_eq!(request().check(&pushing, ISSUER).unwrap_err().code, Code::InvalidRequest);
        assert!(request().pushed_as(Hash::of("urn")).check(&pushing, ISSUER).is_ok());
        let machine = Client { grant_types: vec![GrantType::ClientCredentials], ..client() };
        assert_eq!(request().check(&machine, ISSUER).unwrap_err().code, Code::UnauthorizedClient);
        let confidential = Client { secret_hash: Some(Hash::of("secret")), ..client() };
        let unproven = AuthorizationRequest { code_challenge: None, ..request() };
        assert!(unproven.check(&confidential, ISSUER).is_err(), "a secret does not replace the proof key");
    }

    #[test]
    fn a_client_that_is_let_off_the_proof_key_may_leave_it_out_but_not_half_of_it() {
        let lenient = Client { login: LoginRules { require_pkce: false, ..LoginRules::default() }, ..client() };
        assert!(request().check(&lenient, ISSUER).unwrap().challenge.is_some());
        let without = AuthorizationRequest { code_challenge: None, code_challenge_method: None, ..request() };
        assert!(without.check(&lenient, ISSUER).unwrap().challenge.is_none());
        assert!(without.check(&client(), ISSUER).is_err());
        let half = AuthorizationRequest { code_challenge: None, ..request() };
        assert!(half.check(&lenient, ISSUER).is_err());
    }

    #[test]
    fn a_claim_asked_for_by_name_is_to_be_allowed_like_its_scope() {
        let client = Client { scopes: Scopes::of(["openid", "email", "phone"]), ..client() };
        let claims = Some(r#"{"userinfo": {"email": null}, "id_token": {"phone_number": null}}"#.to_owned());
        let authorization = AuthorizationRequest { claims, ..request() }.check(&client, ISSUER).unwrap();
        assert_eq!(authorization.to_allow(), Scopes::of(["email", "openid", "phone"]));
    }
}
