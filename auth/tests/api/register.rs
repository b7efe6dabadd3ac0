//! `/auth/register`: clients that register themselves, with what an operator handed out for that.

use futures::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Holder, NOBODY};
use time::Duration;
use uuid::Uuid;

use crate::started::{Auth, CALLBACK, PUBLIC_URL, VERIFIER, authorize, fault, parameter, text};

const TOKENS: &str = "/auth/v1/initial-access-tokens";
const REGISTER: &str = "/auth/register";

#[tokio::test]
async fn a_client_registers_itself_logs_a_user_in_and_deletes_itself() {
    let auth = Auth::start().await;
    let allowed = allow(&auth, &json!({"scope": "openid order:read offline_access"})).await;
    let metadata = json!({"client_name": "My shop", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_post"});
    let client = auth.client.post(REGISTER, text(&allowed, "initial_access_token"), &metadata).await.expect(201).json();
    let (client_id, secret) = (text(&client, "client_id"), text(&client, "client_secret"));
    assert_eq!(
        (&client["scope"], &client["client_name"]),
        (&json!("offline_access openid order:read"), &json!("My shop"))
    );
    assert_eq!(client["client_secret_expires_at"], 0);

    let tokens = tokens(&auth, client_id, secret).await;
    let access_token = text(&tokens, "access_token");
    assert!(auth.is_alive(access_token).await);
    // It is no resource server: what others hold is none of its business.
    let others = auth.tokens("bob", "openid order:read").await;
    for (token, active) in [(access_token, true), (text(&others, "access_token"), false)] {
        let form = [("client_id", client_id), ("client_secret", secret), ("token", token)];
        let told = auth.submit("/auth/introspect", "", &form).await.expect(200).json();
        assert_eq!(told["active"], active, "{told}");
    }
    let own = text(&client, "registration_access_token");
    let path = format!("{REGISTER}/{client_id}");
    assert!(text(&client, "registration_client_uri").ends_with(&path));
    let seen = auth.client.get(&path, own).await.expect(200).json();
    assert!(seen["client_name"] == "My shop" && seen.get("client_secret").is_none());

    auth.client.delete(&path, own).await.expect(204);
    assert!(!auth.is_alive(access_token).await);
    assert_eq!(auth.announced().await.len(), 1);
    auth.client.get(&path, own).await.expect(401);
    let kinds =
        format!("select count(*) from security_event where subject = 'client:{client_id}' and kind like 'client%'");
    assert_eq!(auth.number(&kinds).await, 2);
    auth.end().await;
}

#[tokio::test]
async fn without_a_good_initial_access_token_nobody_registers() {
    let auth = Auth::start().await;
    let metadata = json!({"redirect_uris": [CALLBACK]});
    let allowed = allow(&auth, &json!({"expires_in": 60, "uses": 5})).await;
    let token = text(&allowed, "initial_access_token");
    let user = auth.tokens("olga", "openid auth:operate").await;
    for wrong in [NOBODY, "rit_made-up", text(&user, "access_token")] {
        auth.client.post(REGISTER, wrong, &metadata).await.expect(401);
    }
    auth.client.post(REGISTER, token, &metadata).await.expect(201);
    // What is refused uses nothing up.
    auth.client.post(REGISTER, token, &json!({"redirect_uris": ["http://evil.example/"]})).await.expect(400);
    assert_eq!(auth.number("select uses_left::bigint from initial_access_token").await, 4);
    auth.clock.advance(Duration::seconds(61));
    auth.client.post(REGISTER, token, &metadata).await.expect(401);

    let withdrawn = allow(&auth, &json!({})).await;
    let path = format!("{TOKENS}/{}", text(&withdrawn, "id"));
    let olga = text(&auth.tokens("olga", "openid auth:operate").await, "access_token").to_owned();
    auth.client.delete(&path, &olga).await.expect(204);
    auth.client.delete(&path, &olga).await.expect(404);
    auth.client.post(REGISTER, text(&withdrawn, "initial_access_token"), &metadata).await.expect(401);
    auth.end().await;
}

#[tokio::test]
async fn an_initial_access_token_is_used_as_often_as_it_may_be_however_many_try() {
    let auth = Auth::start().await;
    for (uses, body) in [(1, json!({})), (3, json!({"uses": 3}))] {
        let allowed = allow(&auth, &body).await;
        let token = text(&allowed, "initial_access_token");
        let metadata = json!({"redirect_uris": [CALLBACK]});
        let answers = join_all((0..30).map(|_| auth.client.post(REGISTER, token, &metadata))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), uses);
        assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 401));
    }
    auth.end().await;
}

#[tokio::test]
async fn a_client_id_is_never_like_a_users_id_and_the_database_refuses_one_that_is() {
    let auth = Auth::start().await;
    let allowed = allow(&auth, &json!({"uses": 20})).await;
    let (token, metadata) = (text(&allowed, "initial_access_token"), json!({"redirect_uris": [CALLBACK]}));
    for _ in 0..20 {
        let client = auth.client.post(REGISTER, token, &metadata).await.expect(201).json();
        let client_id = text(&client, "client_id");
        assert!(Uuid::parse_str(client_id).is_err() && client_id.starts_with("app-"), "{client_id}");
    }
    let mut db = auth.database.connect().await;
    let like_a_user =
        "insert into client (client_id, name, grant_types, redirect_uris, origins, scopes, plan, created_at)
        values ('a1900000-0000-7000-8000-000000000001', 'x', '{}', '{}', '{}', '{}', 'free', now())";
    let refused = sqlx::query(like_a_user).execute(&mut db).await.unwrap_err();
    assert!(refused.to_string().contains("client_id_is_no_user"), "{refused}");
    auth.end().await;
}

#[tokio::test]
async fn a_client_changes_its_registration_within_what_it_was_allowed() {
    let auth = Auth::start().await;
    let allowed = allow(&auth, &json!({"scope": "openid order:read store:read"})).await;
    let metadata =
        json!({"redirect_uris": [CALLBACK], "scope": "openid order:read", "token_endpoint_auth_method": "none"});
    let client = auth.client.post(REGISTER, text(&allowed, "initial_access_token"), &metadata).await.expect(201).json();
    assert!(client.get("client_secret").is_none());
    let (client_id, own) = (text(&client, "client_id"), text(&client, "registration_access_token"));
    let path = format!("{REGISTER}/{client_id}");
    let change = async |change: Value| auth.client.put(&path, own, &change).await;

    let wider = json!({"client_id": client_id, "redirect_uris": [CALLBACK], "scope": "openid store:read"});
    let changed = change(wider).await.expect(200).json();
    assert_eq!(changed["scope"], "openid store:read");
    let secret = text(&changed, "client_secret");
    let again = json!({"client_id": client_id, "redirect_uris": [CALLBACK], "client_secret": secret});
    assert!(change(again).await.expect(200).json().get("client_secret").is_none(), "it keeps the one it has");

    let faults = [
        json!({"redirect_uris": [CALLBACK]}),
        json!({"client_id": "demo", "redirect_uris": [CALLBACK]}),
        json!({"client_id": client_id, "redirect_uris": [CALLBACK], "scope": "order:write"}),
        json!({"client_id": client_id, "redirect_uris": [CALLBACK], "client_secret": "guessed"}),
        json!({"client_id": client_id, "redirect_uris": [CALLBACK], "registration_access_token": "mine"}),
        json!({"client_id": client_id, "redirect_uris": [CALLBACK], "grant_types": ["client_credentials"]}),
    ];
    for wrong in faults {
        assert_eq!(fault(&change(wrong.clone()).await.expect(400)), "invalid_client_metadata", "{wrong}");
    }
    for (path, token) in [(&*path, "rgt_made-up"), ("/auth/register/demo", own), ("/auth/register/nobody", own)] {
        auth.client.get(path, token).await.expect(401);
        auth.client.put(path, token, &json!({})).await.expect(401);
        auth.client.delete(path, token).await.expect(401);
    }
    auth.end().await;
}

#[tokio::test]
async fn everything_that_a_client_may_say_of_itself_is_told_back_and_can_be_changed() {
    let auth = Auth::start().await;
    let allowed = allow(&auth, &json!({"scope": "openid order:read store:read", "uses": 3})).await;
    let key = Holder::new().jwk();
    let all = json!({
        "client_name": "My shop",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid order:read",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key]},
        "post_logout_redirect_uris": ["http://127.0.0.1/signed-out"],
        "backchannel_logout_uri": "http://127.0.0.1:7000/told",
        "backchannel_logout_session_required": true,
        "require_pushed_authorization_requests": true,
        "dpop_bound_access_tokens": false,
        "id_token_signed_response_alg": "ES256",
        "introspection_signed_response_alg": "ES256",
        "resources": [format!("{PUBLIC_URL}/api/order")],
    });
    let client = auth.client.post(REGISTER, text(&allowed, "initial_access_token"), &all).await.expect(201).json();
    let path = format!("{REGISTER}/{}", text(&client, "client_id"));
    let own = text(&client, "registration_access_token");
    let says = |told: &Value, what: &Value| {
        for (name, value) in what.as_object().unwrap() {
            assert_eq!(&told[name], value, "{name}");
        }
    };
    says(&client, &all);
    says(&auth.client.get(&path, own).await.expect(200).json(), &all);

    let mut other = json!({
        "client_id": client["client_id"],
        "client_name": "Your shop",
        "redirect_uris": ["https://shop.example/cb"],
        "grant_types": ["authorization_code"],
        "scope": "openid store:read",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "https://shop.example/jwks",
        "backchannel_logout_uri": "https://shop.example/told",
        "backchannel_logout_session_required": false,
        "require_pushed_authorization_requests": false,
        "dpop_bound_access_tokens": true,
        "id_token_signed_response_alg": "RS256",
        "introspection_signed_response_alg": "RS256",
        "resources": [format!("{PUBLIC_URL}/api/store"), format!("{PUBLIC_URL}/api/order")],
    });
    auth.client.put(&path, own, &other).await.expect(200);
    // They come in order.
    other["resources"].as_array_mut().unwrap().reverse();
    let told = auth.client.get(&path, own).await.expect(200).json();
    says(&told, &other);
    assert!(told.get("jwks").is_none() && told.get("post_logout_redirect_uris").is_none(), "{told}");

    // What is left out is what it is unless told.
    let least = json!({"client_id": client["client_id"], "redirect_uris": [CALLBACK]});
    let told = auth.client.put(&path, own, &least).await.expect(200).json();
    says(
        &told,
        &json!({"token_endpoint_auth_method": "client_secret_basic", "id_token_signed_response_alg": "RS256",
        "introspection_signed_response_alg": "RS256", "dpop_bound_access_tokens": false,
        "require_pushed_authorization_requests": false, "backchannel_logout_session_required": false}),
    );
    for gone in ["jwks_uri", "jwks", "backchannel_logout_uri", "resources", "post_logout_redirect_uris"] {
        assert!(told.get(gone).is_none(), "{gone}: {told}");
    }
    auth.end().await;
}

#[tokio::test]
async fn a_change_of_its_registration_leaves_what_operators_have_decided_of_a_client() {
    let auth = Auth::start().await;
    let allowed = allow(&auth, &json!({"scope": "openid order:read"})).await;
    let order = format!("{PUBLIC_URL}/api/order");
    let metadata = json!({"redirect_uris": [CALLBACK], "scope": "openid", "resources": [order]});
    let client = auth.client.post(REGISTER, text(&allowed, "initial_access_token"), &metadata).await.expect(201).json();
    let (client_id, own) = (text(&client, "client_id"), text(&client, "registration_access_token"));
    let mut db = auth.database.connect().await;
    let mut after = async |name: &str, value: Value| {
        let decided =
            "update client set plan = 'partner', require_pkce = false, asks_consent = false, introspects_others = true
            where client_id = $1";
        sqlx::query(decided).bind(client_id).execute(&mut db).await.unwrap();
        let mut change = metadata.clone();
        (change["client_id"], change[name]) = (client_id.into(), value);
        auth.client.put(&format!("{REGISTER}/{client_id}"), own, &change).await.expect(200);
        let row = "select plan, require_pkce, asks_consent, introspects_others from client where client_id = $1";
        let stands =
            sqlx::query_as::<_, (String, bool, bool, bool)>(row).bind(client_id).fetch_one(&mut db).await.unwrap();
        // What the next change is compared with.
        (change["client_id"], change[name]) = (client_id.into(), metadata[name].clone());
        auth.client.put(&format!("{REGISTER}/{client_id}"), own, &change).await.expect(200);
        assert_eq!(stands.0, "partner");
        (stands.1, stands.2, stands.3)
    };
    assert_eq!(after("client_name", json!("Another")).await, (false, false, true));
    for (name, more) in [
        ("redirect_uris", json!([CALLBACK, "https://shop.example/cb"])),
        ("scope", json!("openid order:read")),
        ("resources", json!([order, format!("{PUBLIC_URL}/api/store")])),
        ("resources", Value::Null),
    ] {
        assert_eq!(after(name, more).await, (false, true, true), "users are asked again: {name}");
    }
    let public = after("token_endpoint_auth_method", json!("none")).await;
    assert_eq!(public, (true, false, false), "nobody proves that it is this client");
    auth.end().await;
}

#[tokio::test]
async fn an_address_inside_can_be_registered_by_nobody() {
    let auth = Auth::start_with(|config| "https://shop.test".clone_into(&mut config.web.public_url)).await;
    let allowed = allow(&auth, &json!({"uses": 50})).await;
    let token = text(&allowed, "initial_access_token");
    for inside in [
        "http://shop.example/x",
        "http://127.0.0.1:7000/x",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://0x7f000001/x",
        "https://localhost/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/x",
        "https://[fd00::1]/x",
        "https://user:password@shop.example/x",
        "https://shop.example/x#y",
        "file:///etc/passwd",
        "x",
    ] {
        for metadata in [
            json!({"redirect_uris": [CALLBACK], "backchannel_logout_uri": inside}),
            json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": inside}),
        ] {
            let answer = auth.client.post(REGISTER, token, &metadata).await.expect(400);
            assert_eq!(fault(&answer), "invalid_client_metadata", "{metadata}");
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_with_the_code_of_the_standard() {
    let auth = Auth::start().await;
    let allowed = allow(&auth, &json!({"uses": 50})).await;
    let token = text(&allowed, "initial_access_token");
    let register = async |metadata: Value| auth.client.post(REGISTER, token, &metadata).await;
    for uri in ["http://evil.example/", "https://x.example/#a", "javascript:alert(1)", "https://u@x.example/", "\0", ""]
    {
        let answer = register(json!({"redirect_uris": [uri]})).await.expect(400);
        assert!(fault(&answer).starts_with("invalid_"), "{uri}");
    }
    let private = json!({"kty": "EC", "crv": "P-256", "d": "AA", "x": "AA", "y": "AA"});
    let other = json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"});
    // Who does not sign may register keys that are of no use here, and no private ones.
    let useless = json!({"redirect_uris": [CALLBACK], "jwks": {"keys": [other]}});
    assert_eq!(register(useless).await.expect(201).json()["jwks"]["keys"], json!([other]));
    for metadata in [
        json!({"redirect_uris": [CALLBACK], "grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"]}),
        json!({"redirect_uris": [CALLBACK], "scope": "auth:operate"}),
        json!({"redirect_uris": [CALLBACK], "scope": "accounting:pay"}),
        json!({"redirect_uris": [CALLBACK], "client_name": "a\0b"}),
        json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [private]}}),
        json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": ["x"]}}),
        json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [other]}}),
        json!({"redirect_uris": [CALLBACK], "jwks": {"keys": [private]}}),
        json!({"redirect_uris": CALLBACK}),
        json!([]),
        json!("x"),
    ] {
        assert_eq!(fault(&register(metadata.clone()).await.expect(400)), "invalid_client_metadata", "{metadata}");
    }
    for (kind, body) in [("application/json", "{"), ("application/json", ""), ("text/plain", "{}")] {
        let request = auth.client.request(Method::POST, REGISTER, token).header("content-type", kind).body(body);
        assert_eq!(fault(&auth.client.send(request).await.expect(400)), "invalid_client_metadata");
    }
    auth.end().await;
}

#[tokio::test]
async fn who_has_allowed_a_client_something_is_asked_again_when_it_names_an_address_or_a_service_that_it_had_not() {
    let auth = Auth::start().await;
    let allowed = allow(&auth, &json!({"scope": "openid order:read"})).await;
    let order = format!("{PUBLIC_URL}/api/order");
    let mut metadata = json!({"redirect_uris": [CALLBACK], "resources": [order]});
    let client = auth.client.post(REGISTER, text(&allowed, "initial_access_token"), &metadata).await.expect(201).json();
    let (client_id, own) = (text(&client, "client_id"), text(&client, "registration_access_token"));
    metadata["client_id"] = client_id.into();
    let cookie = auth.log_in("alice").await;
    let ask = async || auth.get(&authorize(&[("client_id", client_id)]), &cookie).await;
    let page = ask().await.expect(200);
    auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
    for (name, value, status) in [
        ("client_name", json!("Another name"), 303),
        ("redirect_uris", json!([CALLBACK, "https://elsewhere.example/cb"]), 200),
        ("redirect_uris", json!([CALLBACK]), 303),
        ("resources", json!([order, format!("{PUBLIC_URL}/api/store")]), 200),
        ("resources", json!([order]), 303),
    ] {
        metadata[name] = value;
        auth.client.put(&format!("{REGISTER}/{client_id}"), own, &metadata).await.expect(200);
        let answer = ask().await.expect(status);
        if status == 200 {
            auth.press(&answer, &cookie, &[("decision", "allow")]).await.expect(303);
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn a_client_that_deletes_itself_while_it_asks_for_tokens_is_not_known_any_more() {
    let auth = Auth::start().await;
    let wanted = json!({"uses": 5, "grant_types": ["client_credentials"], "scope": "order:read"});
    let allowed = allow(&auth, &wanted).await;
    let metadata = json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post"});
    for _ in 0..5 {
        let registered = auth.client.post(REGISTER, text(&allowed, "initial_access_token"), &metadata).await;
        let client = registered.expect(201).json();
        let (client_id, secret) = (text(&client, "client_id"), text(&client, "client_secret"));
        let form = [("grant_type", "client_credentials"), ("client_id", client_id), ("client_secret", secret)];
        let (path, own) = (format!("{REGISTER}/{client_id}"), text(&client, "registration_access_token"));
        let (answers, gone) = join(join_all((0..20).map(|_| auth.token(&form))), auth.client.delete(&path, own)).await;
        gone.expect(204);
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!((refused.status.as_u16(), fault(refused).as_str()), (401, "invalid_client"));
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn only_operators_let_clients_register() {
    let auth = Auth::start().await;
    auth.client.post(TOKENS, NOBODY, &json!({})).await.expect(401);
    let sam = auth.tokens("sam", "openid auth:operate").await;
    auth.client.post(TOKENS, text(&sam, "access_token"), &json!({})).await.expect(403);
    let olga = auth.tokens("olga", "openid auth:operate").await;
    for wrong in [
        json!({"uses": 0}),
        json!({"uses": 1001}),
        json!({"expires_in": 59}),
        json!({"expires_in": 9_999_999}),
        json!({"scope": ""}),
        json!({"scope": "auth:operate"}),
        json!({"scope": "order:read store:operate"}),
        json!({"scope": "no:such"}),
        json!({"grant_types": []}),
        json!({"grant_types": ["urn:ietf:params:oauth:grant-type:token-exchange"]}),
        json!({"colour": "red"}),
    ] {
        auth.client.post(TOKENS, text(&olga, "access_token"), &wrong).await.expect(422);
    }
    auth.end().await;
}

async fn allow(auth: &Auth, wanted: &Value) -> Value {
    let olga = auth.tokens("olga", "openid auth:operate").await;
    auth.client.post(TOKENS, text(&olga, "access_token"), wanted).await.expect(201).json()
}

/// Alice lets the client have tokens.
async fn tokens(auth: &Auth, client_id: &str, secret: &str) -> Value {
    let cookie = auth.log_in("alice").await;
    let ask = authorize(&[("client_id", client_id), ("scope", "openid order:read")]);
    let page = auth.get(&ask, &cookie).await;
    assert!(page.body.contains("My shop"), "strangers' applications are asked for: {page:?}");
    let answer = auth.press(&page, &cookie, &[("decision", "allow")]).await.expect(303);
    let code = parameter(&answer, "code").unwrap_or_else(|| panic!("no code: {answer:?}"));
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("client_secret", secret),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    auth.token(&form).await.expect(200).json()
}
