//! What a client may do with users in their browsers.

/// What a client may do with users in their browsers.
#[derive(Clone, Debug)]
pub struct LoginRules {
    /// Each code is bound to a proof key (RFC 7636). Off for conformance tests only.
    pub require_pkce: bool,
    /// Users are asked before it is given anything. Off for the suite's own applications.
    pub asks_consent: bool,
    /// Where users may be sent after logging out; compared as strings.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session has ended.
    pub backchannel_logout_uri: Option<String>,
    /// It wants to be told which session. It is told in any case.
    pub backchannel_logout_session_required: bool,
}

impl Default for LoginRules {
    fn default() -> Self {
        Self {
            require_pkce: true,
            asks_consent: true,
            post_logout_redirect_uris: vec![],
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
        }
    }
}

impl LoginRules {
    /// The rules for the suite's own applications: nobody is asked whether the shop may know its customers.
    pub fn of_our_own() -> Self {
        Self { asks_consent: false, ..Self::default() }
    }

    /// Whether users may be sent to `uri` after logging out: the same string, and no port of any kind may differ
    /// (OpenID Connect RP-Initiated Logout, section 2).
    pub fn may_return_to(&self, uri: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| registered == uri)
    }
}
