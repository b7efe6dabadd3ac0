//! What of the parts' answers stands where in the joined one: one line per field.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a field or a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    String,
    Integer,
    Number,
    Boolean,
    /// A point in time (RFC 3339).
    Time,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    pub to: Place,
    /// The number of the part.
    pub part: usize,
    pub from: Place,
    pub kind: Kind,
    /// It may be absent in the part's answer.
    pub optional: bool,
    pub about: Option<String>,
}

/// Where a value is: `items[].price.amount`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    key: String,
    /// It is a list, and what follows is in each of its items.
    each: bool,
}

impl Place {
    /// Reads it.
    pub fn read(text: &str) -> Result<Self, String> {
        let steps: Vec<_> = text.split('.').map(Step::read).collect();
        let named = steps.iter().all(|it| !it.key.is_empty() && !it.key.contains(['[', ']']));
        if named && steps.last().is_some_and(|last| !last.each) {
            Ok(Self(steps))
        } else {
            Err(format!("`{text}` is no place of a value"))
        }
    }

    /// Whether one value cannot be here and another there: one would be in the other, or a list and an object at once.
    pub fn excludes(&self, other: &Self) -> bool {
        let apart = self.0.iter().zip(&other.0).find(|(one, other)| one != other);
        apart.is_none_or(|(one, other)| one.key == other.key)
    }

    /// How many lists there are on the way.
    pub fn lists(&self) -> usize {
        self.0.iter().filter(|step| step.each).count()
    }
}

impl Step {
    fn read(text: &str) -> Self {
        let list = text.strip_suffix("[]");
        Self { key: list.unwrap_or(text).to_owned(), each: list.is_some() }
    }
}

impl Kind {
    /// Whether a parameter may say this.
    pub fn allows(self, text: &str) -> bool {
        match self {
            Self::String | Self::Time => !text.contains(['\0', '\u{FFFD}']),
            Self::Integer => text.parse::<i64>().is_ok(),
            Self::Number => text.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Boolean => matches!(text, "true" | "false"),
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::String | Self::Time => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::String | Self::Time => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    /// Its JSON schema.
    pub fn schema(self, about: Option<&str>) -> Value {
        let mut schema = json!({"type": self.name()});
        match self {
            Self::Integer => schema["format"] = "int64".into(),
            Self::Time => schema["format"] = "date-time".into(),
            Self::String | Self::Number | Self::Boolean => {}
        }
        if let Some(about) = about {
            schema["description"] = about.into();
        }
        schema
    }
}

/// A part's answer does not have what is declared of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAsDeclared;

impl Field {
    /// Takes the value from a part's answer.
    pub fn take(&self, answer: &Value, joined: &mut Map<String, Value>) -> Result<(), NotAsDeclared> {
        self.step(answer, &self.from.0, joined, &self.to.0)
    }

    fn step(
        &self,
        from: &Value,
        way: &[Step],
        to: &mut Map<String, Value>,
        place: &[Step],
    ) -> Result<(), NotAsDeclared> {
        let list = way.iter().position(|step| step.each);
        let keys = &way[..=list.unwrap_or(way.len() - 1)];
        let value = keys.iter().try_fold(from, |value, step| value.get(&step.key)).filter(|it| !it.is_null());
        let Some(value) = value else { return if self.optional { Ok(()) } else { Err(NotAsDeclared) } };
        let at = place.iter().position(|step| step.each).unwrap_or(place.len() - 1);
        let mut object = to;
        for step in &place[..at] {
            let inner = object.entry(step.key.as_str()).or_insert_with(|| json!({}));
            object = inner.as_object_mut().ok_or(NotAsDeclared)?;
        }
        let Some(list) = list else {
            object.insert(
                place[at].key.clone(),
                Some(value).filter(|it| self.kind.fits(it)).ok_or(NotAsDeclared)?.clone(),
            );
            return Ok(());
        };
        let items = value.as_array().ok_or(NotAsDeclared)?;
        let told = object.entry(place[at].key.as_str()).or_insert_with(|| json!([]));
        let told = told.as_array_mut().ok_or(NotAsDeclared)?;
        told.resize_with(items.len().max(told.len()), || json!({}));
        for (item, told) in items.iter().zip(told) {
            let told = told.as_object_mut().ok_or(NotAsDeclared)?;
            self.step(item, &way[list + 1..], told, &place[at + 1..])?;
        }
        Ok(())
    }

    /// Adds it to the schema of an object. `certain`: the part is there.
    pub fn describe(&self, schema: &mut Value, certain: bool) {
        let mut schema = schema;
        let mut certain = certain && !self.optional;
        for (nth, step) in self.to.0.iter().enumerate() {
            if certain
                && let Some(required) = schema["required"].as_array_mut()
                && !required.iter().any(|it| it == step.key.as_str())
            {
                required.push(step.key.as_str().into());
            }
            let last = nth + 1 == self.to.0.len();
            let properties = &mut schema["properties"];
            if last {
                properties[&step.key] = self.kind.schema(self.about.as_deref());
                return;
            }
            let inner = properties.as_object_mut().map(|it| it.entry(step.key.as_str()));
            let Some(inner) = inner else { return };
            schema = if step.each {
                // The list is there, so its items are whole.
                certain = !self.optional;
                &mut inner.or_insert_with(|| json!({"type": "array", "items": object()}))["items"]
            } else {
                inner.or_insert_with(object)
            };
        }
    }
}

/// The schema of an object that has nothing yet.
pub fn object() -> Value {
    json!({"type": "object", "required": [], "properties": {}})
}
