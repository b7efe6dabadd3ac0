//! The verifier that every service has takes the good tokens and none of the bad ones.

use axum::{Router, routing::get};
use contracts::seed::ALICE;
use testkit::{Client, NOBODY, Tokens};
use web::{Authenticated, Verifier};

async fn service(tokens: &Tokens) -> Client {
    let verifier = Verifier::new("inventory", &tokens.issuer(), &tokens.auth_url());
    let router = Router::new().route("/", get(async |Authenticated(caller): Authenticated| caller.subject));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let client = Client::new(&format!("http://{}", listener.local_addr().expect("it is bound")));
    tokio::spawn(axum::serve(listener, router.with_state(verifier)).into_future());
    client
}

#[tokio::test]
async fn good_tokens_are_taken() {
    let tokens = Tokens::serve().await;
    let service = service(&tokens).await;
    let alice = service.get("/", &tokens.customer("inventory", ALICE)).await.expect(200);
    assert_eq!(alice.body, ALICE.to_string());
    for token in [tokens.staff("inventory"), tokens.operator("inventory"), tokens.client("inventory", "order", "")] {
        service.get("/", &token).await.expect(200);
    }
}

#[tokio::test]
async fn every_bad_token_is_refused() {
    let tokens = Tokens::serve().await;
    let service = service(&tokens).await;
    assert_eq!(service.get("/", NOBODY).await.status, 401);
    for (what, token) in tokens.every_bad_token("inventory") {
        assert_eq!(service.get("/", &token).await.status, 401, "{what}");
    }
}
