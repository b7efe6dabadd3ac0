//! A token endpoint that does what the token's name says, and keeps count. The real one is tested with the suite.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use testkit::Tokens;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::services::echo;

/// What the gateway asked.
#[derive(Clone, Debug, Deserialize)]
pub struct Question {
    pub grant_type: String,
    pub subject_token: String,
    pub subject_token_type: String,
    pub audience: String,
    #[serde(skip)]
    pub authorization: String,
}

pub struct Auth {
    pub url: String,
    script: Arc<Script>,
}

struct Script {
    asked: Mutex<Vec<Question>>,
    revoked: Mutex<HashSet<String>>,
    held: Semaphore,
    keys: Mutex<Value>,
    jwts: Mutex<HashMap<String, String>>,
    keys_of: Mutex<HashMap<String, String>>,
}

impl Auth {
    /// `good…` is granted for a minute, `chief…` to an operator, `brief…` for six seconds, `held…` once it is let go; `bad…` is refused, `else…`
    /// is for another service, `down…` is a failure.
    pub async fn start() -> Self {
        let script = Arc::new(Script {
            asked: Mutex::default(),
            revoked: Mutex::default(),
            held: Semaphore::new(0),
            keys: Mutex::default(),
            jwts: Mutex::default(),
            keys_of: Mutex::default(),
        });
        let router = Router::new().route("/auth/token", post(token)).route("/auth/jwks", get(keys));
        let router = router.with_state(Arc::clone(&script));
        let router = router.fallback(|request: Request| echo("auth", request));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/auth", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, script }
    }

    /// From now on it is `tokens` that signs.
    pub async fn signs_as(&self, tokens: &Tokens) {
        let keys = reqwest::get(format!("{}/jwks", tokens.auth_url())).await.unwrap();
        *self.script.keys.lock().unwrap() = keys.json().await.unwrap();
    }

    /// The token is exchanged for this JWT.
    pub fn grants(&self, token: &str, jwt: String) {
        self.script.jwts.lock().unwrap().insert(token.to_owned(), jwt);
    }

    /// The token is bound to the key with this thumbprint.
    pub fn binds(&self, token: &str, thumbprint: String) {
        self.script.keys_of.lock().unwrap().insert(token.to_owned(), thumbprint);
    }

    /// Every question about `token`.
    pub fn asked(&self, token: &str) -> Vec<Question> {
        let asked = self.script.asked.lock().unwrap();
        asked.iter().filter(|question| question.subject_token == token).cloned().collect()
    }

    /// From now on the token is refused.
    pub fn revoke(&self, token: &str) {
        self.script.revoked.lock().unwrap().insert(token.to_owned());
    }

    /// Lets one held question be answered.
    pub fn let_go(&self) {
        self.script.held.add_permits(1);
    }
}

async fn keys(State(script): State<Arc<Script>>) -> Json<Value> {
    Json(script.keys.lock().unwrap().clone())
}

async fn token(State(script): State<Arc<Script>>, headers: HeaderMap, Form(mut question): Form<Question>) -> Response {
    question.authorization = headers["authorization"].to_str().unwrap().to_owned();
    let nth = {
        let mut asked = script.asked.lock().unwrap();
        asked.push(question.clone());
        asked.len()
    };
    let (token, audience) = (question.subject_token, question.audience);
    let revoked = script.revoked.lock().unwrap().contains(&token);
    if token.starts_with("held") {
        script.held.acquire().await.unwrap().forget();
    }
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    match token.split('-').next().unwrap() {
        _ if revoked => refuse("invalid_grant"),
        "bad" => refuse("invalid_request"),
        "else" => refuse("invalid_target"),
        "down" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        kind => {
            let expires_in = if kind == "brief" { 6 } else { 60 };
            let known = script.jwts.lock().unwrap().get(&token).cloned();
            let jwt = known.unwrap_or_else(|| {
                // {"roles":["operator"]}
                let claims = if kind == "chief" { "eyJyb2xlcyI6WyJvcGVyYXRvciJdfQ" } else { &audience };
                format!("{token}.{claims}.{nth}")
            });
            let mut granted = json!({"access_token": jwt, "token_type": "Bearer", "expires_in": expires_in});
            if let Some(key) = script.keys_of.lock().unwrap().get(&token) {
                granted["cnf"] = json!({ "jkt": key });
            }
            Json(granted).into_response()
        }
    }
}
