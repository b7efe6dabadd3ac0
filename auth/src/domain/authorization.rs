//! The request at the authorization endpoint (RFC 6749, section 4.1.1; OpenID Connect Core, section 3.1.2.1).

use serde::{Deserialize, Serialize};

use crate::domain::{Challenge, Client, Code, GrantType, Refusal, Scopes};

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
    pub request: Option<String>,
    pub request_uri: Option<String>,
}

/// A request that has been found right: what to grant, subject to what the user may have.
#[derive(Debug)]
pub struct Authorization {
    /// The requested scopes that this client may have.
    pub scopes: Scopes,
    /// What the client must prove when it redeems the code.
    pub challenge: Challenge,
    /// Goes into the ID token unchanged.
    pub nonce: Option<String>,
}

impl AuthorizationRequest {
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

    /// Checks everything else. A refusal goes back to the client by redirect.
    pub fn check(&self, client: &Client) -> Result<Authorization, Refusal> {
        if self.request.is_some() {
            return Err(Code::RequestNotSupported.because("request objects are not supported"));
        }
        if self.request_uri.is_some() {
            return Err(Code::RequestUriNotSupported.because("request_uri is not supported"));
        }
        match self.response_type.as_deref() {
            Some("code") => {}
            Some(_) => return Err(Code::UnsupportedResponseType.because("response_type must be code")),
            None => return Err(Code::InvalidRequest.because("response_type is required")),
        }
        if self.response_mode.as_deref().is_some_and(|mode| mode != "query") {
            return Err(Code::InvalidRequest.because("response_mode must be query"));
        }
        client.may_use(GrantType::AuthorizationCode)?;
        if self.nonce.as_ref().is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
            return Err(Code::InvalidRequest.because("nonce is too long"));
        }
        let challenge = Challenge::parse(self.code_challenge.as_deref(), self.code_challenge_method.as_deref())?;
        let requested = self.scope.as_deref().ok_or_else(|| Code::InvalidScope.because("scope is required"))?;
        let scopes = client.narrow(Some(&Scopes::parse(requested)?), None)?;
        Ok(Authorization { scopes, challenge, nonce: self.nonce.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Hash;

    fn client() -> Client {
        Client {
            client_id: "demo".into(),
            name: "Demo".into(),
            secret_hash: None,
            grant_types: vec![GrantType::AuthorizationCode],
            redirect_uris: vec!["http://127.0.0.1/callback".into()],
            origins: vec![],
            scopes: Scopes::of(["openid", "order:read"]),
            plan: "free".into(),
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
        assert_eq!(request().check(&client()).unwrap().scopes, Scopes::of(["openid", "order:read"]));
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
            (AuthorizationRequest { scope: None, ..request() }, Code::InvalidScope),
            (AuthorizationRequest { scope: some("accounting:pay"), ..request() }, Code::InvalidScope),
            (AuthorizationRequest { request: some("e30"), ..request() }, Code::RequestNotSupported),
            (AuthorizationRequest { request_uri: some("urn:x"), ..request() }, Code::RequestUriNotSupported),
        ];
        for (request, code) in faults {
            assert_eq!(request.check(&client()).unwrap_err().code, code, "{request:?}");
        }
        let machine = Client { grant_types: vec![GrantType::ClientCredentials], ..client() };
        assert_eq!(request().check(&machine).unwrap_err().code, Code::UnauthorizedClient);
        let confidential = Client { secret_hash: Some(Hash::of("secret")), ..client() };
        let unproven = AuthorizationRequest { code_challenge: None, ..request() };
        assert!(unproven.check(&confidential).is_err(), "a secret does not replace the proof key");
    }
}
