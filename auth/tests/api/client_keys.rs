//! `jwks_uri`: clients that publish the keys with which they say who they are.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use auth::domain::{AuthenticationMethod, Client, GrantType, Scopes, SecurityProfile};
use axum::{Json, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Answer, Holder, eventually};
use tokio::{join, sync::watch};

use crate::started::{Auth, ISSUER, fault};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where a client publishes its keys.
#[derive(Clone, Default)]
struct Published {
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    // Says nothing.
    silent: watch::Sender<bool>,
    waiting: Arc<AtomicUsize>,
}

/// One who has asked and has neither an answer nor given up.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn one_more(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Published {
    /// Starts it, and registers `robot` with what is at this path of it.
    async fn by(auth: &Auth, path: &str) -> Self {
        let published = Self::default();
        let count = |State(it): State<Self>| async move {
            let _waiting = Waiting::one_more(&it.waiting);
            it.asked.fetch_add(1, Ordering::SeqCst);
            it.silent.subscribe().wait_for(|silent| !silent).await.unwrap();
            let keys = it.keys.lock().unwrap().clone();
            Json(json!({ "keys": keys }))
        };
        let elsewhere = async || (StatusCode::FOUND, [("location", "/jwks")]).into_response();
        let endless = async |State(it): State<Self>| {
            let keys = it.keys.lock().unwrap().clone();
            Json(json!({ "keys": keys, "x": "x".repeat(65 * 1024) }))
        };
        let router = Router::new()
            .route("/jwks", get(count))
            .route("/elsewhere", get(elsewhere))
            .route("/endless", get(endless))
            .with_state(published.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}{path}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        auth.register(robot(address)).await;
        published
    }

    fn publish(&self, keys: &[(&str, &Holder)]) {
        let named = keys.iter().map(|(kid, holder)| {
            let mut key = holder.jwk();
            key["kid"] = json!(kid);
            key
        });
        *self.keys.lock().unwrap() = named.collect();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn robot(jwks_uri: String) -> Client {
    Client {
        client_id: "robot".into(),
        name: "Robot".into(),
        grant_types: vec![GrantType::ClientCredentials],
        scopes: Scopes::of(["order:read"]),
        plan: "free".into(),
        security: SecurityProfile {
            method: Some(AuthenticationMethod::PrivateKeyJwt),
            jwks_uri: Some(jwks_uri),
            ..SecurityProfile::default()
        },
        ..Client::default()
    }
}

async fn present(auth: &Auth, holder: &Holder, kid: &str) -> Answer {
    let (now, id) = (auth.clock.now().unix_timestamp(), uuid::Uuid::new_v4());
    let claims = json!({"iss": "robot", "sub": "robot", "aud": ISSUER, "jti": id, "iat": now, "exp": now + 60});
    let assertion = holder.sign(json!({"kid": kid}), &claims);
    let form =
        [("grant_type", "client_credentials"), ("client_assertion_type", JWT_BEARER), ("client_assertion", &assertion)];
    auth.token(&form).await
}

#[tokio::test]
async fn a_client_that_publishes_its_keys_may_exchange_them_for_others() {
    let auth = Auth::start().await;
    let published = Published::by(&auth, "/jwks").await;
    let (old, new) = (Holder::new(), Holder::of("EdDSA"));
    published.publish(&[("old", &old)]);
    for _ in 0..3 {
        present(&auth, &old, "old").await.expect(200);
    }
    assert_eq!(published.asked(), 1, "keys are kept");
    published.publish(&[("new", &new)]);
    // One that is not known is asked for, every two seconds at the most.
    eventually(async || present(&auth, &new, "new").await.status == 200).await;
    assert_eq!(fault(&present(&auth, &old, "old").await.expect(401)), "invalid_client");
    auth.end().await;
}

#[tokio::test]
async fn whoever_makes_up_key_ids_does_not_have_the_client_asked_each_time() {
    let auth = Auth::start().await;
    let published = Published::by(&auth, "/jwks").await;
    let (holder, other) = (Holder::new(), Holder::new());
    published.publish(&[("own", &holder)]);
    let made_up: Vec<_> = (0..30).map(|nr| format!("made-up-{nr}")).collect();
    let began = std::time::Instant::now();
    let answers = join_all(made_up.iter().map(|kid| present(&auth, &other, kid))).await;
    assert!(answers.iter().all(|answer| answer.status == 401 && fault(answer) == "invalid_client"));
    let allowed = 1 + usize::try_from(began.elapsed().as_secs()).unwrap() / 2;
    assert!((1..=allowed).contains(&published.asked()), "{} of {allowed}", published.asked());
    present(&auth, &holder, "own").await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn a_client_whose_key_is_known_does_not_wait_while_its_address_says_nothing_to_who_makes_up_key_ids() {
    let auth = Auth::start().await;
    let published = Published::by(&auth, "/jwks").await;
    let (holder, other) = (Holder::new(), Holder::new());
    published.publish(&[("own", &holder)]);
    present(&auth, &holder, "own").await.expect(200);
    published.silent.send_replace(true);
    let made_up = eventually(async || {
        present(&auth, &other, "made-up").await.expect(401);
        published.asked() == 2
    });
    let known = async {
        eventually(async || published.asked() == 2).await;
        for _ in 0..3 {
            present(&auth, &holder, "own").await.expect(200);
        }
        assert_eq!(published.waiting.load(Ordering::SeqCst), 1, "nobody has given up yet");
        published.silent.send_replace(false);
    };
    join!(made_up, known);
    auth.end().await;
}

#[tokio::test]
async fn a_redirect_to_keys_is_not_followed_and_an_endless_answer_is_not_read() {
    for path in ["/elsewhere", "/endless", "/nothing"] {
        let auth = Auth::start().await;
        let published = Published::by(&auth, path).await;
        let holder = Holder::new();
        published.publish(&[("own", &holder)]);
        assert_eq!(fault(&present(&auth, &holder, "own").await.expect(401)), "invalid_client", "{path}");
        assert_eq!(published.asked(), 0, "{path}");
        auth.end().await;
    }
}

#[tokio::test]
async fn keys_at_an_address_inside_are_asked_for_only_where_an_operator_has_said_so() {
    // As one that is not in development: loopback is inside.
    let auth = Auth::start_with(|config| "https://shop.test".clone_into(&mut config.web.public_url)).await;
    let published = Published::by(&auth, "/jwks").await;
    let holder = Holder::new();
    published.publish(&[("own", &holder)]);
    let now = auth.clock.now().unix_timestamp();
    let present = async |id: &str| {
        let claims = json!({"iss": "robot", "sub": "robot", "aud": "https://shop.test/auth", "jti": id, "iat": now,
            "exp": now + 60});
        let assertion = holder.sign(json!({"kid": "own"}), &claims);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", &assertion),
        ];
        auth.token(&form).await
    };
    let itself = "update client set registration_hash = $1 where client_id = 'robot'";
    let mut db = auth.database.connect().await;
    // At the end keys are known, but not to who named the address itself.
    for (id, hash, status, asked) in
        [("1", Some(vec![1_u8; 32]), 401, 0), ("2", None, 200, 1), ("3", Some(vec![1_u8; 32]), 401, 1)]
    {
        sqlx::query(itself).bind(hash).execute(&mut db).await.unwrap();
        present(id).await.expect(status);
        assert_eq!(published.asked(), asked);
    }
    auth.end().await;
}
