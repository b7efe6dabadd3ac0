//! `/auth/token` with `refresh_token`.

use futures::future::join_all;
use sqlx::Connection;
use testkit::eventually;

use crate::started::{Auth, fault, text};

const SCOPE: &str = "openid order:read order:write offline_access";

#[tokio::test]
async fn a_refresh_gives_new_tokens_and_the_old_access_token_lives_on() {
    let auth = Auth::start().await;
    let first = auth.tokens("alice", SCOPE).await;
    let second = auth.refresh(text(&first, "refresh_token")).await.expect(200).json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(first["scope"], second["scope"]);
    for tokens in [&first, &second] {
        assert!(auth.is_alive(text(tokens, "access_token")).await);
    }
    let (_, claims) = auth.verify(text(&second, "id_token"), "demo").await;
    assert!(claims.get("nonce").is_none(), "{claims}");
    auth.refresh(text(&second, "refresh_token")).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn using_a_rotated_refresh_token_revokes_the_whole_family() {
    let auth = Auth::start().await;
    let first = auth.tokens("alice", SCOPE).await;
    let second = auth.refresh(text(&first, "refresh_token")).await.expect(200).json();
    let third = auth.refresh(text(&second, "refresh_token")).await.expect(200).json();
    let reuse = auth.refresh(text(&first, "refresh_token")).await.expect(400);
    assert_eq!(fault(&reuse), "invalid_grant");
    auth.refresh(text(&third, "refresh_token")).await.expect(400);
    for tokens in [first, second, third] {
        assert!(!auth.is_alive(text(&tokens, "access_token")).await);
    }
    assert_eq!(auth.announced().await.len(), 3);
    auth.end().await;
}

#[tokio::test]
async fn who_hangs_up_does_not_stop_the_revocation_that_reuse_brings() {
    let auth = Auth::start().await;
    for uses_code in [true, false] {
        let code = auth.code("alice", SCOPE).await;
        let tokens = auth.redeem(&code).await.expect(200).json();
        let refresh_token = text(&tokens, "refresh_token");
        if !uses_code {
            auth.refresh(refresh_token).await.expect(200);
        }
        // Whoever holds the grant holds up its revocation.
        let mut db = auth.database.connect().await;
        let mut held = db.begin().await.unwrap();
        sqlx::query("select from authorization_grant for share").execute(&mut *held).await.unwrap();
        let reuse = async || if uses_code { auth.redeem(&code).await } else { auth.refresh(refresh_token).await };
        let waits = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        tokio::select! {
            answer = reuse() => panic!("nothing was waited for: {answer:?}"),
            () = eventually(async || auth.number(waits).await == 1) => (),
        }
        held.rollback().await.unwrap();
        eventually(async || !auth.is_alive(text(&tokens, "access_token")).await).await;
    }
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_refreshes_at_once_exactly_one_wins_and_nothing_stays_alive() {
    let auth = Auth::start().await;
    for _ in 0..3 {
        let tokens = auth.tokens("alice", SCOPE).await;
        let answers = join_all((0..30).map(|_| auth.refresh(text(&tokens, "refresh_token")))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| fault(answer) == "invalid_grant"));
        let new = won[0].json();
        auth.refresh(text(&new, "refresh_token")).await.expect(400);
        for tokens in [&tokens, &new] {
            assert!(!auth.is_alive(text(tokens, "access_token")).await);
        }
    }
    auth.end().await;
}

#[tokio::test]
async fn a_refresh_may_ask_for_less_and_never_for_more() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", SCOPE).await;
    let ask = async |token: &str, scope: &str| {
        let form = [("grant_type", "refresh_token"), ("client_id", "demo"), ("refresh_token", token), ("scope", scope)];
        auth.token(&form).await
    };
    let wider = ask(text(&tokens, "refresh_token"), "order:read store:read").await.expect(400);
    assert_eq!(fault(&wider), "invalid_scope");
    // The refused request has not spent the token.
    let narrow = ask(text(&tokens, "refresh_token"), "order:read").await.expect(200).json();
    assert_eq!(narrow["scope"], "order:read");
    // What this access token was narrowed to does not bind the next one (RFC 6749, section 6).
    let again = auth.refresh(text(&narrow, "refresh_token")).await.expect(200).json();
    assert_eq!(again["scope"], tokens["scope"]);
    auth.end().await;
}

#[tokio::test]
async fn a_refresh_token_expires_and_belongs_to_its_client() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("alice", SCOPE).await;
    let token = text(&tokens, "refresh_token");
    auth.clock.advance(time::Duration::days(30));
    assert_eq!(fault(&auth.refresh(token).await.expect(400)), "invalid_grant");
    assert_eq!(fault(&auth.refresh("rrt_made-up").await.expect(400)), "invalid_grant");
    let form = [("grant_type", "refresh_token"), ("client_id", "swagger"), ("refresh_token", token)];
    assert_eq!(fault(&auth.token(&form).await.expect(400)), "unauthorized_client");
    auth.end().await;
}

#[tokio::test]
async fn a_user_who_lost_a_role_loses_its_scopes_at_the_next_refresh() {
    let auth = Auth::start().await;
    let tokens = auth.tokens("sam", "openid inventory:read inventory:write offline_access").await;
    let mut db = auth.database.connect().await;
    sqlx::query("update end_user set roles = '{customer}' where username = 'sam'").execute(&mut db).await.unwrap();
    let refreshed = auth.refresh(text(&tokens, "refresh_token")).await.expect(200).json();
    assert_eq!(refreshed["scope"], "inventory:read offline_access openid");
    auth.end().await;
}
