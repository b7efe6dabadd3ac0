//! Whether a name and a password are right, for whoever has not guessed too often.
//!
//! Attempts are counted before the password is looked at, per address and per account. A device on which the user has
//! logged in before is counted by itself, so that a stranger's guesses cannot keep the user out.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use database::Tx;
use http::HeaderMap;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    App, db,
    domain::{Happened, Hash, Patience, SecurityEvent},
    error::Error,
    events,
    http::device::Devices,
    keys::derived,
    passwords::Against,
};

/// Knows what is counted, and how often it may fail.
#[derive(Clone)]
pub struct Guesses {
    key: hmac::Key,
    account: Patience,
    address: Patience,
    /// Devices on which somebody has logged in before.
    pub devices: Devices,
}

/// Who wants to log in.
pub struct Attempt<'a> {
    /// As it was typed, in lower case.
    pub username: &'a str,
    pub password: String,
    pub address: Option<IpAddr>,
    pub headers: &'a HeaderMap,
}

/// What came of an attempt.
pub enum Outcome {
    Right(Right),
    /// The name or the password was wrong, or this account has to wait: nobody learns which.
    Wrong,
    /// The address has to wait.
    TooMany,
}

/// An attempt that was right.
pub struct Right {
    pub user_id: Uuid,
    account: Hash,
    address: Option<Hash>,
    // Instead of the stored one, which was made with other settings.
    new_hash: Option<String>,
}

impl Guesses {
    /// Keys are derived from the encryption key, so that all instances count the same.
    pub fn new(encryption_key: &[u8; 32], per_account: u16, per_address: u16, public_url: &str) -> Self {
        Self {
            key: derived(encryption_key, b"what password guesses are about"),
            account: Patience::with_account(per_account),
            address: Patience::with_address(per_address),
            devices: Devices::new(encryption_key, public_url),
        }
    }

    /// Under what is counted, by its kind.
    pub fn about(&self, kind: &str, what: &str) -> Result<Hash, Error> {
        let tag = hmac::sign(&self.key, format!("{kind}:{what}").as_bytes());
        Hash::stored(tag.as_ref()).ok_or(Error::Busy)
    }
}

/// Checks a name and a password. Whoever has to wait, is unknown or disabled costs a hash like everybody else.
pub async fn check(app: &App, attempt: Attempt<'_>) -> Result<Outcome, Error> {
    let stored = db::find_credentials(&mut *app.pool.get().await?, attempt.username).await?;
    let user_id = stored.as_ref().map(|stored| stored.user_id);
    let now = app.clock.now();
    let device = user_id.and_then(|user| app.guesses.devices.recognise(attempt.headers, user, now));
    let account = match device {
        Some(device) => app.guesses.about("device", &device)?,
        None => app.guesses.about("account", attempt.username)?,
    };
    let address = attempt.address.map(|address| app.guesses.about("address", &network(address))).transpose()?;
    let mut tx = app.pool.begin().await?;
    // Always first: whoever holds an account's row never waits for an address.
    if let Some(address) = address
        && db::count_guess(&mut tx, address, &app.guesses.address, now).await?.is_none()
    {
        return Ok(Outcome::TooMany);
    }
    let failures = db::count_guess(&mut tx, account, &app.guesses.account, now).await?;
    settle(tx).await?;
    let against = match stored {
        Some(stored) if failures.is_some() => Against::User(stored.password_hash),
        Some(stored) => Against::Waiting(stored.password_hash),
        None => Against::Nobody(attempt.username.to_owned()),
    };
    let checked = match app.passwords.check(attempt.password, against).await {
        Ok(checked) => checked,
        Err(error) => {
            // Nobody has looked at the password: that was no guess.
            let counted = address.into_iter().chain(failures.map(|_| account));
            take_back(app, &counted.collect::<Vec<_>>()).await?;
            return Err(error);
        }
    };
    match user_id.filter(|_| checked.right) {
        Some(user_id) => Ok(Outcome::Right(Right { user_id, account, address, new_hash: checked.new_hash })),
        None => refuse(app, user_id, attempt.address, failures).await,
    }
}

/// Forgets what was counted and keeps the password as it is to be kept now. Inside the transaction of the login.
pub async fn forgive(db: &mut PgConnection, right: &Right) -> Result<(), Error> {
    // Of the address only this attempt: else whoever has an account could guess at others by logging in in between.
    if let Some(address) = right.address {
        db::uncount_guess(db, address).await?;
    }
    db::forget_guesses(db, right.account).await?;
    if let Some(hash) = &right.new_hash {
        db::update_password_hash(db, right.user_id, hash).await?;
    }
    Ok(())
}

// In the order in which they were counted, so that nobody waits crosswise.
async fn take_back(app: &App, counted: &[Hash]) -> Result<(), Error> {
    let mut tx = app.pool.begin().await?;
    for about in counted {
        db::uncount_guess(&mut tx, *about).await?;
    }
    settle(tx).await
}

async fn settle(tx: Tx) -> Result<(), Error> {
    tx.commit("count guess").await?;
    Ok(())
}

// Attempts that had to wait leave no row: they cost us nothing but a hash, and say nothing.
async fn refuse(
    app: &App,
    user_id: Option<Uuid>,
    address: Option<IpAddr>,
    failures: Option<i32>,
) -> Result<Outcome, Error> {
    let Some(failures) = failures else { return Ok(Outcome::Wrong) };
    let of = |happened| {
        let subject = user_id.map(|id| id.to_string());
        SecurityEvent { subject, ..SecurityEvent::of(happened) }.from(address)
    };
    let mut tx = app.pool.begin().await?;
    events::record(&mut tx, of(Happened::LoginFailed), app.clock.now()).await?;
    if user_id.is_some() && failures == i32::from(app.guesses.account.free) {
        events::record(&mut tx, of(Happened::Locked), app.clock.now()).await?;
    }
    tx.commit("refuse login").await?;
    Ok(Outcome::Wrong)
}

// Of IPv6 the network: whoever has one address there has them all.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:?}", &address.segments()[..4]),
    }
}
