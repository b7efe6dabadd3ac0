//! The forms of a page, as a browser without JavaScript sees them.

use std::collections::BTreeMap;

/// A form and what it sends.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Where it goes; empty for the page itself.
    pub action: String,
    /// What its fields hold before anybody types.
    pub fields: BTreeMap<String, String>,
    /// The buttons that send it.
    pub buttons: Vec<Button>,
}

/// A button, and what it adds to the form.
#[derive(Clone, Debug)]
pub struct Button {
    /// None if it adds nothing.
    pub name: Option<String>,
    /// What it adds.
    pub value: String,
    /// What stands on it, and whatever markup is in it.
    pub text: String,
}

impl Form {
    /// The forms of a page, in order.
    pub fn all(page: &str) -> Vec<Self> {
        page.split("<form").skip(1).filter_map(|rest| Self::read(&rest[..rest.find("</form>")?])).collect()
    }

    // `text` begins behind `<form`.
    fn read(text: &str) -> Option<Self> {
        let action = attribute(&text[..text.find('>')?], "action").unwrap_or_default();
        let fields = tags(text, "input")
            .filter(|(tag, _)| is_sent(tag))
            .filter_map(|(tag, _)| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
        let buttons = tags(text, "button").map(|(tag, rest)| Button {
            name: attribute(tag, "name"),
            value: attribute(tag, "value").unwrap_or_default(),
            text: rest.split("</button>").next().unwrap_or_default().trim().to_owned(),
        });
        Some(Self { action, fields: fields.collect(), buttons: buttons.collect() })
    }

    /// Whether it asks for a password.
    pub fn asks_for_password(&self) -> bool {
        self.fields.contains_key("password")
    }

    /// The button whose name, value or text holds `word`.
    pub fn button(&self, word: &str) -> Option<&Button> {
        let says = |text: &str| text.to_lowercase().contains(&word.to_lowercase());
        self.buttons.iter().find(|it| says(&it.value) || says(&it.text) || it.name.as_deref().is_some_and(says))
    }
}

// A box that is not ticked is not sent.
fn is_sent(tag: &str) -> bool {
    let kind = attribute(tag, "type").unwrap_or_default();
    !matches!(kind.as_str(), "checkbox" | "radio") || tag.contains(" checked")
}

/// Each tag with this name, and what follows it.
fn tags<'a>(text: &'a str, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let begin = format!("<{name}");
    let rests: Vec<_> = text.match_indices(&begin).map(|(at, begin)| &text[at + begin.len()..]).collect();
    rests.into_iter().filter_map(|rest| rest.split_once('>'))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(decoded(value))
}

fn decoded(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = after.split_once(';').and_then(|(name, after)| Some((character(name)?, after)));
        let (character, after) = entity.unwrap_or(('&', after));
        decoded.push(character);
        rest = after;
    }
    decoded + rest
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "quot" => Some('"'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_sends_is_read_without_its_markup() {
        let page = r#"<p>x</p><form method="post" action="/a?b=1&#38;c=2"><input type="hidden" name="csrf" value="1&quot;">
            <input type="checkbox" name="all" value="1"><button name="decision" value="allow">Allow</button>
            <button name="decision" value="deny">No</button></form><form><input name="password"></form>"#;
        let forms = Form::all(page);
        assert_eq!((forms.len(), forms[0].action.as_str()), (2, "/a?b=1&c=2"));
        assert_eq!(forms[0].fields, BTreeMap::from([("csrf".to_owned(), "1\"".to_owned())]));
        assert_eq!(forms[0].button("deny").map(|it| it.text.as_str()), Some("No"));
        assert!(!forms[0].asks_for_password() && forms[1].asks_for_password());
    }
}
