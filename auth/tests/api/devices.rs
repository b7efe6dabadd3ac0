//! `/auth/device_authorization`, `/auth/device`, and `/auth/token` with a device code (RFC 8628).

use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Answer, Holder};
use time::Duration;

use crate::started::{Auth, ISSUER, PUBLIC_URL, cookie_of, fault, proof_in, text};

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SCOPE: &str = "openid order:read offline_access";

impl Auth {
    async fn begin_device(&self, more: &[(&str, &str)]) -> Value {
        let scope = if more.iter().any(|(name, _)| *name == "scope") { &[][..] } else { &[("scope", SCOPE)] };
        let form = [&[("client_id", "demo")], scope, more].concat();
        self.submit("/auth/device_authorization", "", &form).await.expect(200).json()
    }

    async fn poll(&self, device: &Value) -> Answer {
        let code = text(device, "device_code");
        self.token(&[("grant_type", DEVICE_CODE), ("client_id", "demo"), ("device_code", code)]).await
    }

    /// Looks a code up as a logged in user.
    async fn look_up(&self, cookie: &str, code: &str) -> Answer {
        self.get(&format!("/auth/device?user_code={code}"), cookie).await
    }

    async fn decide(&self, cookie: &str, device: &Value, decision: &str) -> Answer {
        let code = text(device, "user_code");
        let page = self.look_up(cookie, code).await.expect(200);
        let proof = proof_in(&page.body);
        let form = [("csrf", proof.as_str()), ("user_code", code), ("decision", decision)];
        self.submit("/auth/device", cookie, &form).await
    }
}

#[tokio::test]
async fn a_device_waits_until_a_user_has_allowed_it_elsewhere() {
    let auth = Auth::start().await;
    let device = auth.begin_device(&[]).await;
    assert_eq!((&device["expires_in"], &device["interval"]), (&json!(600), &json!(5)));
    assert_eq!(device["verification_uri"], format!("{ISSUER}/device"));
    let complete = text(&device, "verification_uri_complete");
    assert_eq!(complete, format!("{ISSUER}/device?user_code={}", text(&device, "user_code")));
    assert_eq!(fault(&auth.poll(&device).await.expect(400)), "authorization_pending");

    // The user comes with the address that the device shows, is sent to log in, and back.
    let path = complete.strip_prefix(PUBLIC_URL).unwrap();
    let to_login = auth.get(path, "").await.expect(303);
    let login = to_login.header("location").unwrap();
    let page = auth.get(login, "").await.expect(200);
    let (cookie, proof) = (cookie_of(&page).unwrap(), proof_in(&page.body));
    let form = [("csrf", proof.as_str()), ("username", "alice"), ("password", "alice-demo-password")];
    let back = auth.submit(login, &cookie, &form).await.expect(303);
    assert_eq!(back.header("location"), Some(path));
    let cookie = cookie_of(&back).unwrap();
    let page = auth.get(path, &cookie).await.expect(200);
    assert!(page.body.contains("Demo") && page.body.contains(text(&device, "user_code")), "{}", page.body);
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    auth.decide(&cookie, &device, "allow").await.expect(200);

    auth.clock.advance(Duration::seconds(5));
    let tokens = auth.poll(&device).await.expect(200).json();
    assert_eq!(tokens["scope"], "offline_access openid order:read");
    assert!(auth.is_alive(text(&tokens, "access_token")).await);
    auth.refresh(text(&tokens, "refresh_token")).await.expect(200);
    let (_, claims) = auth.verify(text(&tokens, "id_token"), "demo").await;
    assert_eq!(claims["sub"], contracts::seed::ALICE.to_string());
    auth.end().await;
}

#[tokio::test]
async fn a_device_that_asks_too_soon_waits_longer_from_then_on() {
    let auth = Auth::start().await;
    let device = auth.begin_device(&[]).await;
    let told = async |after: i64| {
        auth.clock.advance(Duration::seconds(after));
        fault(&auth.poll(&device).await.expect(400))
    };
    assert_eq!(told(0).await, "authorization_pending");
    assert_eq!(told(3).await, "slow_down");
    assert_eq!(told(6).await, "slow_down", "ten seconds now");
    assert_eq!(told(15).await, "authorization_pending");
    auth.end().await;
}

#[tokio::test]
async fn a_device_learns_that_it_was_denied_or_is_too_late() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let denied = auth.begin_device(&[]).await;
    auth.decide(&cookie, &denied, "deny").await.expect(200);
    assert_eq!(fault(&auth.poll(&denied).await.expect(400)), "access_denied");
    auth.look_up(&cookie, text(&denied, "user_code")).await.expect(400);
    let (late, allowed) = (auth.begin_device(&[]).await, auth.begin_device(&[]).await);
    auth.decide(&cookie, &allowed, "allow").await.expect(200);
    auth.clock.advance(Duration::minutes(10));
    for device in [late, allowed] {
        assert_eq!(fault(&auth.poll(&device).await.expect(400)), "expired_token");
        auth.look_up(&cookie, text(&device, "user_code")).await.expect(400);
    }
    auth.end().await;
}

#[tokio::test]
async fn what_was_allowed_is_taken_back_before_the_device_has_fetched_it_and_the_device_learns_so() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let device = auth.begin_device(&[]).await;
    auth.decide(&cookie, &device, "allow").await.expect(200);
    let page = auth.get("/auth/account", &cookie).await.expect(200);
    assert!(page.body.contains("value=\"demo\""), "{}", page.body);
    let form = [("csrf", &*proof_in(&page.body)), ("client_id", "demo")];
    auth.submit("/auth/account/applications", &cookie, &form).await.expect(303);
    assert_eq!(fault(&auth.poll(&device).await.expect(400)), "access_denied");
    assert!(!auth.get("/auth/account", &cookie).await.expect(200).body.contains("value=\"demo\""));

    // A session takes along what does not outlive it.
    let device = auth.begin_device(&[("scope", "openid order:read")]).await;
    auth.decide(&cookie, &device, "allow").await.expect(200);
    let page = auth.get("/auth/logout", &cookie).await.expect(200);
    auth.press(&page, &cookie, &[]).await.expect(200);
    assert_eq!(fault(&auth.poll(&device).await.expect(400)), "access_denied");
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_redemptions_of_a_device_code_at_once_exactly_one_wins() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    for _ in 0..3 {
        let device = auth.begin_device(&[]).await;
        auth.decide(&cookie, &device, "allow").await.expect(200);
        let answers = join_all((0..30).map(|_| auth.poll(&device))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| fault(answer) == "invalid_grant"));
        // Used a second time, it was copied: what it was redeemed for ends.
        assert!(!auth.is_alive(text(&won[0].json(), "access_token")).await);
    }
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_decisions_at_once_exactly_one_counts() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let device = auth.begin_device(&[]).await;
    let code = text(&device, "user_code");
    let proof = proof_in(&auth.look_up(&cookie, code).await.expect(200).body);
    let answers = join_all((0..30).map(|nth| {
        let form = [("csrf", proof.as_str()), ("user_code", code), ("decision", ["allow", "deny"][nth % 2])];
        let (auth, cookie) = (&auth, &cookie);
        async move { auth.submit("/auth/device", cookie, &form).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(auth.number("select count(*) from authorization_grant").await <= 1);
    auth.end().await;
}

#[tokio::test]
async fn who_reads_the_database_cannot_try_codes_against_what_is_stored() {
    let auth = Auth::start().await;
    let device = auth.begin_device(&[]).await;
    let code = text(&device, "user_code");
    for text in [code.to_owned(), code.replace('-', ""), code.to_lowercase(), code.replace('-', "").to_lowercase()] {
        let plain = format!("select count(*) from device_authorization where user_code_hash = sha256('{text}')");
        assert_eq!(auth.number(&plain).await, 0, "{text}");
    }
    auth.end().await;
}

#[tokio::test]
async fn that_a_user_has_approved_is_recorded_and_that_the_device_was_granted_tokens() {
    let auth = Auth::start().await;
    let cookie = auth.log_in("alice").await;
    let (device, denied) = (auth.begin_device(&[]).await, auth.begin_device(&[]).await);
    let recorded = async || {
        let sql = "select kind from security_event where client_id = 'demo' order by id";
        let kinds: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut auth.database.connect().await).await.unwrap();
        kinds
    };
    auth.decide(&cookie, &denied, "deny").await.expect(200);
    auth.decide(&cookie, &device, "allow").await.expect(200);
    assert_eq!(recorded().await, ["approved"]);
    auth.poll(&device).await.expect(200);
    assert_eq!(recorded().await, ["approved", "granted"]);
    let one = "select count(distinct grant_id) from security_event where client_id = 'demo' and subject is not null";
    assert_eq!(auth.number(one).await, 1, "both about the same grant of the same user");
    auth.end().await;
}

#[tokio::test]
async fn codes_are_read_as_people_type_them_and_guesses_have_to_wait() {
    let auth = Auth::start().await;
    let (alice, bob) = (auth.log_in("alice").await, auth.log_in("bob").await);
    let device = auth.begin_device(&[]).await;
    let code = text(&device, "user_code");
    for typed in [code.to_lowercase(), code.replace('-', ""), code.replace('-', "+")] {
        auth.look_up(&alice, &typed).await.expect(200);
    }
    for typed in ["", "AAAA-AAAA", "short", "%00", "<script>"] {
        let page = auth.look_up(&alice, typed).await;
        assert!(["", "%00"].contains(&typed) || page.status == 400, "{typed}");
        assert!(!page.body.contains("<script>"));
    }
    for _ in 0..10 {
        auth.look_up(&alice, "BBBB-BBBB").await.expect(400);
    }
    auth.look_up(&alice, code).await.expect(429);
    auth.look_up(&bob, code).await.expect(200);
    auth.clock.advance(Duration::minutes(5));
    auth.look_up(&alice, code).await.expect(200);
    auth.end().await;
}

#[tokio::test]
async fn nobody_is_made_to_allow_a_device_without_knowing() {
    let auth = Auth::start().await;
    let device = auth.begin_device(&[]).await;
    let (cookie, code) = (auth.log_in("alice").await, text(&device, "user_code"));
    let form = [("user_code", code), ("decision", "allow")];
    auth.submit("/auth/device", "", &form).await.expect(303);
    auth.submit("/auth/device", &cookie, &form).await.expect(403);
    auth.submit("/auth/device", &cookie, &[&form[..], &[("csrf", "bm8")]].concat()).await.expect(403);
    let proof = proof_in(&auth.look_up(&cookie, code).await.body);
    auth.submit("/auth/device", &cookie, &[("csrf", proof.as_str()), ("user_code", code)]).await.expect(303);
    let unclear = [("csrf", proof.as_str()), ("user_code", code), ("decision", "perhaps")];
    auth.submit("/auth/device", &cookie, &unclear).await.expect(400);
    assert_eq!(fault(&auth.poll(&device).await.expect(400)), "authorization_pending");
    auth.end().await;
}

#[tokio::test]
async fn a_device_gets_what_client_and_user_may_have_bound_to_its_key_and_for_its_resource() {
    let auth = Auth::start().await;
    let (cookie, holder) = (auth.log_in("alice").await, Holder::new());
    let order = format!("{PUBLIC_URL}/api/order");
    let device = auth.begin_device(&[("resource", &order)]).await;
    auth.decide(&cookie, &device, "allow").await.expect(200);
    let form = [("grant_type", DEVICE_CODE), ("client_id", "demo"), ("device_code", text(&device, "device_code"))];
    let proof = holder.proof("POST", &format!("{ISSUER}/token"), None, auth.clock.now());
    let request = auth.client.request(reqwest::Method::POST, "/auth/token", testkit::NOBODY).header("dpop", proof);
    let tokens = auth.client.send(request.form(&form)).await.expect(200).json();
    assert_eq!(tokens["token_type"], "DPoP");
    auth.exchange(text(&tokens, "access_token"), "store").await.expect(400);
    assert_eq!(fault(&auth.refresh(text(&tokens, "refresh_token")).await.expect(400)), "invalid_grant");
    auth.end().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_at_once() {
    let auth = Auth::start().await;
    let begin = async |form: &[(&str, &str)]| auth.submit("/auth/device_authorization", "", form).await;
    assert_eq!(fault(&begin(&[]).await.expect(401)), "invalid_client");
    assert_eq!(
        fault(&begin(&[("client_id", "swagger"), ("scope", "openid")]).await.expect(400)),
        "unauthorized_client"
    );
    assert_eq!(fault(&begin(&[("client_id", "demo"), ("scope", "accounting:pay")]).await.expect(400)), "invalid_scope");
    let form = [("client_id", "demo"), ("scope", "openid"), ("resource", "https://other.example")];
    assert_eq!(fault(&begin(&form).await.expect(400)), "invalid_target");
    let form = [("grant_type", DEVICE_CODE), ("client_id", "demo"), ("device_code", "made-up")];
    assert_eq!(fault(&auth.token(&form).await.expect(400)), "invalid_grant");
    assert_eq!(fault(&auth.token(&form[..2]).await.expect(400)), "invalid_request");
    auth.end().await;
}
