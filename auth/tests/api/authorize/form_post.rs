//! `response_mode=form_post`: the answer as a form that sends itself.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::started::{Auth, CALLBACK, ISSUER, action_of, authorize, query};

#[tokio::test]
async fn the_answer_is_a_form_that_the_browser_sends_to_the_client() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get(&authorize(&[("response_mode", "form_post")]), &cookie).await.expect(200);
    assert_eq!(action_of(&page.body), CALLBACK);
    for field in ["name=\"code\"", "name=\"state\" value=\"a state\"", &format!("name=\"iss\" value=\"{ISSUER}\"")] {
        assert!(page.body.contains(field), "{field}: {}", page.body);
    }
    assert!(page.body.contains("<button type=\"submit\">Continue</button>"), "{}", page.body);
    let refused = auth.get(&authorize(&[("response_mode", "form_post"), ("prompt", "none")]), "").await.expect(200);
    assert!(refused.body.contains("name=\"error\" value=\"login_required\""), "{}", refused.body);
    auth.end().await;
}

#[tokio::test]
async fn its_policy_allows_that_one_script_and_no_other() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get(&authorize(&[("response_mode", "form_post")]), &cookie).await.expect(200);
    let (_, script) = page.body.split_once("<script>").unwrap();
    let (script, rest) = script.split_once("</script>").unwrap();
    assert!(!rest.contains("<script"), "{rest}");
    let hash = STANDARD.encode(Sha256::digest(script));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(policy.contains(&format!("script-src 'sha256-{hash}';")) && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    auth.end().await;
}

#[tokio::test]
async fn nothing_in_it_is_unescaped_and_it_goes_to_no_other_address() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let evil = "\"><script>alert(1)</script>";
    let page = auth.get(&authorize(&[("response_mode", "form_post"), ("state", evil)]), &cookie).await.expect(200);
    assert_eq!(page.body.matches("<script").count(), 1, "{}", page.body);
    let wrong =
        format!("/auth/authorize?{}&response_mode=form_post", query(&[("redirect_uri", "https://evil.example/")]));
    assert!(!auth.get(&wrong, &cookie).await.expect(400).body.contains("evil.example"));
    auth.end().await;
}
