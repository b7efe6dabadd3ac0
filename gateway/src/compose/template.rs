//! Paths with names in braces: of a virtual resource, whose names take values, and of its parts, which are given them.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::Value;

/// What the names stand for, decoded.
pub type Values = BTreeMap<String, String>;

/// The path of a virtual resource: each name in braces is one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

/// The path and query of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// One segment or one value.
    Name(String),
}

impl Pattern {
    /// Reads `/api/shop/v1/products/{sku}/page`.
    pub fn read(text: &str) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        let segments = text.strip_prefix('/').map(|rest| rest.split('/')).into_iter().flatten().map(|segment| {
            let name = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            let text = name.unwrap_or(segment);
            if text.is_empty() || !text.bytes().all(plain) {
                return Err(format!("`{segment}` is no segment of a path: a-z, 0-9, - and _, or a name in braces"));
            }
            Ok(name.map_or_else(|| Piece::Text(text.to_owned()), |name| Piece::Name(name.to_owned())))
        });
        segments.collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        names(&self.0)
    }

    /// Whether it takes the same paths, whatever its names are.
    pub fn is_like(&self, other: &Self) -> bool {
        let are_like = |pieces: (&Piece, &Piece)| match pieces {
            (Piece::Text(one), Piece::Text(other)) => one == other,
            (Piece::Name(_), Piece::Name(_)) => true,
            _ => false,
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(are_like)
    }

    /// What the names stand for in this normalized path, if it is one of the pattern's.
    pub fn values(&self, path: &str) -> Option<Values> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let mut values = Values::new();
        for piece in &self.0 {
            match (piece, segments.next()?) {
                (Piece::Text(text), segment) if text == segment => {}
                (Piece::Name(name), segment) if !segment.is_empty() => {
                    values.insert(name.clone(), decoded(segment)?);
                }
                _ => return None,
            }
        }
        segments.next().is_none().then_some(values)
    }
}

impl Target {
    /// Reads `/api/shipping/v1/estimates?country={country}&weight_grams={product.weight_grams}`.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| format!("a brace in `{text}` is not closed"))?;
            pieces.extend([Piece::Text(before.to_owned()), Piece::Name(name.to_owned())]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        names(&self.0)
    }

    /// Up to the first name: the route is known by it.
    pub fn beginning(&self) -> &str {
        self.0
            .iter()
            .find_map(|piece| if let Piece::Text(text) = piece { Some(text.as_str()) } else { None })
            .unwrap_or("")
    }

    /// With everything in its place. None: something is not known.
    pub fn filled<'v>(&self, value: impl Fn(&str) -> Option<std::borrow::Cow<'v, str>>) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => encode(&value(name)?, &mut filled),
            }
        }
        Some(filled)
    }
}

fn names(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().filter_map(|piece| if let Piece::Name(name) = piece { Some(name.as_str()) } else { None })
}

/// Adds `value` so that it is one segment or one value, whatever is in it.
pub fn encode(value: &str, to: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

// A normalized path has no bad encoding.
fn decoded(segment: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), segment);
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// A scalar of an answer, by its path in it.
pub fn scalar(answer: &Value, path: &str) -> Option<String> {
    match path.split('.').try_fold(answer, |value, key| value.get(key))? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(it) => Some(it.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
