//! Who is there from the beginning: the clients that the suite itself runs with, and, for a demonstration, its users
//! and clients.

use contracts::seed;
use database::Pool;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    config::{Config, Seed},
    db,
    domain::{Client, GrantType, Hash, LoginRules, PostalAddress, Profile, Role, SERVICES, Scopes, User},
    passwords::Passwords,
};

/// Given name, family name and what is shown after them, by what is typed into the form.
const NAMES: [(&str, &str, &str, &str); 5] = [
    ("alice", "Alice", "Ashdown", ""),
    ("bob", "Bob", "Birch", ""),
    ("carol", "Carol", "Cedar", ""),
    ("sam", "Sam", "Sorrel", " (staff)"),
    ("olga", "Olga", "Oak", " (operator)"),
];

/// Provisions clients and users. May run in any number of instances, any number of times.
pub async fn plant(config: &Config, pool: &Pool, passwords: &Passwords, now: OffsetDateTime) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    for client in system_clients(config) {
        db::upsert_client(&mut tx, &client, now).await?;
    }
    if config.seed == Some(Seed::Demo) {
        for client in demo_clients(config) {
            db::upsert_client(&mut tx, &client, now).await?;
        }
        plant_users(&mut tx, passwords, now).await?;
    }
    db::update_retention(&mut tx, config.security_event_days).await?;
    tx.commit("seed clients and users").await?;
    Ok(())
}

// Users that are there already are left alone: hashing takes time, and a password may have been changed.
async fn plant_users(db: &mut PgConnection, passwords: &Passwords, now: OffsetDateTime) -> anyhow::Result<()> {
    let names: Vec<_> = seed::USERS.iter().map(|user| user.name.to_owned()).collect();
    let taken = db::list_usernames(db, &names).await?;
    for user in seed::USERS.iter().filter(|user| !taken.iter().any(|name| name == user.name)) {
        let hash = passwords.hash(format!("{}-demo-password", user.name)).await?;
        let roles: Vec<_> = Role::parse(user.role).into_iter().collect();
        db::insert_user(db, &demo_profile(user, now), &roles, &hash, now).await?;
    }
    Ok(())
}

fn demo_profile(user: &seed::User, now: OffsetDateTime) -> Profile {
    let known = NAMES.iter().position(|(username, ..)| *username == user.name);
    let nr = known.unwrap_or_default();
    let (_, given, family, note) = known.map_or((user.name, user.name, "", ""), |nr| NAMES[nr]);
    // Numbers and streets that are nobody's.
    let address = PostalAddress::of(format!("Musterstraße {}", nr + 1), "20095".into(), "Hamburg".into(), "DE".into());
    Profile {
        id: user.id,
        username: user.name.to_owned(),
        name: format!("{given} {family}{note}"),
        given_name: Some(given.to_owned()),
        family_name: Some(family.to_owned()),
        email: format!("{}@example.com", user.name),
        email_verified: true,
        phone_number: Some(format!("+49 40 555 010{nr}")),
        phone_number_verified: false,
        address: Some(address),
        updated_at: now,
    }
}

fn system_clients(config: &Config) -> [Client; 2] {
    // What sagas ask for; and, for reconciliation, to see what the participants hold.
    let commands = ["store:checkout", "inventory:reserve", "accounting:pay", "shipping:book"];
    let reads = ["store:read", "inventory:read", "accounting:read", "shipping:read"];
    [
        machine("gateway", "Gateway", &config.gateway_client_secret, GrantType::TokenExchange, Scopes::default()),
        machine(
            "order",
            "Order service",
            &config.order_client_secret,
            GrantType::ClientCredentials,
            Scopes::of(commands.into_iter().chain(reads)),
        ),
    ]
}

fn demo_clients(config: &Config) -> Vec<Client> {
    let every_user = User::scopes_of(&[Role::Customer, Role::Staff, Role::Operator]);
    let everyday = every_user.clone().without_offline_access();
    let swagger = Client {
        redirect_uris: vec![format!("{}/docs/oauth2-redirect.html", config.web.public_url)],
        origins: vec![config.web.public_url.clone()],
        ..application("swagger", "Swagger UI", vec![GrantType::AuthorizationCode], everyday)
    };
    let demo = Client {
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned(), "http://[::1]/callback".to_owned()],
        ..application(
            "demo",
            "Demo",
            vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode],
            every_user,
        )
    };
    let scopes = SERVICES.iter().flat_map(|(_, scopes)| scopes.iter().copied());
    let reads = Scopes::of(scopes.filter(|scope| scope.ends_with(":read")));
    let reporting = config.reporting_client_secret.as_ref().map(|secret| Client {
        plan: "partner".to_owned(),
        ..machine("reporting", "Reporting", secret, GrantType::ClientCredentials, reads)
    });
    [swagger, demo].into_iter().chain(reporting).collect()
}

/// An application that people use: it cannot keep a secret.
fn application(client_id: &str, name: &str, grant_types: Vec<GrantType>, scopes: Scopes) -> Client {
    Client {
        client_id: client_id.to_owned(),
        name: name.to_owned(),
        grant_types,
        scopes,
        plan: "free".to_owned(),
        login: LoginRules::of_our_own(),
        ..Client::default()
    }
}

/// A program that acts for itself.
fn machine(client_id: &str, name: &str, secret: &SecretString, grant_type: GrantType, scopes: Scopes) -> Client {
    Client {
        secret_hash: Some(Hash::of(secret.expose_secret())),
        plan: "internal".to_owned(),
        ..application(client_id, name, vec![grant_type], scopes)
    }
}
