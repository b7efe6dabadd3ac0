//! Whatever is sent in is refused with a 4xx: never a 5xx, never a panic.

use reqwest::Method;
use testkit::{Answer, NOBODY};

use crate::started::{Auth, CALLBACK, CHALLENGE, fault, query};

const FORM: &str = "application/x-www-form-urlencoded";
const FORMS: [&str; 6] =
    ["/auth/token", "/auth/introspect", "/auth/revoke", "/auth/authorize", "/auth/par", "/auth/device_authorization"];

async fn send(auth: &Auth, path: &str, kind: Option<&str>, body: Vec<u8>) -> Answer {
    let request = auth.client.request(Method::POST, path, NOBODY).body(body);
    auth.client.send(kind.into_iter().fold(request, |request, kind| request.header("content-type", kind))).await
}

#[tokio::test]
async fn malformed_forms_are_refused() {
    let auth = Auth::start().await;
    let mut bodies: Vec<Vec<u8>> = vec![
        b"grant_type=client_credentials&client_id=%FF%FE".to_vec(),
        b"grant_type=client_credentials&client_id=\xff\xfe".to_vec(),
        b"grant_type=client_credentials&client_id=order&client_id=order".to_vec(),
        b"client_id=order%00&client_secret=x&grant_type=client_credentials&token=x".to_vec(),
        b"".to_vec(),
        b"&&&=&=&".to_vec(),
        b"{\"grant_type\": \"client_credentials\"}".to_vec(),
        b"%".to_vec(),
        b"grant_type[]=x&client_id[a]=b".to_vec(),
    ];
    bodies.push(vec![0; 1024]);
    for path in FORMS.into_iter().chain(["/auth/login", "/auth/logout"]) {
        for body in &bodies {
            let answer = send(&auth, path, Some(FORM), body.clone()).await;
            assert!(answer.status.is_client_error() || answer.status == 303, "{path}: {answer:?}");
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn a_body_that_is_no_form_or_too_large_is_refused() {
    let auth = Auth::start().await;
    for path in FORMS {
        for kind in [None, Some("application/json"), Some("multipart/form-data"), Some("text/plain")] {
            send(&auth, path, kind, b"client_id=demo".to_vec()).await.expect(400);
        }
        for size in [20_000, 400_000] {
            let mut body = b"grant_type=x&padding=".to_vec();
            body.resize(size, b'a');
            send(&auth, path, Some(FORM), body).await.expect(413);
        }
    }
    let repeated = b"grant_type=client_credentials&client_id=demo&scope=a&scope=b".to_vec();
    assert_eq!(fault(&send(&auth, "/auth/token", Some(FORM), repeated).await.expect(400)), "invalid_request");
    auth.end().await;
}

#[tokio::test]
async fn malformed_queries_get_a_page() {
    let auth = Auth::start().await;
    let right = query(&[]);
    for wrong in [
        format!("{right}&client_id=demo"),
        format!("{right}&nonce=%FF"),
        format!("{right}&login_hint=%00"),
        format!("{right}&x={}", "a".repeat(20_000)),
        "client_id=%00".to_owned(),
        "%".to_owned(),
        format!("client_id=demo%00&redirect_uri={CALLBACK}&code_challenge={CHALLENGE}"),
    ] {
        for path in ["/auth/authorize", "/auth/login"] {
            let answer = auth.get(&format!("{path}?{wrong}"), "").await;
            let known = answer.status.is_client_error() || answer.body.contains("<form") && wrong == "%";
            assert!(known && answer.header("location").is_none(), "{path}?{wrong}: {answer:?}");
            assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{answer:?}");
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn malformed_headers_are_refused() {
    let auth = Auth::start().await;
    let values: [&[u8]; 8] = [
        b"",
        b"Basic",
        b"Basic !!!",
        b"Basic Og==",
        b"Basic \xff",
        b"Basic b3JkZXI6JUZG",
        b"Bearer",
        b"Digest x=\"y\"",
    ];
    for value in values {
        for (method, path) in
            [(Method::POST, "/auth/token"), (Method::POST, "/auth/introspect"), (Method::GET, "/auth/userinfo")]
        {
            let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
            let request = auth.client.request(method, path, NOBODY).header("authorization", value);
            auth.client.send(request.form(&[("grant_type", "client_credentials")])).await.expect(401);
        }
        let cookie = reqwest::header::HeaderValue::from_bytes(&[b"auth_session=", value].concat()).unwrap();
        let request = auth.client.request(Method::GET, "/auth/login", NOBODY).header("cookie", cookie);
        auth.client.send(request).await.expect(200);
    }
    auth.end().await;
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_are_problems() {
    let auth = Auth::start().await;
    let client = testkit::Client::new(&auth.address);
    client.get("/auth/token", NOBODY).await.expect(405);
    client.delete("/auth/userinfo", NOBODY).await.expect(405);
    assert_eq!(client.get("/auth/nothing", NOBODY).await.expect(404).code(), "no_such_route");
    auth.end().await;
}
