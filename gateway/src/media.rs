//! What kind of content there is (RFC 9110, section 8.3.1).

use http::{HeaderMap, header};

/// What services speak.
pub const JSON: &str = "application/json";

/// What `Content-Type` names, without parameters; nothing if it is not there. Case means nothing in it.
pub fn named(headers: &HeaderMap) -> &str {
    match headers.get(header::CONTENT_TYPE) {
        // So say nearly all.
        Some(named) if named == JSON => JSON,
        Some(named) => named.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim(),
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_told_without_its_parameters() {
        let named_by = |said: &[u8]| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, said.try_into().unwrap())]);
            named(&headers).to_owned()
        };
        for (said, is) in [
            ("application/json", "application/json"),
            ("application/json; charset=utf-8", "application/json"),
            (" Text/HTML ;x", "Text/HTML"),
            ("", ""),
            (";", ""),
        ] {
            assert_eq!(named_by(said.as_bytes()), is);
        }
        assert_eq!(named_by(b"text/\xff"), "");
        assert_eq!(named(&HeaderMap::new()), "");
    }
}
