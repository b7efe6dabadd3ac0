//! `/auth/logout`.

use crate::started::{Auth, authorize, parameter, proof_in};

#[tokio::test]
async fn logging_out_ends_the_session() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let page = auth.get("/auth/logout", &cookie).await.expect(200);
    assert!(page.body.contains("signed in as <strong>alice</strong>"), "{}", page.body);
    let answer = auth.submit("/auth/logout", &cookie, &[("csrf", &proof_in(&page.body))]).await.expect(200);
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"), "{answer:?}");
    assert_eq!(parameter(&auth.get(&authorize(&[]), &cookie).await, "code"), None);
    auth.end().await;
}

#[tokio::test]
async fn another_site_cannot_log_a_user_out() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    auth.submit("/auth/logout", &cookie, &[]).await.expect(403);
    auth.submit("/auth/logout", &cookie, &[("csrf", "made-up")]).await.expect(403);
    assert!(parameter(&auth.get(&authorize(&[]), &cookie).await, "code").is_some());
    auth.end().await;
}
