//! What is signed with which algorithm: as the client wants, but for JWTs for services.

use auth::domain::SigningAlgorithm;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header, encode, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::NOBODY;

use crate::{
    keys::a_service,
    started::{Auth, authorize, parameter, secret, text},
};

async fn wants_rs256(auth: &Auth, client_id: &str) {
    auth.change(client_id, |client| {
        client.signing.id_token = SigningAlgorithm::Rs256;
        client.signing.introspection = SigningAlgorithm::Rs256;
    })
    .await;
}

#[tokio::test]
async fn an_id_token_is_signed_as_its_client_wants_and_a_jwt_for_a_service_is_not() {
    let auth = Auth::start().await;
    let usual = auth.tokens("alice", "openid order:read").await;
    auth.verify_by(Algorithm::ES256, text(&usual, "id_token"), "demo").await;
    wants_rs256(&auth, "demo").await;
    let tokens = auth.tokens("alice", "openid order:read offline_access").await;
    let (typ, claims) = auth.verify_by(Algorithm::RS256, text(&tokens, "id_token"), "demo").await;
    assert!(typ == "JWT" && claims["at_hash"].is_string(), "{claims}");
    let refreshed = auth.refresh(text(&tokens, "refresh_token")).await.expect(200).json();
    auth.verify_by(Algorithm::RS256, text(&refreshed, "id_token"), "demo").await;
    let jwt = auth.exchange(text(&refreshed, "access_token"), "order").await.expect(200).json();
    auth.verify_by(Algorithm::ES256, text(&jwt, "access_token"), "order").await;
    auth.end().await;
}

#[tokio::test]
async fn what_a_client_is_told_of_tokens_is_signed_as_it_wants() {
    let auth = Auth::start().await;
    wants_rs256(&auth, "reporting").await;
    let token = auth.client_credentials("reporting", &[]).await.expect(200).json();
    let request = auth.client.request(Method::POST, "/auth/introspect", NOBODY);
    let request = request.basic_auth("reporting", Some(secret("reporting")));
    let request = request.header("accept", "application/token-introspection+jwt");
    let answer = auth.client.send(request.form(&[("token", text(&token, "access_token"))])).await.expect(200);
    assert_eq!(decode_header(&answer.body).unwrap().alg, Algorithm::RS256);
    let claims = read(&auth, &answer.body, Algorithm::RS256).await;
    assert_eq!(claims["token_introspection"]["active"], true);
    auth.end().await;
}

#[tokio::test]
async fn an_id_token_of_either_algorithm_is_taken_as_a_hint_and_none_that_says_it_is_of_the_other() {
    let auth = Auth::start().await;
    wants_rs256(&auth, "demo").await;
    let cookie = auth.log_in("alice").await;
    let tokens = auth.tokens("alice", "openid").await;
    let id_token = text(&tokens, "id_token");
    let ask = async |hint: &str| auth.get(&authorize(&[("id_token_hint", hint), ("prompt", "none")]), &cookie).await;
    assert!(parameter(&ask(id_token).await, "code").is_some());
    let (_, rest) = id_token.split_once('.').unwrap();
    let kid = decode_header(id_token).unwrap().kid.unwrap();
    for alg in ["ES256", "PS256", "HS256", "none"] {
        let header = json!({"alg": alg, "typ": "JWT", "kid": kid}).to_string();
        let forged = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(parameter(&ask(&forged).await, "error").as_deref(), Some("invalid_request"), "{alg}");
    }
    auth.end().await;
}

#[tokio::test]
async fn a_service_takes_nothing_that_is_signed_with_a_key_for_clients() {
    let auth = Auth::start().await;
    wants_rs256(&auth, "demo").await;
    let order = a_service(&auth).await;
    let tokens = auth.tokens("alice", "openid order:read").await;
    let jwt = auth.exchange(text(&tokens, "access_token"), "order").await.expect(200).json();
    order.get("/", text(&jwt, "access_token")).await.expect(200);
    order.get("/", text(&tokens, "id_token")).await.expect(401);
    // All is as it should be but the algorithm.
    let (typ, claims) = auth.verify(text(&jwt, "access_token"), "order").await;
    for (algorithm, status) in [(SigningAlgorithm::Es256, 200), (SigningAlgorithm::Rs256, 401)] {
        let signed = sign(&auth, algorithm, &typ, &claims).await;
        auth.verify_by(algorithm.into(), &signed, "order").await;
        order.get("/", &signed).await.expect(status);
    }
    auth.end().await;
}

/// Signs with the newest key of this algorithm, as somebody who knows `KEY_ENCRYPTION_KEY`.
async fn sign(auth: &Auth, algorithm: SigningAlgorithm, typ: &str, claims: &Value) -> String {
    let keys = auth::db::list_keys(&mut auth.database.connect().await).await.unwrap();
    let sealed = keys.iter().find(|key| key.algorithm == algorithm).unwrap();
    let mut header = Header::new(algorithm.into());
    (header.typ, header.kid) = (Some(typ.to_owned()), Some(sealed.kid.clone()));
    encode(&header, claims, &auth::keys::open(&[7; 32], sealed).unwrap()).unwrap()
}

async fn read(auth: &Auth, jwt: &str, algorithm: Algorithm) -> Value {
    let keys: JwkSet = auth.client.get("/auth/jwks", NOBODY).await.expect(200).read();
    let key = keys.find(&decode_header(jwt).unwrap().kid.unwrap()).expect("the key is published");
    let mut validation = Validation::new(algorithm);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    validation.required_spec_claims.clear();
    decode::<Value>(jwt, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
}
