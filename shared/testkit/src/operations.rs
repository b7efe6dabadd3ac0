//! Every operation of a contract, asked by callers who must be refused.

use std::path::Path;

use http::Method;
use serde_json::Value;
use uuid::uuid;

use crate::{Answer, Client, NOBODY, Tokens};

/// What stands for every parameter of a path that is not given another place.
const SOME_ID: &str = "01900000-0000-7000-8000-0000000000aa";

/// Every operation of a service's contract.
pub struct Operations {
    service: String,
    all: Vec<Operation>,
}

struct Operation {
    method: Method,
    // With its parameters filled in.
    path: String,
    // Any one of them will do.
    scopes: Vec<String>,
}

impl Operations {
    /// The operations of the contract in a file. `places` fills in the parameters of paths that are no UUIDs, e.g.
    /// `("{sku}", "MUG-BLUE")`.
    #[track_caller]
    pub fn of(service: &str, contract: impl AsRef<Path>, places: &[(&str, &str)]) -> Self {
        let text = std::fs::read_to_string(contract.as_ref());
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", contract.as_ref().display()));
        let document: Value = serde_json::from_str(&text).expect("a contract is JSON");
        let items = document["paths"].as_object().expect("a contract has paths");
        let all = items.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path has operations");
            methods.iter().map(|(method, operation)| Operation::of(method, path, operation, places))
        });
        let all: Vec<_> = all.collect();
        assert!(!all.is_empty(), "the contract has no operation");
        Self { service: service.to_owned(), all }
    }

    /// Panics unless every operation answers 401, with a challenge, without a token and with each bad one.
    pub async fn refuse_bad_tokens(&self, client: &Client, tokens: &Tokens) {
        for operation in &self.all {
            let answer = operation.ask(client, NOBODY).await.expect(401);
            assert!(answer.header("www-authenticate").is_some(), "{operation}");
        }
        for (fault, token) in tokens.every_bad_token(&self.service) {
            for operation in &self.all {
                assert_eq!(operation.ask(client, &token).await.status, 401, "{fault}: {operation}");
            }
        }
    }

    /// Panics unless every operation answers 403 to one who has every role and every scope but its own.
    pub async fn refuse_other_scopes(&self, client: &Client, tokens: &Tokens) {
        let elsewhere = "elsewhere:write".to_owned();
        let mut known: Vec<_> = self.all.iter().flat_map(|operation| &operation.scopes).chain([&elsewhere]).collect();
        known.sort();
        known.dedup();
        for operation in &self.all {
            let others = known.iter().filter(|scope| !operation.scopes.contains(scope));
            let others = others.map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ");
            let user = uuid!("01900000-0000-7000-8000-000000000001");
            let token = tokens.user(&self.service, user, &["customer", "staff", "operator"], &others);
            let answer = operation.ask(client, &token).await.expect(403);
            assert_eq!(answer.code(), "insufficient_scope", "{operation}");
        }
    }
}

impl Operation {
    #[track_caller]
    fn of(method: &str, path: &str, operation: &Value, places: &[(&str, &str)]) -> Self {
        let alternatives = operation["security"].as_array().cloned().unwrap_or_default();
        let scopes = alternatives.iter().filter_map(|it| it["oauth2"][0].as_str().map(str::to_owned));
        let scopes: Vec<_> = scopes.collect();
        assert!(!scopes.is_empty(), "{method} {path} asks for no scope");
        let path = places.iter().fold(path.to_owned(), |path, (name, place)| path.replace(name, place));
        let filled = path.split('/').map(|part| if part.starts_with('{') { SOME_ID } else { part });
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("an operation has a method");
        Self { method, path: filled.collect::<Vec<_>>().join("/"), scopes }
    }

    async fn ask(&self, client: &Client, token: &str) -> Answer {
        client.send(client.request(self.method.clone(), &self.path, token).json(&Value::Null)).await
    }
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
