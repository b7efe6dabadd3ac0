//! Paths in one spelling only: what is authorized is what is forwarded, byte for byte (RFC 3986 §6.2.2).

use std::borrow::Cow;

/// Paths with their query may be this long, in bytes.
pub const LONGEST: usize = 8 * 1024;

/// Why a path is not accepted. Its text is shown to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    #[error("The request target must be a path that starts with a single slash.")]
    NotAPath,
    #[error("The path has an empty segment.")]
    EmptySegment,
    #[error("The path has a dot segment.")]
    DotSegment,
    #[error("The path has an encoded slash or backslash.")]
    EncodedSeparator,
    #[error("The path has a character that is not allowed there.")]
    ForbiddenCharacter,
    #[error("The path has a bad percent-encoding.")]
    BadEncoding,
    #[error("The path is encoded twice.")]
    EncodedTwice,
}

/// The one spelling of `path`: needless percent-encoding is undone, hex digits are upper case. Whatever two readers
/// could understand differently is a fault, not repaired.
pub fn normalize(path: &str) -> Result<Cow<'_, str>, PathFault> {
    if !path.starts_with('/') {
        return Err(PathFault::NotAPath);
    }
    if is_plain(path.as_bytes()) {
        return Ok(Cow::Borrowed(path));
    }
    if path.contains("//") {
        return Err(PathFault::EmptySegment);
    }
    if path.bytes().any(|b| b == b'\\' || !b.is_ascii_graphic()) {
        return Err(PathFault::ForbiddenCharacter);
    }
    let path = if path.contains('%') { Cow::Owned(decode_unreserved(path)?) } else { Cow::Borrowed(path) };
    if path.split('/').any(is_dots) {
        return Err(PathFault::DotSegment);
    }
    Ok(path)
}

// Nothing but what stands for itself: most paths, told in one pass.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|byte| {
        let good = match byte {
            b'/' | b'.' => before != b'/',
            byte => UNRESERVED[usize::from(*byte)],
        };
        before = *byte;
        good
    })
}

// A table, for every byte of every path is looked up.
const UNRESERVED: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        table[byte as usize] = is_unreserved(byte);
        byte += 1;
    }
    table
};

// Some servers cut a segment at `;` before they resolve dots.
fn is_dots(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or(segment);
    name == "." || name == ".."
}

fn decode_unreserved(path: &str) -> Result<String, PathFault> {
    let bytes = path.as_bytes();
    let mut normal = String::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            normal.push(char::from(bytes[at]));
            decoded.push(bytes[at]);
            at += 1;
            continue;
        }
        let byte = hex_pair(&bytes[at + 1..]).ok_or(PathFault::BadEncoding)?;
        at += 3;
        match byte {
            b'/' | b'\\' => return Err(PathFault::EncodedSeparator),
            b if b.is_ascii_control() => return Err(PathFault::ForbiddenCharacter),
            b'%' if hex_pair(&bytes[at..]).is_some() => return Err(PathFault::EncodedTwice),
            b if is_unreserved(b) => normal.push(char::from(b)),
            b => normal.extend(['%', hex_digit(b >> 4), hex_digit(b & 15)]),
        }
        decoded.push(byte);
    }
    // Overlong forms of `/` and `.` are no UTF-8, so this refuses them too.
    std::str::from_utf8(&decoded).map_err(|_| PathFault::BadEncoding)?;
    Ok(normal)
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let high = char::from(*bytes.first()?).to_digit(16)?;
    let low = char::from(*bytes.get(1)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_stays_as_it_is_and_is_not_copied() {
        let path = "/api/store/v1/products/SKU-1;a=b/x@y:z,~_!$&'()*+=";
        assert!(matches!(normalize(path), Ok(Cow::Borrowed(same)) if same == path));
    }

    #[test]
    fn needless_encoding_is_undone_and_hex_is_upper_case() {
        for (raw, normal) in [
            ("/%61pi/store/v1/x", "/api/store/v1/x"),
            ("/v1/%70roducts/A%2D1", "/v1/products/A-1"),
            ("/v1/caf%c3%a9", "/v1/caf%C3%A9"),
            ("/v1/a%20b%3f", "/v1/a%20b%3F"),
            ("/v1/100%25", "/v1/100%25"),
            ("/v1/a%2ejson", "/v1/a.json"),
        ] {
            assert_eq!(normalize(raw).as_deref(), Ok(normal), "{raw}");
        }
    }

    #[test]
    fn normalizing_twice_changes_nothing() {
        for raw in ["/%61%7e/caf%c3%a9", "/100%25", "/a%20b"] {
            let once = normalize(raw).unwrap().into_owned();
            assert_eq!(normalize(&once).as_deref(), Ok(once.as_str()));
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        use PathFault as F;
        for (raw, fault) in [
            ("*", F::NotAPath),
            ("", F::NotAPath),
            ("//v1/x", F::EmptySegment),
            ("/api//store/v1/x", F::EmptySegment),
            ("/api/store/v1/../../order/v1/x", F::DotSegment),
            ("/api/store/v1/.", F::DotSegment),
            ("/api/store/v1/%2e%2e/x", F::DotSegment),
            ("/api/store/v1/.%2E/x", F::DotSegment),
            ("/api/store/v1/..;/x", F::DotSegment),
            ("/api/store/v1/a%2fb", F::EncodedSeparator),
            ("/api/store/v1/..%5cx", F::EncodedSeparator),
            ("/api/store/v1/..\\x", F::ForbiddenCharacter),
            ("/api/store/v1/x%00.json", F::ForbiddenCharacter),
            ("/api/store/v1/x%0d%0aHost:y", F::ForbiddenCharacter),
            ("/api/store/v1/\u{e9}", F::ForbiddenCharacter),
            ("/api/store/v1/%", F::BadEncoding),
            ("/api/store/v1/%2", F::BadEncoding),
            ("/api/store/v1/%zz", F::BadEncoding),
            ("/api/store/v1/%u002e", F::BadEncoding),
            ("/api/store/v1/%c0%ae%c0%ae/x", F::BadEncoding),
            ("/api/store/v1/%c0%afx", F::BadEncoding),
            ("/api/store/v1/%ff", F::BadEncoding),
            ("/api/store/v1/%252e%252e/x", F::EncodedTwice),
            ("/api/store/v1/a%252fb", F::EncodedTwice),
        ] {
            assert_eq!(normalize(raw), Err(fault), "{raw}");
        }
    }
}
