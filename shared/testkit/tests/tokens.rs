//! The tokens of tests are good where they should be, and bad in exactly the way they say.

use std::collections::HashSet;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::seed::ALICE;
use serde_json::{Value, json};
use testkit::{Client, NOBODY, Tokens};

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap_or_default();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default()).unwrap_or_default()
}

fn bad(tokens: &Tokens, what: &str) -> String {
    let all = tokens.every_bad_token("inventory");
    all.into_iter().find(|(name, _)| *name == what).unwrap_or_else(|| panic!("no token `{what}`")).1
}

#[tokio::test]
async fn a_good_token_is_what_the_profile_asks_for() {
    let tokens = Tokens::serve().await;
    let token = tokens.customer("order", ALICE);
    assert_eq!(part(&token, 0)["typ"], "at+jwt");
    let claims = part(&token, 1);
    assert_eq!(claims["iss"], tokens.issuer());
    assert_eq!(claims["aud"], "order");
    assert_eq!(claims["sub"], ALICE.to_string());
    assert_eq!(claims["scope"], "order:read order:write");
    assert_eq!(claims["roles"], json!(["customer"]));
    assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() <= 60);
}

#[tokio::test]
async fn a_client_is_never_mistaken_for_a_user() {
    let tokens = Tokens::serve().await;
    assert_eq!(part(&tokens.client("inventory", "order", "inventory:reserve"), 1)["sub"], "client:order");
}

#[tokio::test]
async fn the_key_is_served_where_services_look_for_it() {
    let tokens = Tokens::serve().await;
    let keys = Client::new(&tokens.auth_url()).get("/jwks", NOBODY).await.expect(200).json();
    assert_eq!(keys["keys"][0]["kid"], part(&tokens.staff("store"), 0)["kid"]);
    assert!(keys["keys"][0].get("d").is_none(), "the private half must stay here");
}

#[tokio::test]
async fn bad_tokens_have_the_fault_they_are_named_after() {
    let tokens = Tokens::serve().await;
    let now = part(&tokens.staff("inventory"), 1)["iat"].as_i64().unwrap();
    let claim = |what: &str, name: &str| part(&bad(&tokens, what), 1)[name].clone();
    assert!(claim("expired", "exp").as_i64().unwrap() <= now - 30);
    assert!(claim("not yet valid", "nbf").as_i64().unwrap() >= now + 600);
    assert_eq!(claim("for no audience", "aud"), Value::Null);
    assert_eq!(claim("of no issuer", "iss"), Value::Null);
    assert_ne!(claim("for another audience", "aud"), "inventory");
    assert_ne!(claim("of another issuer", "iss"), json!(tokens.issuer()));
    let header = |what: &str, name: &str| part(&bad(&tokens, what), 0)[name].clone();
    assert_eq!(header("unsigned", "alg"), "none");
    assert!(bad(&tokens, "unsigned").ends_with('.'));
    assert_eq!(header("an unknown critical header", "crit"), json!(["unheard-of"]));
    assert_ne!(header("another type of JWT", "typ"), "at+jwt");
    let known = part(&tokens.staff("inventory"), 0)["kid"].clone();
    assert_eq!(header("signed by a foreign key with a known id", "kid"), known);
    assert_ne!(header("signed by a foreign key", "kid"), known);
}

#[tokio::test]
async fn no_two_bad_tokens_are_the_same() {
    let all = Tokens::serve().await.every_bad_token("inventory");
    assert_eq!(all.iter().map(|(name, _)| name).collect::<HashSet<_>>().len(), all.len());
    assert_eq!(all.iter().map(|(_, token)| token).collect::<HashSet<_>>().len(), all.len());
}
