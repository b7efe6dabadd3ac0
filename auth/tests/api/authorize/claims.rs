//! `claims`: claims asked for one by one, and `acr`.

use serde_json::{Value, json};

use crate::started::{Auth, ISSUER, authorize, parameter, text};

#[tokio::test]
async fn claims_asked_for_by_name_are_told_where_they_were_asked_for() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let claims = json!({
        "id_token": {"email": {"essential": true}, "shoe_size": null},
        "userinfo": {"given_name": null, "phone_number": {"essential": true}},
    });
    let answer = auth.get(&authorize(&[("claims", &claims.to_string())]), &cookie).await.expect(303);
    let tokens = auth.redeem(&parameter(&answer, "code").unwrap()).await.expect(200).json();
    let (_, id) = auth.verify(text(&tokens, "id_token"), "demo").await;
    assert_eq!((&id["email"], id.get("given_name"), id.get("shoe_size")), (&json!("alice@example.com"), None, None));
    let told = auth.client.get("/auth/userinfo", text(&tokens, "access_token")).await.expect(200).json();
    assert_eq!((&told["given_name"], &told["phone_number"]), (&json!("Alice"), &json!("+49 40 555 0100")));
    assert!(told.get("email").is_none() && told.get("name").is_none(), "{told}");
    auth.end().await;
}

#[tokio::test]
async fn a_client_is_not_told_by_name_what_its_scopes_would_not_allow() {
    let auth = Auth::start().await;
    auth.change("demo", |client| client.scopes = auth::domain::Scopes::of(["openid", "order:read"])).await;
    let cookie = auth.log_in("alice").await;
    let claims = json!({"id_token": {"email": null}, "userinfo": {"email": null}}).to_string();
    let id = auth.id_claims(&cookie, &[("claims", &claims)]).await;
    assert_eq!(id.get("email"), None);
    auth.end().await;
}

#[tokio::test]
async fn a_way_of_logging_in_that_is_essential_must_be_the_one_there_is() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let asking = |acr: Value| json!({"id_token": {"acr": acr}}).to_string();
    let ours = format!("{ISSUER}/acr/password");
    for met in [json!({"essential": true, "values": ["x", ours]}), json!({"value": "x"}), Value::Null] {
        assert_eq!(auth.id_claims(&cookie, &[("claims", &asking(met))]).await["acr"], ours);
    }
    let unmet = asking(json!({"essential": true, "values": ["https://example.com/strong"]}));
    let answer = auth.get(&authorize(&[("claims", &unmet)]), &cookie).await.expect(303);
    assert_eq!(parameter(&answer, "error").as_deref(), Some("unmet_authentication_requirements"));
    auth.end().await;
}

#[tokio::test]
async fn claims_that_are_no_such_object_go_back_to_the_client() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for wrong in ["[]", "{", "7", r#"{"userinfo": {"name": 7}}"#] {
        let answer = auth.get(&authorize(&[("claims", wrong)]), &cookie).await.expect(303);
        assert_eq!(parameter(&answer, "error").as_deref(), Some("invalid_request"), "{wrong}");
    }
    auth.end().await;
}
