//! What a document refers to must stand in it: a reader that follows `$ref` would find nothing.

use serde_json::Value;

/// The references that lead nowhere, each with its place.
pub fn dangling(document: &Value) -> Vec<String> {
    let mut lost = Vec::new();
    walk(document, "", &mut |to, place| {
        if to.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).is_none() {
            lost.push(format!("{to} at {place}"));
        }
    });
    lost
}

fn walk(value: &Value, place: &str, found: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(to) if name == "$ref" => found(to, place),
                    member => walk(member, &format!("{place}/{name}"), found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, place, found)),
        _ => {}
    }
}
