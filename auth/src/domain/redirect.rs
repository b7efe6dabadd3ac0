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

/// Whether a client may register `uri`: https; http on loopback; or a scheme of the application's own, which has a dot in
/// it (RFC 8252, section 7.1). Without fragment, user or wildcard.
pub fn registrable(uri: &str) -> bool {
    const LONGEST: usize = 1_000;
    let plain = uri.bytes().all(|byte| byte.is_ascii_graphic()) && !uri.contains(['#', '\\', '*', '"', '<', '>']);
    let Some((scheme, rest)) = uri.split_once(':').filter(|_| plain && uri.len() <= LONGEST) else { return false };
    match scheme {
        "https" => authority(rest).is_some(),
        "http" => authority(rest).is_some_and(|(host, _)| ["127.0.0.1", "[::1]", "localhost"].contains(&host)),
        _ => {
            let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
            let own = scheme.contains('.') && scheme.bytes().all(legal);
            own && scheme.starts_with(|first: char| first.is_ascii_lowercase()) && rest.starts_with('/')
        }
    }
}

// Host and port of what follows a scheme; none if there is anything else before the path, or a port that is none.
fn authority(rest: &str) -> Option<(&str, &str)> {
    let authority = rest.strip_prefix("//")?;
    let authority = &authority[..authority.find(['/', '?']).unwrap_or(authority.len())];
    let (host, port) = match authority.rfind(':').filter(|at| !authority[*at..].contains(']')) {
        Some(at) => (&authority[..at], &authority[at + 1..]),
        None => (authority, ""),
    };
    let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let numbered = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    let right_port = authority.len() == host.len() || port.parse::<u16>().is_ok();
    (!host.is_empty() && (named || numbered) && right_port).then_some((host, port))
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

/// The origin of an https redirect URI as browsers write it: in lower case, and without the port that is usual.
pub fn origin_as_sent(uri: &str) -> String {
    let origin = origin(uri).to_ascii_lowercase();
    origin.strip_suffix(":443").map(str::to_owned).unwrap_or(origin)
}

/// Where a form may lead to on a page for a client: to this address of it, and to the origins that it is registered with.
/// Some browsers hold the redirects that follow to it as well, so a client that sends users on elsewhere registers where.
pub fn form_targets(destination: &str, origins: &[String]) -> String {
    // What is no plain origin could say more in the policy.
    let plain = |it: &&str| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.-[]".contains(&byte));
    let mut targets = vec![origin(destination)];
    for other in origins.iter().map(|it| origin(it)).filter(plain) {
        if !targets.contains(&other) {
            targets.push(other);
        }
    }
    targets.join(" ")
}

/// `uri` with `query` appended to whatever query it has.
pub fn with_query(uri: &str, query: &str) -> String {
    format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_lead_to_the_address_and_to_what_the_client_is_registered_with() {
        let origins = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let targets = |all: &[&str]| form_targets("https://api.example/callback?a=b", &origins(all));
        assert_eq!(targets(&[]), "https://api.example");
        assert_eq!(
            targets(&["https://shop.example", "https://api.example", "https://shop.example/deep"]),
            "https://api.example https://shop.example"
        );
        for bad in ["https://a.example; script-src *", "https://a.example 'unsafe-inline'", "https://*.example"] {
            assert_eq!(targets(&[bad]), "https://api.example", "{bad}");
        }
        assert_eq!(form_targets("com.example.app:/callback", &[]), "com.example.app:");
    }

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
    fn only_addresses_that_lead_to_one_application_can_be_registered() {
        for good in [
            "https://shop.example/callback",
            "https://shop.example:8443/callback?tenant=1",
            "https://shop.example",
            "https://[2001:db8::1]/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:7000/callback",
            "http://[::1]:7000/callback",
            "http://localhost:3000/callback",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert!(registrable(good), "{good}");
        }
        for bad in [
            "",
            "https",
            "https:",
            "https://",
            "https:///callback",
            "https:shop.example",
            "https://shop.example/callback#fragment",
            "https://shop.example/#",
            "https://user@shop.example/callback",
            "https://shop.example@evil.example/callback",
            "https://*.shop.example/callback",
            "https://shop.example/call back",
            "https://shop.example\\.evil.example/",
            "https://shöp.example/",
            "https://shop.example:port/",
            "https://shop.example:99999/",
            "https://[shop]/",
            "HTTPS://shop.example/",
            "http://shop.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://0.0.0.0/callback",
            "javascript:alert(1)",
            "data:text/html,x",
            "myapp:/callback",
            "com.example.app:callback",
            ".com:/callback",
            "//shop.example/callback",
            "/callback",
            &format!("https://shop.example/{}", "x".repeat(1_000)),
        ] {
            assert!(!registrable(bad), "{bad}");
        }
    }

    #[test]
    fn the_origin_is_scheme_and_authority() {
        assert_eq!(origin("http://127.0.0.1:7000/callback?a=b"), "http://127.0.0.1:7000");
        assert_eq!(origin("https://shop.example"), "https://shop.example");
        assert_eq!(origin("http://[::1]:7000/callback"), "http:");
        assert_eq!(origin("com.example.app:/callback"), "com.example.app:");
        for uri in ["https://shop.example/cb", "https://Shop.Example/Cb", "https://shop.example:443/cb?a=b"] {
            assert_eq!(origin_as_sent(uri), "https://shop.example", "{uri}");
        }
        assert_eq!(origin_as_sent("https://shop.example:8443/cb"), "https://shop.example:8443");
    }
}
