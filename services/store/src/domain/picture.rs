//! Pictures of products: of which kinds they may be, and the one of a product that has none: a parcel in a colour of
//! its own.

use contracts::Sku;

use super::Refusal;

/// A picture, of a kind that its bytes begin like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

/// What a picture may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A drawing: UTF-8 text.
    Svg,
    Png,
    Jpeg,
    Webp,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Svg, Self::Png, Self::Jpeg, Self::Webp];

    /// As it is named on the wire and in the table.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// The kind of this media type.
    pub fn of(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.media_type() == media_type)
    }

    // A viewer that finds something else than it is told may take it for a page.
    fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Svg => std::str::from_utf8(bytes).is_ok_and(is_drawing),
            Self::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
            Self::Webp => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
        }
    }
}

// Neither a document type, which may hold entities that grow, nor NUL, which PostgreSQL does not keep. Scripts need no
// search: who serves it forbids them.
fn is_drawing(text: &str) -> bool {
    let root = text.find("<svg").map(|at| text.split_at(at));
    let Some((before, drawing)) = root else { return false };
    let named = drawing[4..].starts_with(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/');
    let begins = before.trim_start_matches('\u{feff}').trim_start();
    named
        && (begins.is_empty() || begins.starts_with("<?xml") || begins.starts_with("<!--"))
        && !text.contains("<!DOCTYPE")
        && !text.contains("<!ENTITY")
        && !text.contains('\0')
}

impl Picture {
    /// A picture that somebody sends.
    pub fn sent(kind: Kind, bytes: Vec<u8>) -> Result<Self, Refusal> {
        if kind.fits(&bytes) {
            Ok(Self { kind, bytes })
        } else {
            Err(Refusal::NotAPicture { media_type: kind.media_type() })
        }
    }

    /// A drawing for a product without a picture, always the same.
    pub fn placeholder(sku: &Sku) -> Self {
        Self { kind: Kind::Svg, bytes: placeholder(sku).into_bytes() }
    }
}

fn placeholder(sku: &Sku) -> String {
    let hue = fingerprint(sku.as_str().as_bytes()) % 360;
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240" role="img">
<title>A parcel labelled {sku}</title>
<rect width="240" height="240" fill="hsl({hue} 40% 94%)"/><circle cx="120" cy="118" r="98" fill="hsl({hue} 40% 87%)"/>
<ellipse cx="120" cy="190" rx="72" ry="8" opacity=".12"/>
<path d="M120 62l66 30v68l-66 30-66-30V92z" fill="hsl({hue} 45% 55%)"/>
<path d="M120 122l66-30v68l-66 30z" fill="hsl({hue} 45% 45%)"/><path d="M120 62l66 30-66 30-66-30z" fill="hsl({hue} 50% 68%)"/>
<path d="M86 77l66 30v22l-12-8-12 18V118L62 88z" fill="hsl({hue} 60% 85%)" opacity=".8"/>
<text x="120" y="222" font-family="sans-serif" font-size="13" text-anchor="middle" fill="hsl({hue} 30% 35%)">{sku}</text>
</svg>
"#
    )
}

/// A number that differs where pictures differ, and is the same in every process and release (FNV-1a).
pub fn fingerprint(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2_166_136_261, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_the_same_each_time_and_differs_between_products() {
        let (pen, ink) = (Sku::parse("PEN-1").unwrap(), Sku::parse("INK-1").unwrap());
        assert_eq!(placeholder(&pen), placeholder(&pen));
        assert_ne!(placeholder(&pen), placeholder(&ink));
        assert!(Picture::sent(Kind::Svg, Picture::placeholder(&pen).bytes).is_ok());
    }

    #[test]
    fn a_picture_begins_like_its_kind() {
        let good: [(Kind, &[u8]); 6] = [
            (Kind::Svg, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
            (Kind::Svg, "\u{feff}<?xml version='1.0'?>\n<!-- drawn --><svg></svg>".as_bytes()),
            (Kind::Svg, b"<svg\n>"),
            (Kind::Png, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
            (Kind::Jpeg, b"\xff\xd8\xff\xe0\0\x10JFIF"),
            (Kind::Webp, b"RIFF\x24\0\0\0WEBPVP8 "),
        ];
        for (kind, bytes) in good {
            assert!(Picture::sent(kind, bytes.to_vec()).is_ok(), "{kind:?} {bytes:?}");
            for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
                assert!(Picture::sent(other, bytes.to_vec()).is_err(), "{other:?} {bytes:?}");
            }
        }
    }

    #[test]
    fn what_is_no_drawing_or_could_grow_is_refused() {
        for bad in [
            "",
            "svg",
            "<html><svg></svg></html>",
            "<svgx>",
            "hello <svg>",
            "<svg>\0</svg>",
            "<!DOCTYPE svg [<!ENTITY a 'aaaa'>]><svg>&a;</svg>",
            "<?xml version='1.0'?><!DOCTYPE svg><svg/>",
        ] {
            let refused = Picture::sent(Kind::Svg, bad.into());
            assert_eq!(refused, Err(Refusal::NotAPicture { media_type: "image/svg+xml" }), "{bad}");
        }
        assert!(Picture::sent(Kind::Svg, b"<svg>\xff</svg>".to_vec()).is_err());
    }
}
