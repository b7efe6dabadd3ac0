//! Where a browser may be sent back to.

/// Whether `requested` is the `registered` redirect URI: the same string, except that the port of a loopback address
/// may differ, because a native application learns its port only when it runs (RFC 8252, section 7.3).
pub fn redirect_matches(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    match (behind_loopback_port(registered), behind_loopback_port(requested)) {
        (Some(registered), Some(requested)) => registered == requested,
        _ => false,
    }
}

/// The loopback address and what follows its port; none if `uri` is not on a loopback address.
fn behind_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let host = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|host| uri.starts_with(host))?;
    let rest = &uri[host.len()..];
    let rest = match rest.strip_prefix(':') {
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            after[..digits].parse::<u16>().ok()?;
            &after[digits..]
        }
        None => rest,
    };
    // Else `http://127.0.0.1.evil.example/` and `http://127.0.0.1:80@evil.example/` would be on loopback.
    rest.starts_with('/').then_some((host, rest))
}

/// The origin of a redirect URI as a source expression of a content security policy.
pub fn origin(uri: &str) -> &str {
    match uri.split_once("://") {
        // The grammar of source expressions has no IPv6 address.
        Some((scheme, rest)) if rest.starts_with('[') => &uri[..=scheme.len()],
        Some((scheme, rest)) if scheme == "http" || scheme == "https" => {
            let authority = rest.find(['/', '?']).unwrap_or(rest.len());
            &uri[..scheme.len() + 3 + authority]
        }
        _ => uri.find(':').map_or(uri, |colon| &uri[..=colon]),
    }
}

/// `uri` with `query` appended to whatever query it has.
pub fn with_query(uri: &str, query: &str) -> String {
    format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_matches_only_as_the_same_string() {
        let registered = "https://shop.example/callback";
        assert!(redirect_matches(registered, registered));
        for other in [
            "https://shop.example/callback/",
            "https://shop.example/callback?x=1",
            "https://shop.example/Callback",
            "https://shop.example:443/callback",
            "https://shop.example.evil.example/callback",
            "http://shop.example/callback",
            "https://shop.example/callback/../evil",
            "",
        ] {
            assert!(!redirect_matches(registered, other), "{other}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_may_differ() {
        let registered = "http://127.0.0.1/callback";
        for port in ["http://127.0.0.1:49152/callback", "http://127.0.0.1:1/callback"] {
            assert!(redirect_matches(registered, port), "{port}");
        }
        assert!(redirect_matches("http://[::1]/callback", "http://[::1]:7000/callback"));
        for other in [
            "http://127.0.0.1:49152/other",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1@evil.example/callback",
            "https://127.0.0.1:49152/callback",
            "http://localhost:49152/callback",
            "http://[::1]:49152/callback",
        ] {
            assert!(!redirect_matches(registered, other), "{other}");
        }
        assert!(!redirect_matches("http://localhost/callback", "http://localhost:81/callback"));
    }

    #[test]
    fn the_origin_is_scheme_and_authority() {
        assert_eq!(origin("http://127.0.0.1:7000/callback?a=b"), "http://127.0.0.1:7000");
        assert_eq!(origin("https://shop.example"), "https://shop.example");
        assert_eq!(origin("http://[::1]:7000/callback"), "http:");
        assert_eq!(origin("com.example.app:/callback"), "com.example.app:");
    }
}
