//! Contracts: the served one is the committed one, and what is asked and answered fits it.

mod references;

use std::{fs, path::Path};

use jsonschema::Draft;
use serde_json::{Value, json};

use crate::Answer;

/// Panics unless the contract that is served is the one in the file and holds whatever it refers to. With `UPDATE_CONTRACTS=1` in the environment it
/// writes the file instead: look at the difference before you commit it.
#[track_caller]
pub fn assert_contract_is_committed(served: &str, path: impl AsRef<Path>) {
    let path = path.as_ref();
    let served: Value = serde_json::from_str(served).expect("the served contract is JSON");
    let lost = references::dangling(&served);
    assert!(lost.is_empty(), "the served contract refers to what it does not hold: {}", lost.join(", "));
    if std::env::var_os("UPDATE_CONTRACTS").is_some_and(|it| it == "1") {
        let text = serde_json::to_string_pretty(&served).expect("JSON can be written");
        fs::write(path, text + "\n").unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        return;
    }
    let Some(difference) = difference(&read(path), &served, "") else { return };
    panic!("{} is not what is served: {difference}. `cargo retail openapi` writes it anew.", path.display());
}

/// An OpenAPI 3.1 document, to hold requests and answers to.
pub struct Contract(Value);

impl Contract {
    /// The contract in a file.
    #[track_caller]
    pub fn load(path: impl AsRef<Path>) -> Self {
        Self(read(path.as_ref()))
    }

    /// The contract as it was served.
    pub fn of(document: Value) -> Self {
        Self(document)
    }

    /// Panics unless an answer with this status and body may be given to this request.
    #[track_caller]
    pub fn check_response(&self, method: &str, path: &str, status: u16, body: &Value) {
        let wanted = format!("{method} {path} -> {status}");
        let responses = &self.operation(method, path)["responses"];
        let named = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let response = named.iter().find_map(|name| responses.get(name));
        let response = self.resolve(response.unwrap_or_else(|| panic!("{wanted}: the contract has no such status")));
        self.check(&wanted, response, body);
    }

    /// Panics unless this body may be sent with this request.
    #[track_caller]
    pub fn check_request(&self, method: &str, path: &str, body: &Value) {
        let operation = self.operation(method, path);
        let request = operation.get("requestBody").unwrap_or(&Value::Null);
        self.check(&format!("request {method} {path}"), self.resolve(request), body);
    }

    #[track_caller]
    pub(crate) fn check_answer(&self, method: &str, path: &str, answer: &Answer) {
        let kind = answer.header("content-type").unwrap_or_default();
        if kind.contains("json") {
            self.check_response(method, path, answer.status.as_u16(), &answer.json());
        } else if answer.body.is_empty() {
            self.check_response(method, path, answer.status.as_u16(), &Value::Null);
        }
    }

    /// The operation that this path leads to: a literal segment is a better match than a parameter.
    #[track_caller]
    fn operation(&self, method: &str, path: &str) -> &Value {
        let path = path.split('?').next().unwrap_or_default();
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let matching = paths.filter_map(|(template, item)| Some((parameters(template, path)?, item)));
        let (_, item) = matching
            .min_by_key(|(parameters, _)| *parameters)
            .unwrap_or_else(|| panic!("the contract has no path for {path}"));
        let operation = item.get(method.to_ascii_lowercase());
        operation.unwrap_or_else(|| panic!("the contract has no {method} {path}"))
    }

    #[track_caller]
    fn check(&self, what: &str, described: &Value, body: &Value) {
        let content = described["content"].as_object().into_iter().flatten();
        let Some((_, media)) = content.rev().find(|(name, _)| name.contains("json")) else {
            assert!(body.is_null(), "{what}: the contract has no body, but there is {body}");
            return;
        };
        // References point into the document's components, so those come along.
        let schema = json!({ "allOf": [media["schema"]], "components": self.0["components"] });
        let validator = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let validator = validator.build(&schema).unwrap_or_else(|error| panic!("{what}: a bad schema: {error}"));
        let faults: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(faults.is_empty(), "{what} does not fit the contract: {}\n{body:#}", faults.join("; "));
    }

    fn resolve<'a>(&'a self, described: &'a Value) -> &'a Value {
        match described["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null),
            None => described,
        }
    }
}

/// How many parameters `template` has, if `path` is one of its paths.
fn parameters(template: &str, path: &str) -> Option<usize> {
    let is_parameter = |segment: &str| segment.starts_with('{') && segment.ends_with('}');
    let (ours, theirs) = (template.split('/'), path.split('/'));
    if ours.clone().count() != theirs.clone().count() {
        return None;
    }
    let fits = ours.clone().zip(theirs).all(|(ours, theirs)| ours == theirs || is_parameter(ours));
    fits.then(|| ours.filter(|segment| is_parameter(segment)).count())
}

/// Where two documents differ first.
fn difference(committed: &Value, served: &Value, at: &str) -> Option<String> {
    match (committed, served) {
        (Value::Object(old), Value::Object(new)) => {
            let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let at = format!("{at}/{name}");
                match (old.get(name), new.get(name)) {
                    (Some(old), Some(new)) => difference(old, new, &at),
                    (None, _) => Some(format!("{at} is served but not committed")),
                    (_, None) => Some(format!("{at} is committed but not served")),
                }
            })
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => old
            .iter()
            .zip(new)
            .enumerate()
            .find_map(|(index, (old, new))| difference(old, new, &format!("{at}/{index}"))),
        _ => (committed != served).then(|| format!("{at} is {committed} in the file and {served} where it is served")),
    }
}

#[track_caller]
fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{} is not JSON: {error}", path.display()))
}
