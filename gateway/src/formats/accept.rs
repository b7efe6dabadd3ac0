//! What a caller takes, and how gladly (RFC 9110, section 12.5.1).

use http::{HeaderMap, header};

use super::Format;

/// The format that is taken most gladly; JSON, then XML, where that is the same. `None`: none of them.
pub fn best(headers: &HeaderMap) -> Option<Format> {
    let accept = || headers.get_all(header::ACCEPT).iter();
    // So say nearly all.
    if accept().all(|it| it == "application/json" || it == "*/*") {
        return Some(Format::Json);
    }
    let ranges: Vec<(String, u16)> = accept().filter_map(|it| it.to_str().ok()).flat_map(ranges).collect();
    if ranges.is_empty() {
        return Some(Format::Json);
    }
    let mut best = None;
    for format in Format::ALL {
        let weight = weight(&ranges, format);
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format)
}

// The most specific range says it: who names the format by one of its names means it by the others as well.
fn weight(ranges: &[(String, u16)], format: Format) -> u16 {
    let said = |range: &str| ranges.iter().find(|(known, _)| known == range).map(|(_, weight)| *weight);
    let all = format.names().iter();
    let of_kind = |name: &&str| said(&format!("{}/*", name.split('/').next().unwrap_or_default()));
    let named = all.clone().filter_map(|name| said(name)).max();
    named.or_else(|| all.filter_map(of_kind).max()).or_else(|| said("*/*")).unwrap_or(0)
}

// In thousandths.
fn ranges(list: &str) -> impl Iterator<Item = (String, u16)> {
    list.split(',').filter(|range| !range.trim().is_empty()).map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        (name, quality.map_or(1000, thousandths))
    })
}

fn thousandths(quality: &str) -> u16 {
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = format!("{whole}{fraction:0<3}");
    digits.parse().ok().filter(|it| fraction.len() <= 3 && *it <= 1000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_most_gladly_is_given_and_json_where_it_is_all_the_same() {
        use Format as F;
        for (accept, format) in [
            ("", Some(F::Json)),
            ("*/*", Some(F::Json)),
            ("application/*", Some(F::Json)),
            ("application/xml", Some(F::Xml)),
            ("Text/XML; charset=utf-8", Some(F::Xml)),
            ("application/cbor, application/json;q=0.9", Some(F::Cbor)),
            ("application/cbor;q=0.1, application/json;q=0", Some(F::Cbor)),
            ("text/html, application/xml;q=0.9, */*;q=0.8", Some(F::Xml)),
            ("application/json;q=0, */*;q=0.1", Some(F::Xml)),
            ("application/json;q=0.5, application/xml;q=0, */*;q=0.8", Some(F::Cbor)),
            ("text/*;q=0.5, application/*;q=0.1", Some(F::Xml)),
            ("application/problem+json", Some(F::Json)),
            ("text/html", None),
            ("*/*;q=0", None),
            ("application/json;q=2", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(best(&headers), format, "{accept}");
        }
    }
}
