//! Claims that are asked for one by one: the `claims` parameter (OpenID Connect Core, section 5.5).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Client, Code, Refusal, claims};

const MOST: usize = 50;

/// What is asked for, by the place where it is to be told.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    id_token: Place,
    userinfo: Place,
}

type Place = BTreeMap<String, Option<Wish>>;

/// A claim, and what is wanted of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    essential: bool,
    value: Option<Value>,
    values: Option<Vec<Value>>,
}

impl Wish {
    // Nothing said about the value means any.
    fn accepts(&self, value: &str) -> bool {
        let mut wanted = self.value.iter().chain(self.values.iter().flatten()).peekable();
        wanted.peek().is_none() || wanted.any(|it| it == value)
    }
}

impl Wishes {
    /// Reads the parameter.
    pub fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        let Some(text) = text else { return Ok(Self::default()) };
        let malformed = || Code::InvalidRequest.because("claims is not a JSON object as OpenID Connect describes it");
        let Some(Value::Object(places)) = serde_json::from_str(text).ok() else { return Err(malformed()) };
        let read = |name| places.get(name).map_or(Some(Place::default()), read_place).ok_or_else(malformed);
        let wishes = Self { id_token: read("id_token")?, userinfo: read("userinfo")? };
        if wishes.id_token.len() + wishes.userinfo.len() > MOST {
            return Err(Code::InvalidRequest.because("claims asks for too many"));
        }
        Ok(wishes)
    }

    /// Who must be logged in: `sub` with a value.
    pub fn subject(&self) -> Result<Option<&str>, Refusal> {
        let places = [&self.id_token, &self.userinfo].into_iter();
        let mut values = places.filter_map(|place| place.get("sub")?.as_ref()?.value.as_ref());
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) {
            return Err(Code::InvalidRequest.because("claims asks for two subjects"));
        }
        first.as_str().map(Some).ok_or_else(|| Code::InvalidRequest.because("claims asks for a sub that is no text"))
    }

    /// Refuses if a way of logging in is essential that is not ours (section 5.5.1.1).
    pub fn check_acr(&self, ours: &str) -> Result<(), Refusal> {
        match self.id_token.get("acr") {
            Some(Some(wish)) if wish.essential && !wish.accepts(ours) => {
                Err(Code::UnmetAuthenticationRequirements.because("users log in with a password here"))
            }
            _ => Ok(()),
        }
    }

    /// The claims about the user that go into the ID token and into userinfo: those that we know and that this client
    /// may be told.
    pub fn named_for(&self, client: &Client) -> (Vec<String>, Vec<String>) {
        let known = |place: &Place| {
            let names = place.keys().filter(|name| claims::scope_of(name).is_some_and(|it| client.scopes.contains(it)));
            names.cloned().collect()
        };
        (known(&self.id_token), known(&self.userinfo))
    }
}

// By hand: serde would take an array for a struct as well.
fn read_place(place: &Value) -> Option<Place> {
    let wish = |(name, wish): (&String, &Value)| match wish {
        Value::Null => Some((name.clone(), None)),
        Value::Object(_) => Some((name.clone(), Some(Wish::deserialize(wish).ok()?))),
        _ => None,
    };
    match place {
        Value::Null => Some(Place::default()),
        Value::Object(claims) => claims.iter().map(wish).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scopes;

    fn read(text: &str) -> Wishes {
        Wishes::parse(Some(text)).unwrap()
    }

    #[test]
    fn only_claims_that_are_known_and_allowed_are_told() {
        let client = Client { scopes: Scopes::of(["openid", "email"]), ..Client::default() };
        let wishes = read(
            r#"{"id_token": {"email": null, "auth_time": {"essential": true}},
            "userinfo": {"email_verified": {"essential": true}, "name": null, "shoe_size": null}, "other": 7}"#,
        );
        assert_eq!(wishes.named_for(&client), (vec!["email".to_owned()], vec!["email_verified".to_owned()]));
    }

    #[test]
    fn what_is_no_such_object_is_refused() {
        for bad in [
            "",
            "[]",
            "7",
            "{",
            r#"{"userinfo": []}"#,
            r#"{"userinfo": {"name": 7}}"#,
            r#"{"userinfo": {"name": [true]}}"#,
        ] {
            assert_eq!(Wishes::parse(Some(bad)).unwrap_err().code, Code::InvalidRequest, "{bad}");
        }
        let many: Vec<_> = (0..=MOST).map(|nr| format!("\"c{nr}\": null")).collect();
        assert!(Wishes::parse(Some(&format!("{{\"userinfo\": {{{}}}}}", many.join(",")))).is_err());
    }

    #[test]
    fn a_way_of_logging_in_that_is_essential_must_be_ours() {
        assert!(read("{}").check_acr("ours").is_ok());
        assert!(read(r#"{"id_token": {"acr": {"essential": true}}}"#).check_acr("ours").is_ok());
        assert!(read(r#"{"id_token": {"acr": {"values": ["x"]}}}"#).check_acr("ours").is_ok());
        assert!(
            read(r#"{"id_token": {"acr": {"essential": true, "values": ["x", "ours"]}}}"#).check_acr("ours").is_ok()
        );
        for other in [r#""value": "x""#, r#""values": ["x", "y"]"#] {
            let wishes = read(&format!(r#"{{"id_token": {{"acr": {{"essential": true, {other}}}}}}}"#));
            assert_eq!(wishes.check_acr("ours").unwrap_err().code, Code::UnmetAuthenticationRequirements);
        }
    }

    #[test]
    fn a_subject_is_one_text() {
        assert_eq!(read(r#"{"userinfo": {"sub": null}}"#).subject().unwrap(), None);
        assert_eq!(read(r#"{"id_token": {"sub": {"value": "a"}}}"#).subject().unwrap(), Some("a"));
        for bad in [
            r#"{"id_token": {"sub": {"value": "a"}}, "userinfo": {"sub": {"value": "b"}}}"#,
            r#"{"id_token": {"sub": {"value": 7}}}"#,
        ] {
            assert!(read(bad).subject().is_err(), "{bad}");
        }
    }
}
