//! Calls from pages of other origins.

use reqwest::Method;
use testkit::{Answer, Client, NOBODY};

use crate::started::{Auth, PUBLIC_URL};

#[tokio::test]
async fn pages_of_public_clients_may_call_what_such_clients_need_and_other_pages_may_not() {
    let auth = Auth::start().await;
    let needed =
        ["/auth/.well-known/openid-configuration", "/auth/jwks", "/auth/token", "/auth/userinfo", "/auth/revoke"];
    for path in needed {
        let ours = preflight(&auth, path, PUBLIC_URL).await;
        assert_eq!(ours.header("access-control-allow-origin"), Some(PUBLIC_URL), "{path}");
        assert!(ours.header("access-control-allow-headers").unwrap().contains("authorization"));
        for other in ["https://evil.example", "null", "http://shop.test.evil.example"] {
            let theirs = preflight(&auth, path, other).await;
            assert_eq!(theirs.header("access-control-allow-origin"), None, "{path} for {other}");
        }
    }
    let answer = from(&auth, Method::POST, "/auth/revoke", PUBLIC_URL).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (400, Some(PUBLIC_URL)));
    let answer = from(&auth, Method::GET, "/auth/jwks", PUBLIC_URL).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(PUBLIC_URL));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    auth.end().await;
}

#[tokio::test]
async fn no_page_of_another_origin_reads_the_rest() {
    let auth = Auth::start().await;
    for path in ["/auth/introspect", "/auth/register", "/auth/authorize", "/auth/login"] {
        let answer = preflight(&auth, path, PUBLIC_URL).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    auth.end().await;
}

async fn preflight(auth: &Auth, path: &str, origin: &str) -> Answer {
    from(auth, Method::OPTIONS, path, origin).await
}

async fn from(auth: &Auth, method: Method, path: &str, origin: &str) -> Answer {
    // Not held to the contract: it does not describe OPTIONS.
    let client = Client::new(&auth.address);
    let request = client.request(method, path, NOBODY).header("origin", origin);
    client.send(request.header("access-control-request-method", "POST")).await
}
