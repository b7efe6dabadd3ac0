//! Guessing passwords: how long who guesses has to wait, and whom that does not concern.

use futures::future::join_all;
use reqwest::Method;
use testkit::{Answer, Client, Clock, NOBODY};
use time::Duration;

use crate::started::{Auth, config, cookie_of, proof_in};

const FREE: usize = 10;

#[tokio::test]
async fn after_too_many_wrong_passwords_the_right_one_has_to_wait_too_and_then_is_taken() {
    let auth = Auth::start().await;
    for _ in 0..FREE {
        guess(&auth, "alice", "guess").await.expect(403);
    }
    assert_eq!(auth.number("select count(*) from security_event where kind = 'locked'").await, 1);
    guess(&auth, "alice", "alice-demo-password").await.expect(403);
    guess(&auth, "bob", "bob-demo-password").await.expect(303);
    // Who goes on trying meanwhile does not prolong the wait.
    for _ in 0..3 {
        guess(&auth, "alice", "guess").await.expect(403);
    }
    auth.clock.advance(Duration::seconds(30));
    guess(&auth, "alice", "alice-demo-password").await.expect(303);
    // And then all is as before.
    guess(&auth, "alice", "guess").await.expect(403);
    guess(&auth, "alice", "alice-demo-password").await.expect(303);
    auth.end().await;
}

#[tokio::test]
async fn waits_grow_and_are_never_longer_than_five_minutes() {
    let auth = Auth::start().await;
    for _ in 0..FREE {
        guess(&auth, "alice", "guess").await.expect(403);
    }
    for seconds in [30, 60, 120, 240, 300, 300, 300] {
        auth.clock.advance(Duration::seconds(seconds - 10));
        assert!(!is_counted(&auth).await, "{seconds} s are not over");
        auth.clock.advance(Duration::seconds(10));
        assert!(is_counted(&auth).await, "{seconds} s are over");
    }
    auth.clock.advance(Duration::minutes(5));
    guess(&auth, "alice", "alice-demo-password").await.expect(303);
    auth.end().await;
}

#[tokio::test]
async fn of_thirty_guesses_at_once_no_more_than_are_free_are_looked_at() {
    let auth = Auth::start().await;
    // Known and unknown alike.
    for (name, accounts) in [("alice", 1), ("mallory", 2)] {
        let before = failures(&auth).await;
        let answers = join_all((0..30).map(|_| guess(&auth, name, "guess"))).await;
        // A busy machine may have no time for some.
        let other = answers.iter().find(|answer| answer.status != 403 && answer.status != 503);
        assert!(other.is_none(), "{other:?}");
        assert!(failures(&auth).await - before <= 10, "{name}");
        assert_eq!(auth.number("select count(*) from guess where failures = 10").await, accounts, "{name}");
    }
    auth.end().await;
}

#[tokio::test]
async fn a_stranger_cannot_keep_a_user_out_of_a_device_that_is_known() {
    let auth = Auth::start().await;
    let device = device_of(&guess(&auth, "alice", "alice-demo-password").await.expect(303)).expect("a device's cookie");
    let bobs = device_of(&guess(&auth, "bob", "bob-demo-password").await.expect(303)).unwrap();
    for _ in 0..FREE + 2 {
        guess(&auth, "alice", "guess").await.expect(403);
    }
    guess_from(&auth, &device, "", "alice", "alice-demo-password").await.expect(303);
    // It is known to its own user only, and guesses on it are counted as well.
    guess_from(&auth, &bobs, "", "alice", "alice-demo-password").await.expect(403);
    for _ in 0..FREE {
        guess_from(&auth, &device, "", "alice", "guess").await.expect(403);
    }
    guess_from(&auth, &device, "", "alice", "alice-demo-password").await.expect(403);
    auth.clock.advance(Duration::minutes(5));
    guess_from(&auth, &device, "", "alice", "alice-demo-password").await.expect(303);
    auth.end().await;
}

#[tokio::test]
async fn an_unknown_name_a_wrong_password_and_an_account_that_waits_look_alike() {
    let auth = Auth::start().await;
    let (cookie, proof) = auth.form("/auth/login").await;
    let ask = async |username: &str, password: &str| {
        let form = [("csrf", proof.as_str()), ("username", username), ("password", password)];
        let answer = auth.submit("/auth/login", &cookie, &form).await.expect(403);
        let headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        (answer.body.replace(username, "NAME"), headers)
    };
    let (unknown, wrong) = (ask("mallory", "guess").await, ask("alice", "guess").await);
    for _ in 0..FREE {
        guess(&auth, "bob", "guess").await;
        guess(&auth, "mallory", "guess").await;
    }
    let waits = ask("bob", "guess").await;
    let waits_though_right = ask("bob", "bob-demo-password").await;
    let waits_unknown = ask("mallory", "guess").await;
    assert!([&wrong, &waits, &waits_though_right, &waits_unknown].iter().all(|other| **other == unknown));
    auth.end().await;
}

#[tokio::test]
async fn an_address_that_guesses_at_many_accounts_has_to_wait_and_others_have_not() {
    let auth = Auth::start_with(|config| config.guesses_per_address = 6).await;
    let from = async |address: &str, name: &str, password: &str| guess_from(&auth, "", address, name, password).await;
    for number in 0..5 {
        from("192.0.2.1", &format!("name-{number}"), "guess").await.expect(403);
        // Logging in in between does not make good for it.
        from("192.0.2.1", "bob", "bob-demo-password").await.expect(303);
    }
    from("192.0.2.1", "name-5", "guess").await.expect(403);
    from("192.0.2.1", "alice", "alice-demo-password").await.expect(429);
    from("192.0.2.2", "alice", "alice-demo-password").await.expect(303);
    from("2001:db8::1", "alice", "alice-demo-password").await.expect(303);
    auth.clock.advance(Duration::minutes(1));
    from("192.0.2.1", "alice", "alice-demo-password").await.expect(303);
    // Of IPv6 a whole network is one address: whoever has one has them all.
    for number in 0..6 {
        from(&format!("2001:db8::{number}"), "nobody", "guess").await.expect(403);
    }
    from("2001:db8::ffff:1", "alice", "alice-demo-password").await.expect(429);
    from("2001:db8:0:1::1", "alice", "alice-demo-password").await.expect(303);
    auth.end().await;
}

#[tokio::test]
async fn whoever_is_told_that_the_server_is_busy_has_not_guessed() {
    let auth = Auth::start_with(|config| {
        (config.password_checks, config.password_memory_kib, config.password_passes) = (1, 64 * 1024, 3);
    })
    .await;
    let names: Vec<_> = (0..60).map(|nth| format!("name-{nth}")).collect();
    let answers = join_all(names.iter().map(|name| guess_from(&auth, "", "192.0.2.9", name, "guess"))).await;
    let wrong = answers.iter().filter(|answer| answer.status == 403).count();
    let busy = answers.iter().filter(|answer| answer.status == 503).count();
    assert!(wrong + busy == 60 && busy > 0, "{wrong} wrong, {busy} busy");
    // Each with its account and with the address.
    assert_eq!(auth.number("select sum(failures)::bigint from guess").await, 2 * i64::try_from(wrong).unwrap());
    auth.end().await;
}

#[tokio::test]
async fn all_instances_count_together() {
    let auth = Auth::start().await;
    let (service, router) = auth::start(&config(&auth.database, &auth.nats), Clock::system()).await.unwrap();
    let other = Client::new(&service.handle().unwrap().address);
    let (handle, _) = (service.handle().unwrap(), tokio::spawn(service.serve(router)));
    for round in 0..FREE {
        let instance = if round % 2 == 0 { &auth.client } else { &other };
        send(instance, "", "", "alice", "guess").await.expect(403);
    }
    send(&other, "", "", "alice", "alice-demo-password").await.expect(403);
    send(&auth.client, "", "", "alice", "alice-demo-password").await.expect(403);
    assert_eq!(failures(&auth).await, 10);
    handle.stop();
    auth.end().await;
}

#[tokio::test]
async fn a_password_is_hashed_anew_at_the_login_after_its_cost_has_changed() {
    let auth = Auth::start().await;
    let mut changed = config(&auth.database, &auth.nats);
    (changed.password_memory_kib, changed.password_passes) = (20 * 1024, 3);
    let (service, router) = auth::start(&changed, Clock::system()).await.unwrap();
    let other = Client::new(&service.handle().unwrap().address);
    let (handle, _) = (service.handle().unwrap(), tokio::spawn(service.serve(router)));
    let anew = "select count(*) from end_user where password_hash like '$argon2id$v=19$m=20480,t=3,p=1$%'";
    send(&other, "", "", "alice", "guess").await.expect(403);
    assert_eq!(auth.number(anew).await, 0);
    send(&other, "", "", "alice", "alice-demo-password").await.expect(303);
    assert_eq!(auth.number(anew).await, 1);
    send(&other, "", "", "alice", "alice-demo-password").await.expect(303);
    handle.stop();
    auth.end().await;
}

#[tokio::test]
async fn after_its_cost_has_changed_a_hash_costs_the_same_for_users_who_wait_and_for_names_that_nobody_has() {
    let auth = Auth::start().await;
    // As if all had been hashed long ago, at a cost that no other test knows.
    let mut db = auth.database.connect().await;
    let old = "update end_user set password_hash = replace(password_hash, 'm=19456,t=2', 'm=19461,t=3')";
    sqlx::query(old).execute(&mut db).await.unwrap();
    let (service, router) = auth::start(&config(&auth.database, &auth.nats), auth.clock.clone()).await.unwrap();
    let handle = service.handle().unwrap();
    let (other, ops) = (Client::new(&handle.address), handle.ops.clone());
    tokio::spawn(service.serve(router));
    let checks = async || {
        let metrics = reqwest::get(format!("{ops}/metrics")).await.unwrap().text().await.unwrap();
        let line =
            metrics.lines().find(|line| line.starts_with("password_checks_total") && line.contains("m=19461,t=3"));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
    };
    for _ in 0..=FREE {
        send(&other, "", "", "alice", "guess").await.expect(403);
    }
    assert_eq!(checks().await, FREE + 1, "also the one that had to wait");
    let names = ["mallory", "trudy", "eve", "oscar", "peggy", "victor"];
    for name in names {
        send(&other, "", "", name, "guess").await.expect(403);
    }
    assert_eq!(checks().await, FREE + 1 + names.len(), "all, but for one in fifty that is none of these");
    for _ in 0..FREE {
        send(&other, "", "", "eve", "guess").await.expect(403);
    }
    assert_eq!(checks().await, FREE * 2 + 1 + names.len(), "again, and also the one that had to wait");
    handle.stop();
    auth.end().await;
}

#[tokio::test]
async fn what_was_counted_stands_nowhere_in_the_clear_and_goes_after_a_day() {
    let auth = Auth::start().await;
    guess_from(&auth, "", "192.0.2.77", "typed-a-secret-here", "guess").await.expect(403);
    assert_eq!(auth.number("select count(*) from guess").await, 2);
    let clear = "select count(*) from guess where guess::text like '%secret%' or guess::text like '%192.0%'
        or about in (sha256('account:typed-a-secret-here'), sha256('address:192.0.2.77'))";
    assert_eq!(auth.number(clear).await, 0);
    let mut db = auth.database.connect().await;
    let later = auth.clock.now() + Duration::days(2);
    while auth::db::delete_expired(&mut db, later).await.unwrap() {}
    assert_eq!(auth.number("select count(*) from guess").await, 0);
    auth.end().await;
}

/// One attempt in a browser that was never here.
async fn guess(auth: &Auth, username: &str, password: &str) -> Answer {
    guess_from(auth, "", "", username, password).await
}

async fn guess_from(auth: &Auth, device: &str, address: &str, username: &str, password: &str) -> Answer {
    send(&auth.client, device, address, username, password).await
}

async fn send(client: &Client, device: &str, address: &str, username: &str, password: &str) -> Answer {
    let page = client.get("/auth/login", NOBODY).await.expect(200);
    let cookies = format!("{}; {device}", cookie_of(&page).unwrap());
    let request = client.request(Method::POST, "/auth/login", NOBODY).header("cookie", cookies);
    let request = if address.is_empty() { request } else { request.header("x-forwarded-for", address) };
    client.send(request.form(&[("csrf", &*proof_in(&page.body)), ("username", username), ("password", password)])).await
}

fn device_of(answer: &Answer) -> Option<String> {
    let mut set = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    set.find(|value| value.starts_with("auth_device=")).map(|value| value.split(';').next().unwrap().to_owned())
}

async fn failures(auth: &Auth) -> i64 {
    auth.number("select count(*) from security_event where kind = 'login_failed'").await
}

/// Whether a wrong password is looked at, rather than told to wait.
async fn is_counted(auth: &Auth) -> bool {
    let before = failures(auth).await;
    guess(auth, "alice", "guess").await.expect(403);
    failures(auth).await > before
}
