//! CBOR as JSON. What JSON cannot say is refused, and so is a member that is said twice: nothing is lost in silence.

use ciborium::Value as Cbor;
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::DEPTH;

/// Reads one value, with nothing after it.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH).map_err(|error| error.to_string())?;
    if rest.is_empty() { json(value) } else { Err("something comes after it".to_owned()) }
}

fn json(value: Cbor) -> Result<Value, String> {
    match value {
        Cbor::Null => Ok(Value::Null),
        Cbor::Bool(it) => Ok(it.into()),
        Cbor::Text(it) => Ok(it.into()),
        Cbor::Integer(it) => {
            let number = u64::try_from(it).map(Value::from).or_else(|_| i64::try_from(it).map(Value::from));
            number.map_err(|_| "a number is too large".to_owned())
        }
        Cbor::Float(it) => Number::from_f64(it).map(Value::Number).ok_or_else(|| format!("{it} is no number")),
        Cbor::Array(members) => members.into_iter().map(json).collect(),
        Cbor::Map(members) => object(members),
        _ => Err("bytes or a tag, which JSON has not".to_owned()),
    }
}

fn object(members: Vec<(Cbor, Cbor)>) -> Result<Value, String> {
    let mut object = Map::new();
    for (name, value) in members {
        match object.entry(name.into_text().map_err(|_| "a name is no text")?) {
            Entry::Occupied(known) => return Err(format!("there are two {}", known.key())),
            Entry::Vacant(new) => new.insert(json(value)?),
        };
    }
    Ok(object.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_read_whole_or_refused() {
        let good = json!({"a": [1, -1, u64::MAX, i64::MIN, 1.5, true, null], "b": {"a": "ä"}});
        let mut bytes = Vec::new();
        ciborium::into_writer(&good, &mut bytes).unwrap();
        assert_eq!(read(&bytes), Ok(good));
        for (bad, what) in [
            (&b"\xa2\x61a\x01\x61a\x02"[..], "a name twice"),
            (b"\x81\xa2\x61a\x01\x61a\x01", "a name twice, further down"),
            (b"\xf9\x7e\x00", "not a number"),
            (b"\xa1\x61a\xf9\x7c\x00", "infinity"),
            (b"\xfb\xff\xf0\x00\x00\x00\x00\x00\x00", "minus infinity"),
            (b"\xa1\x01\x02", "a name that is no text"),
            (b"\x41a", "bytes"),
            (b"\xc1\x01", "a tag"),
            (b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff", "a number below all of JSON's"),
            (b"\x01\x02", "something after it"),
            (b"", "nothing"),
        ] {
            assert!(read(bad).is_err(), "{what}");
        }
    }
}
