//! Whether two URLs are one (RFC 3986, section 6.2.2 and 6.2.3), query and fragment apart.

use std::borrow::Cow;

use http::Uri;

/// Whether the URL in a proof is that of the request. Fails on what is no absolute URL of http.
pub fn same(claimed: &str, is: &str) -> bool {
    match (normal(claimed), normal(is)) {
        (Some(claimed), Some(is)) => claimed == is,
        _ => false,
    }
}

fn normal(url: &str) -> Option<(String, String, u16, String)> {
    let uri: Uri = url.split(['?', '#']).next()?.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = uri.authority()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host().to_ascii_lowercase();
    let path = if uri.path().is_empty() { "/" } else { uri.path() };
    Some((scheme, host, authority.port_u16().unwrap_or(usual), unescaped(path).into_owned()))
}

// What need not be escaped is not, and hex digits are upper case.
fn unescaped(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return path.into();
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        normal.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => normal.push(char::from(byte)),
            Some(_) => normal.extend(["%", &after[..2].to_ascii_uppercase()]),
            None => {
                normal.push('%');
                rest = after;
                continue;
            }
        }
        rest = &after[2..];
    }
    normal.push_str(rest);
    normal.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_url_are_the_same() {
        let is = "https://shop.example/api/store/v1/caf%C3%A9~1";
        for claimed in [
            is,
            "HTTPS://Shop.Example:443/api/store/v1/caf%c3%a9~1",
            "https://shop.example/api/store/v1/caf%C3%A9%7e1?page=2#top",
            "https://shop.example/%61pi/store/v1/caf%C3%A9~1",
        ] {
            assert!(same(claimed, is), "{claimed}");
        }
        assert!(same("http://127.0.0.1:8080", "http://127.0.0.1:8080/"));
    }

    #[test]
    fn another_url_is_another() {
        let is = "https://shop.example/api/store/v1/x";
        for claimed in [
            "http://shop.example/api/store/v1/x",
            "https://shop.example:8443/api/store/v1/x",
            "https://evil.example/api/store/v1/x",
            "https://shop.example@evil.example/api/store/v1/x",
            "https://u@shop.example/api/store/v1/x",
            "https://shop.example/api/store/v1/X",
            "https://shop.example/api/store/v1/x/",
            "https://shop.example/api/store%2Fv1/x",
            "/api/store/v1/x",
            "shop.example",
            "",
            "https://shop.example/%",
        ] {
            assert!(!same(claimed, is), "{claimed}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_fall_over(claimed in ".{0,80}", path in "(/|%|[0-9a-fé]){0,20}") {
            same(&claimed, "https://shop.example/");
            same(&format!("https://shop.example/{path}"), "https://shop.example/");
        }
    }
}
