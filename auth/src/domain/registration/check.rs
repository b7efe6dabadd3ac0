//! What of what a client says of itself may be, and what goes beyond what it is allowed.

use crate::domain::{
    Allowance, AuthenticationMethod, Client, Code, GrantType, LoginRules, Refusal, Registration, Resources, Scopes,
    SecurityProfile, Signing, SigningAlgorithm, origin_as_sent, registrable,
};

const MOST_URIS: usize = 20;
const LONGEST_NAME: usize = 100;
const MOST_KEYS: usize = 10;

impl Registration {
    /// The client that is to be, without its secret. Refuses what cannot be, and what goes beyond the allowance.
    /// Whether its addresses may be called is another question.
    pub fn check(&self, client_id: &str, most: &Allowance, issuer: &str) -> Result<Client, Refusal> {
        self.refuse_what_is_not_supported()?;
        let grant_types = self.grant_types(most)?;
        let method = self.method(&grant_types)?;
        let with_users = grant_types.contains(&GrantType::AuthorizationCode);
        if self.response_types.as_ref().is_some_and(|types| types.iter().any(|it| it != "code")) {
            return Err(wrong("response_types may hold code only"));
        }
        self.check_uris(with_users)?;
        let name = self.client_name.as_deref().unwrap_or(client_id);
        if !is_one_line(name) || name.chars().count() > LONGEST_NAME {
            return Err(wrong("client_name must be one line of 100 characters at the most, none of them unseen"));
        }
        let public = method == AuthenticationMethod::None;
        let pages = self.redirect_uris.iter().filter(|uri| public && uri.starts_with("https://"));
        let security = SecurityProfile {
            method: Some(method),
            jwks: self.jwks.clone(),
            jwks_uri: self.jwks_uri.clone(),
            require_par: self.require_pushed_authorization_requests.unwrap_or(false),
            dpop_bound: self.dpop_bound_access_tokens.unwrap_or(false),
            introspects_others: false,
        };
        Ok(Client {
            client_id: client_id.to_owned(),
            name: name.to_owned(),
            secret_hash: None,
            grant_types,
            redirect_uris: self.redirect_uris.clone(),
            origins: pages.map(|uri| origin_as_sent(uri)).collect(),
            scopes: self.scopes(most)?,
            plan: "free".to_owned(),
            login: LoginRules {
                post_logout_redirect_uris: self.post_logout_redirect_uris.clone(),
                backchannel_logout_uri: self.backchannel_logout_uri.clone(),
                backchannel_logout_session_required: self.backchannel_logout_session_required.unwrap_or(false),
                ..LoginRules::default()
            },
            signing: self.signing(&security)?,
            resources: self.resources(issuer)?,
            registered_itself: true,
            security,
        })
    }

    fn refuse_what_is_not_supported(&self) -> Result<(), Refusal> {
        if self.backchannel_logout_session_required.unwrap_or(false) && self.backchannel_logout_uri.is_none() {
            return Err(wrong("backchannel_logout_session_required goes with backchannel_logout_uri"));
        }
        if self.subject_type.as_deref().is_some_and(|subject_type| subject_type != "public") {
            return Err(wrong("subject_type must be public"));
        }
        Ok(())
    }

    fn grant_types(&self, most: &Allowance) -> Result<Vec<GrantType>, Refusal> {
        let default = [GrantType::AuthorizationCode.as_str().to_owned()];
        let names = self.grant_types.as_deref().unwrap_or(&default);
        let mut types = Vec::new();
        for name in names {
            let known = GrantType::parse(name).ok_or_else(|| wrong("grant_types holds one that is not known"))?;
            if !most.grant_types.contains(&known) {
                return Err(wrong("grant_types holds one that is not allowed with this token"));
            }
            if !types.contains(&known) {
                types.push(known);
            }
        }
        if types.is_empty() { Err(wrong("grant_types is empty")) } else { Ok(types) }
    }

    fn method(&self, grant_types: &[GrantType]) -> Result<AuthenticationMethod, Refusal> {
        let name = self.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
        let method = AuthenticationMethod::parse(name);
        let method = method.ok_or_else(|| wrong("token_endpoint_auth_method is not known"))?;
        let signs = method == AuthenticationMethod::PrivateKeyJwt;
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return Err(wrong("jwks and jwks_uri exclude each other"));
        }
        // Who does not sign may register keys as well: they are kept and used for nothing.
        if signs && self.jwks.is_none() && self.jwks_uri.is_none() {
            return Err(wrong("private_key_jwt takes jwks or jwks_uri"));
        }
        let keys = self.jwks.as_ref().map(|jwks| jwks["keys"].as_array().map_or(0, Vec::len));
        if keys.is_some_and(|keys| keys == 0 || keys > MOST_KEYS) {
            return Err(wrong("jwks must hold one to ten keys"));
        }
        if method == AuthenticationMethod::None && grant_types.contains(&GrantType::ClientCredentials) {
            return Err(wrong("a client that acts for itself must prove who it is"));
        }
        Ok(method)
    }

    // OpenID Connect Dynamic Client Registration, section 2, and RFC 9701, section 6: RS256 unless told. FAPI 2.0, section
    // 5.4.1, forbids that.
    fn signing(&self, security: &SecurityProfile) -> Result<Signing, Refusal> {
        let algorithm = |asked: Option<&str>, fault: &'static str| match asked {
            None if security.is_strict() => Ok(SigningAlgorithm::Es256),
            None => Ok(SigningAlgorithm::Rs256),
            Some(name) => SigningAlgorithm::parse(name)
                .filter(|algorithm| !security.is_strict() || *algorithm == SigningAlgorithm::Es256)
                .ok_or_else(|| wrong(fault)),
        };
        let id_token = "id_token_signed_response_alg must be ES256, or RS256 if the client is not held to FAPI 2.0";
        let introspection =
            "introspection_signed_response_alg must be ES256, or RS256 if the client is not held to FAPI 2.0";
        Ok(Signing {
            id_token: algorithm(self.id_token_signed_response_alg.as_deref(), id_token)?,
            introspection: algorithm(self.introspection_signed_response_alg.as_deref(), introspection)?,
        })
    }

    fn check_uris(&self, with_users: bool) -> Result<(), Refusal> {
        let wrong_uri = |text: &'static str| Code::InvalidRedirectUri.because(text);
        if with_users == self.redirect_uris.is_empty() {
            return Err(wrong_uri("redirect_uris go with authorization_code, and the other way round"));
        }
        if self.redirect_uris.len() > MOST_URIS || self.post_logout_redirect_uris.len() > MOST_URIS {
            return Err(wrong_uri("there may be 20 redirect URIs of each kind"));
        }
        let only_web = match self.application_type.as_deref() {
            None | Some("native") => false,
            Some("web") => true,
            Some(_) => return Err(wrong("application_type must be web or native")),
        };
        let all = self.redirect_uris.iter().chain(&self.post_logout_redirect_uris);
        for uri in all {
            if !registrable(uri) || (only_web && !uri.starts_with("https://")) {
                return Err(wrong_uri(
                    "a redirect URI must be https, http on loopback (native), or of a scheme with a dot (native); without \
                     fragment, user or wildcard",
                ));
            }
        }
        Ok(())
    }

    fn resources(&self, issuer: &str) -> Result<Option<Resources>, Refusal> {
        let Some(resources) = &self.resources else { return Ok(None) };
        Resources::parse(Some(&resources.join(" ")), issuer)
            .map_err(|_| wrong("resources holds one that is not the address of a service, or none"))
    }

    fn scopes(&self, most: &Allowance) -> Result<Scopes, Refusal> {
        let Some(scope) = &self.scope else { return Ok(most.scopes.clone()) };
        let asked = Scopes::parse(scope).map_err(|_| wrong("scope is not a list of scopes"))?;
        if asked.is_empty() || !asked.within(&most.scopes) {
            return Err(wrong("scope holds one that is not allowed with this token"));
        }
        Ok(asked)
    }
}

// Users decide by it: nothing in it may turn around what stands beside it, or hide. What some scripts and emoji need (the
// joiners and two of the variation selectors) may be there, but not alone.
fn is_one_line(name: &str) -> bool {
    let joins = |c: char| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
    let unseen = |c: char| c.is_control() || is_blank(c) || (is_default_ignorable(c) && !joins(c));
    !name.contains(unseen) && name.chars().any(|c| !c.is_whitespace() && !joins(c))
}

// Separators of lines, and what is as wide as a letter and shows none.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}')
}

// Unicode 17, DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
fn is_default_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn wrong(text: &'static str) -> Refusal {
    Code::InvalidClientMetadata.because(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn most() -> Allowance {
        Allowance {
            scopes: Scopes::of(["openid", "order:read"]),
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        }
    }

    fn check(metadata: Value) -> Result<Client, Code> {
        let registration: Registration = serde_json::from_value(metadata).unwrap();
        registration.check("app-1", &most(), "https://shop.example/auth").map_err(|refusal| refusal.code)
    }

    #[test]
    fn what_is_left_out_is_as_the_standard_says() {
        let client = check(json!({"redirect_uris": ["https://shop.example/cb"]})).unwrap();
        assert_eq!(client.grant_types, [GrantType::AuthorizationCode]);
        assert_eq!(client.security.method, Some(AuthenticationMethod::SecretBasic));
        assert_eq!((client.scopes, client.name.as_str()), (most().scopes, "app-1"));
        assert!(client.login.asks_consent && client.login.require_pkce && client.origins.is_empty());
        for name in [
            "Fahrr\u{e4}der",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{1f469}\u{200d}\u{1f33e}",
            "Red hearts \u{2764}\u{fe0f}",
        ] {
            let metadata = json!({"redirect_uris": ["https://shop.example/cb"], "client_name": name});
            assert_eq!(check(metadata).unwrap().name, name);
        }
    }

    #[test]
    fn pages_of_a_public_client_are_known_by_their_origin_as_browsers_send_it() {
        let uris = ["https://Shop.Example:443/cb", "https://app.example:8443/cb", "http://127.0.0.1/cb"];
        let metadata = json!({"redirect_uris": uris, "token_endpoint_auth_method": "none"});
        assert_eq!(check(metadata).unwrap().origins, ["https://shop.example", "https://app.example:8443"]);
    }

    #[test]
    fn what_is_signed_for_it_is_signed_with_rs256_unless_it_says_otherwise_or_is_held_to_fapi() {
        let uri = ["https://shop.example/cb"];
        let both = |id_token, introspection| Signing { id_token, introspection };
        let (es256, rs256) = (SigningAlgorithm::Es256, SigningAlgorithm::Rs256);
        for (metadata, signing) in [
            (json!({"redirect_uris": uri}), both(rs256, rs256)),
            (json!({"redirect_uris": uri, "id_token_signed_response_alg": "ES256"}), both(es256, rs256)),
            (json!({"redirect_uris": uri, "introspection_signed_response_alg": "ES256"}), both(rs256, es256)),
            (json!({"redirect_uris": uri, "dpop_bound_access_tokens": true}), both(rs256, rs256)),
            (
                json!({"redirect_uris": uri, "dpop_bound_access_tokens": true, "require_pushed_authorization_requests": true}),
                both(es256, es256),
            ),
        ] {
            assert_eq!(check(metadata.clone()).unwrap().signing, signing, "{metadata}");
        }
    }

    #[test]
    fn each_fault_has_its_code() {
        let uri = ["https://shop.example/cb"];
        let faults = [
            json!({"redirect_uris": uri, "grant_types": ["password"]}),
            json!({"redirect_uris": uri, "grant_types": ["client_credentials"]}),
            json!({"redirect_uris": uri, "grant_types": []}),
            json!({"redirect_uris": uri, "response_types": ["token"]}),
            json!({"redirect_uris": uri, "token_endpoint_auth_method": "tls_client_auth"}),
            json!({"redirect_uris": uri, "token_endpoint_auth_method": "private_key_jwt"}),
            json!({"redirect_uris": uri, "jwks": {}}),
            json!({"redirect_uris": uri, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}}),
            json!({"redirect_uris": uri, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{}]},
                "jwks_uri": "https://shop.example/jwks"}),
            json!({"redirect_uris": uri, "backchannel_logout_session_required": true}),
            json!({"redirect_uris": uri, "resources": []}),
            json!({"redirect_uris": uri, "resources": ["https://evil.example/api/order"]}),
            json!({"redirect_uris": uri, "resources": ["https://shop.example/api/order https://shop.example/api/x"]}),
            json!({"redirect_uris": uri, "scope": "accounting:pay"}),
            json!({"redirect_uris": uri, "scope": ""}),
            json!({"redirect_uris": uri, "client_name": "a\nb"}),
            json!({"redirect_uris": uri, "client_name": "a\u{2028}b"}),
            json!({"redirect_uris": uri, "client_name": "pohs \u{202e}my"}),
            json!({"redirect_uris": uri, "client_name": "\u{2067}my shop"}),
            json!({"redirect_uris": uri, "client_name": "Dem\u{200b}o"}),
            json!({"redirect_uris": uri, "client_name": " \u{200d}"}),
            json!({"redirect_uris": uri, "client_name": "\u{3164}"}),
            json!({"redirect_uris": uri, "client_name": "\u{2800}"}),
            json!({"redirect_uris": uri, "client_name": "De\u{ad}mo"}),
            json!({"redirect_uris": uri, "client_name": "Demo\u{e0041}"}),
            json!({"redirect_uris": uri, "client_name": "x".repeat(101)}),
            json!({"redirect_uris": uri, "application_type": "toaster"}),
            json!({"redirect_uris": uri, "subject_type": "pairwise"}),
            json!({"redirect_uris": uri, "id_token_signed_response_alg": "none"}),
            json!({"redirect_uris": uri, "introspection_signed_response_alg": "HS256"}),
            json!({"redirect_uris": uri, "id_token_signed_response_alg": "RS256", "dpop_bound_access_tokens": true,
                "require_pushed_authorization_requests": true}),
        ];
        for fault in faults {
            assert_eq!(check(fault.clone()).unwrap_err(), Code::InvalidClientMetadata, "{fault}");
        }
        let uris = [
            json!({}),
            json!({"redirect_uris": []}),
            json!({"redirect_uris": ["https://shop.example/cb#x"]}),
            json!({"redirect_uris": uri, "post_logout_redirect_uris": ["javascript:alert(1)"]}),
            json!({"redirect_uris": ["http://127.0.0.1/cb"], "application_type": "web"}),
            json!({"redirect_uris": vec!["https://shop.example/cb"; 21]}),
        ];
        for fault in uris {
            assert_eq!(check(fault.clone()).unwrap_err(), Code::InvalidRedirectUri, "{fault}");
        }
    }
}
