//! Any JSON as XML and back, nothing lost:
//!
//! ```xml
//! <data type="object"><sku>MUG-BLUE</sku><price type="object"><amount type="number">1490</amount></price>
//! <tags type="array"><item>blue</item></tags><odd type="object"><member name="a b" type="null"/></odd></data>
//! ```
//!
//! A member is an element of its name, or `member` with a `name` where that cannot be one; a member of a list is `item`.
//! What is no string says its `type`. A string with characters that XML has not is written as JSON and called `escaped`.

use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use serde_json::{Map, Value};

use super::DEPTH;

/// As XML, in an element of this name.
pub fn write(value: &Value, root: &str) -> Vec<u8> {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    element(&mut xml, root, None, value);
    xml.into_bytes()
}

fn element(xml: &mut String, name: &str, member: Option<&str>, value: &Value) {
    let named = member.map(|member| format!(" name=\"{}\"", attribute(member))).unwrap_or_default();
    let (kind, text) = match value {
        Value::Null => ("null", String::new()),
        Value::Bool(it) => ("boolean", it.to_string()),
        Value::Number(it) => ("number", it.to_string()),
        Value::String(it) if it.chars().all(is_text) => ("", escape(it.as_str()).replace('\r', "&#13;")),
        Value::String(_) => ("escaped", escape(value.to_string()).into_owned()),
        Value::Array(_) => ("array", String::new()),
        Value::Object(_) => ("object", String::new()),
    };
    let kind = if kind.is_empty() { String::new() } else { format!(" type=\"{kind}\"") };
    xml.extend(["<", name, &named, &kind, ">", &text]);
    match value {
        Value::Array(members) => members.iter().for_each(|member| element(xml, "item", None, member)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            if is_name(name) { element(xml, name, None, value) } else { element(xml, "member", Some(name), value) }
        }),
        _ => {}
    }
    xml.extend(["</", name, ">"]);
}

// Line ends and tabs in attributes are read as spaces unless they are written so.
fn attribute(text: &str) -> String {
    let text = if text.chars().all(is_text) { text.to_owned() } else { format!("\u{fffd}{}", Value::from(text)) };
    escape(text).replace('\r', "&#13;").replace('\n', "&#10;").replace('\t', "&#9;")
}

fn is_text(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffc}' | '\u{10000}'..)
}

fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    first && rest && name != "member" && !name.to_ascii_lowercase().starts_with("xml")
}

/// What an element was opened as.
struct Open {
    name: String,
    kind: String,
    text: String,
    members: Vec<(String, Value)>,
}

/// Reads what [`write`] writes. Document types, and so entities of one's own, are refused.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(text);
    let (mut open, mut root): (Vec<Open>, Option<Value>) = (Vec::new(), None);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(_) | Event::Empty(_) if root.is_some() => return Err("more than one element".to_owned()),
            Event::Start(_) if open.len() >= DEPTH => return Err("nested too deeply".to_owned()),
            Event::Start(start) => open.push(opened(&start)?),
            Event::Empty(start) => close(opened(&start)?, &mut open, &mut root)?,
            Event::End(_) => {
                let ended = open.pop().ok_or("an element ends that did not begin")?;
                close(ended, &mut open, &mut root)?;
            }
            Event::Text(text) => add(&mut open, &text.xml10_content())?,
            Event::CData(text) => add(&mut open, &text.xml10_content())?,
            Event::GeneralRef(name) => {
                let text = unescape(&format!("&{};", &*name)).map_err(|error| error.to_string())?.into_owned();
                add(&mut open, &text)?;
            }
            Event::DocType(_) => return Err("a document type is not taken".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    root.filter(|_| open.is_empty()).ok_or_else(|| "the document is not complete".to_owned())
}

fn add(open: &mut [Open], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside of the document".to_owned()),
    }
    Ok(())
}

fn opened(start: &BytesStart) -> Result<Open, String> {
    let mut name = start.name().as_ref().to_owned();
    let mut kind = String::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = unescape(&attribute.value).map_err(|error| error.to_string())?.into_owned();
        match attribute.key.as_ref() {
            "name" if name == "member" => name = member_name(value)?,
            "type" => kind = value,
            _ => {}
        }
    }
    Ok(Open { name, kind, text: String::new(), members: Vec::new() })
}

fn member_name(value: String) -> Result<String, String> {
    match value.strip_prefix('\u{fffd}') {
        Some(json) => serde_json::from_str(json).map_err(|error| error.to_string()),
        None => Ok(value),
    }
}

fn close(ended: Open, open: &mut [Open], root: &mut Option<Value>) -> Result<(), String> {
    let Open { name, kind, text, members } = ended;
    let trimmed = text.trim();
    // What would not be read is not passed over in silence.
    if kind == "null" && !members.is_empty() {
        return Err(format!("{name}: elements where there is nothing"));
    }
    if !trimmed.is_empty() && (!members.is_empty() || matches!(kind.as_str(), "null" | "array" | "object")) {
        return Err(format!("{name}: text beside elements, or where there is none"));
    }
    let json = || serde_json::from_str::<Value>(trimmed).map_err(|error| format!("{name}: {error}"));
    let value = match kind.as_str() {
        "null" => Value::Null,
        "boolean" => Some(json()?).filter(Value::is_boolean).ok_or_else(|| format!("{name} is no boolean"))?,
        "number" => Some(json()?).filter(Value::is_number).ok_or_else(|| format!("{name} is no number"))?,
        "escaped" => Some(json()?).filter(Value::is_string).ok_or_else(|| format!("{name} is no string"))?,
        "array" => members.into_iter().map(|(_, value)| value).collect(),
        "" | "string" if members.is_empty() => Value::String(text),
        // What has elements in it is an object even if it does not say so.
        "" | "object" => object(members)?,
        other => return Err(format!("{name}: `{other}` is no type")),
    };
    match open.last_mut() {
        Some(parent) => parent.members.push((name, value)),
        None => *root = Some(value),
    }
    Ok(())
}

fn object(members: Vec<(String, Value)>) -> Result<Value, String> {
    let mut object = Map::new();
    for (name, value) in members {
        if object.contains_key(&name) {
            return Err(format!("there are two {name}; a list says type=\"array\""));
        }
        object.insert(name, value);
    }
    Ok(object.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
            "[ \t\r\n\u{0}-\u{1f}<&>\"'\u{fffd}\u{ffff}a]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            let name = prop_oneof![
                "[a-z_]{1,6}",
                "\\PC{0,5}",
                "[\u{0}-\u{1f}\u{fffd}<&>\"' ]{0,3}",
                Just("member".to_owned())
            ];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map(name, inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_is_lost_on_the_way_to_xml_and_back(value in values()) {
            let xml = write(&value, "data");
            prop_assert_eq!(read(&xml), Ok(value), "{}", String::from_utf8_lossy(&xml));
        }

        #[test]
        fn whatever_comes_is_read_or_refused(text in "(<[a-c]( type=\"[a-z]{0,6}\")?>|</[a-c]>|[ -~]|&[a-z#0-9]{0,3};){0,20}") {
            let _ = read(text.as_bytes());
        }
    }

    #[test]
    fn what_people_write_is_read() {
        let xml = "<order>\n  <sku>MUG</sku>\n <n type='number'> 2 </n><lines type=\"array\">\n<item><a>x &amp; y</a></item></lines></order>";
        assert_eq!(read(xml.as_bytes()), Ok(json!({"sku": "MUG", "n": 2, "lines": [{"a": "x & y"}]})));
    }

    #[test]
    fn what_could_do_harm_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        for bad in [
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a>&b;</a>",
            "<a/><b/>",
            "<a>",
            "</a>",
            "",
            "text",
            "<a type=\"number\">x</a>",
            "<a type=\"odd\"/>",
            "<a><b>1</b><b>2</b></a>",
            "<a><b>1</b>text</a>",
            "<a type=\"array\">text<item>1</item></a>",
            "<a type=\"null\">text</a>",
            "<a><price type=\"null\"><amount>1</amount></price></a>",
            &deep,
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
