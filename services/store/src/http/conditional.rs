//! Conditional edits (RFC 9110, section 13). A product's entity tag is `"{version}.{stock}"`: the first number is
//! what staff edit, the second which word of inventory it is shown with. A cached copy is fresh while both are the
//! same; an edit asks for the first only, or every sale would get in its way.

use axum::http::{HeaderMap, HeaderName, header};

use crate::domain::Expected;

/// What the caller believes to be there.
pub fn expected(headers: &HeaderMap) -> Expected {
    if let Some(tags) = tags(headers, header::IF_MATCH) {
        if tags.contains(&"*") {
            return Expected::Something;
        }
        return Expected::OneOf(tags.into_iter().filter_map(version).collect());
    }
    match tags(headers, header::IF_NONE_MATCH) {
        Some(tags) if tags.contains(&"*") => Expected::Nothing,
        _ => Expected::Anything,
    }
}

fn tags(headers: &HeaderMap, name: HeaderName) -> Option<Vec<&str>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim).collect())
}

// `If-Match` compares strongly: a weak tag never matches (section 13.1.1).
fn version(tag: &str) -> Option<i64> {
    let (version, stock) = tag.strip_prefix('"')?.strip_suffix('"')?.split_once('.')?;
    stock.parse::<i64>().ok()?;
    version.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn an_edit_expects_what_its_headers_say() {
        assert_eq!(expected(&HeaderMap::new()), Expected::Anything);
        assert_eq!(expected(&with(header::IF_NONE_MATCH, "*")), Expected::Nothing);
        assert_eq!(expected(&with(header::IF_MATCH, "*")), Expected::Something);
        assert_eq!(expected(&with(header::IF_MATCH, "\"3.17\", \"4.0\"")), Expected::OneOf(vec![3, 4]));
        for never in ["W/\"3.17\"", "3.17", "\"3\"", "\"\"", "", "nonsense"] {
            assert_eq!(expected(&with(header::IF_MATCH, never)), Expected::OneOf(vec![]), "{never}");
        }
    }
}
