//! The picture of a product that nobody has drawn yet: a parcel in a colour of its own.

use contracts::Sku;

/// A drawing (SVG) for `sku`, always the same.
pub fn placeholder(sku: &Sku) -> String {
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
    }
}
