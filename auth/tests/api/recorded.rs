//! Each deed of operators, of clients about themselves and of users on their account page leaves its row, with who did it.

use contracts::seed;
use serde_json::json;

use crate::started::{Auth, CALLBACK, proof_in, text};

type Row = (String, Option<String>, Option<String>);

/// Kind, whom it concerns, and which operator did it, of all that were recorded since the last time.
async fn since(auth: &Auth, seen: &mut usize) -> Vec<Row> {
    let sql = "select kind, subject, \"by\" from security_event order by id";
    let rows: Vec<Row> = sqlx::query_as(sql).fetch_all(&mut auth.database.connect().await).await.unwrap();
    rows[std::mem::replace(seen, rows.len())..].to_vec()
}

fn row(kind: &str, subject: Option<&str>, by: Option<&str>) -> Row {
    (kind.to_owned(), subject.map(str::to_owned), by.map(str::to_owned))
}

#[tokio::test]
async fn each_deed_of_an_operator_is_recorded_with_who_did_it() {
    let auth = Auth::start().await;
    let olga = auth.tokens("olga", "openid auth:operate").await;
    let olga = text(&olga, "access_token");
    let (by, carol, mut seen) =
        (seed::USERS.iter().find(|user| user.name == "olga").unwrap().id.to_string(), seed::CAROL.to_string(), 0);
    since(&auth, &mut seen).await;
    for (path, about, kind) in [
        (format!("/auth/v1/users/{carol}/disabled"), carol.as_str(), "user"),
        ("/auth/v1/clients/reporting/disabled".to_owned(), "client:reporting", "client"),
    ] {
        auth.client.put(&path, olga, &json!(null)).await.expect(204);
        auth.client.delete(&path, olga).await.expect(204);
        let rows = [format!("{kind}_disabled"), format!("{kind}_enabled")].map(|it| row(&it, Some(about), Some(&by)));
        assert_eq!(since(&auth, &mut seen).await, rows);
    }
    let tokens = "/auth/v1/initial-access-tokens";
    let allowed = auth.client.post(tokens, olga, &json!({})).await.expect(201).json();
    auth.client.delete(&format!("{tokens}/{}", text(&allowed, "id")), olga).await.expect(204);
    let rows = ["registration_allowed", "registration_forbidden"].map(|it| row(it, None, Some(&by)));
    assert_eq!(since(&auth, &mut seen).await, rows);
    let keys = "/auth/v1/signing-keys";
    auth.client.post(keys, olga, &json!(null)).await.expect(201);
    let made = since(&auth, &mut seen).await;
    assert!(!made.is_empty() && made.iter().all(|it| *it == row("key_made", None, Some(&by))), "{made:?}");
    let listed = auth.client.get(keys, olga).await.expect(200).json();
    auth.client.delete(&format!("{keys}/{}", text(&listed["keys"][0], "kid")), olga).await.expect(204);
    assert_eq!(since(&auth, &mut seen).await, [row("key_retired", None, Some(&by))]);
    auth.end().await;
}

#[tokio::test]
async fn what_clients_and_users_do_themselves_is_recorded_too() {
    let auth = Auth::start().await;
    let olga = auth.tokens("olga", "openid auth:operate").await;
    let allowed =
        auth.client.post("/auth/v1/initial-access-tokens", text(&olga, "access_token"), &json!({})).await.expect(201);
    let mut seen = 0;
    since(&auth, &mut seen).await;
    let metadata = json!({"redirect_uris": [CALLBACK]});
    let token = allowed.json();
    let client =
        auth.client.post("/auth/register", text(&token, "initial_access_token"), &metadata).await.expect(201).json();
    let (client_id, own) = (text(&client, "client_id"), text(&client, "registration_access_token"));
    let path = format!("/auth/register/{client_id}");
    let changed = json!({"client_id": client_id, "redirect_uris": [CALLBACK], "client_name": "Another"});
    auth.client.put(&path, own, &changed).await.expect(200);
    auth.client.delete(&path, own).await.expect(204);
    let about = format!("client:{client_id}");
    let rows = ["client_registered", "client_changed", "client_deleted"].map(|it| row(it, Some(&about), None));
    assert_eq!(since(&auth, &mut seen).await, rows);

    let alice = seed::ALICE.to_string();
    auth.tokens("alice", "openid order:read offline_access").await;
    let cookie = auth.log_in("alice").await;
    let others = auth.log_in("alice").await;
    since(&auth, &mut seen).await;
    let csrf = proof_in(&auth.get("/auth/account", &cookie).await.expect(200).body);
    let form = [("csrf", csrf.as_str()), ("client_id", "demo")];
    auth.submit("/auth/account/applications", &cookie, &form).await.expect(303);
    assert_eq!(since(&auth, &mut seen).await, [row("consent_withdrawn", Some(&alice), None)]);
    let form = [("csrf", csrf.as_str()), ("session", "others")];
    auth.submit("/auth/account/sessions", &cookie, &form).await.expect(303);
    assert!(since(&auth, &mut seen).await.contains(&row("logout", Some(&alice), None)));
    auth.get("/auth/account", &others).await.expect(303);
    auth.end().await;
}
