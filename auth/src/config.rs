//! Settings: the only reader of the environment.

mod keys;

pub use keys::{KeySettings, RotateKeys};

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

const SHORTEST_CLIENT_SECRET: usize = 32;
// The cheapest of OWASP's recommendations for Argon2id: 7 MiB, five passes. Half the memory takes twice the passes.
const LEAST_MEMORY_KIB: u32 = 7 * 1024;
const LEAST_PASSES_AT_THAT: u64 = 5;
// A hash is waited for.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 100;

/// Settings of the token service.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub web: web::Settings,
    /// The service's own database.
    #[command(flatten)]
    pub database: database::Settings,

    /// The signing keys.
    #[command(flatten)]
    pub keys: KeySettings,

    /// Secret of the client `gateway`, which exchanges tokens: random, at least 32 characters. Secret.
    #[arg(long, env = "GATEWAY_CLIENT_SECRET", hide_env_values = true)]
    pub gateway_client_secret: SecretString,

    /// Secret of the client `order`, which calls the participants of an order: random, at least 32 characters. Secret.
    #[arg(long, env = "ORDER_CLIENT_SECRET", hide_env_values = true)]
    pub order_client_secret: SecretString,

    /// Secret of the demonstration's client `reporting`: random, at least 32 characters. Needed with SEED=demo. Secret.
    #[arg(long, env = "REPORTING_CLIENT_SECRET", hide_env_values = true, required_if_eq("seed", "demo"))]
    pub reporting_client_secret: Option<SecretString>,

    /// What to fill an empty database with. `demo`: the users and clients of the demonstration, with known passwords.
    #[arg(long, env = "SEED", value_enum)]
    pub seed: Option<Seed>,

    /// How many passwords are checked at the same time (1 to 64). As it is set, each check takes 19 MiB and a core for
    /// some 30 ms. For each, 16 wait for their turn, 5 s at the most; whoever comes then is told to come again.
    #[arg(long, env = "PASSWORD_CHECKS", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub password_checks: u8,

    /// Memory that the hash of a password takes (Argon2id), in KiB. With other settings than before, passwords are hashed
    /// anew when their users log in. Less than what takes as long to crack as 7 MiB and 5 passes is refused.
    #[arg(long, env = "PASSWORD_MEMORY_KIB", default_value_t = 19 * 1024)]
    pub password_memory_kib: u32,

    /// How often the hash of a password goes over its memory.
    #[arg(long, env = "PASSWORD_PASSES", default_value_t = 2)]
    pub password_passes: u32,

    /// In how many lanes the hash of a password is made.
    #[arg(long, env = "PASSWORD_LANES", default_value_t = 1)]
    pub password_lanes: u32,

    /// How many days the record of security events is kept (30 to 36500). What is younger, nobody can take out of it.
    #[arg(long, env = "SECURITY_EVENT_DAYS", default_value_t = 400, value_parser = clap::value_parser!(i32).range(30..=36_500))]
    pub security_event_days: i32,

    /// How many wrong passwords for one account are free (1 to 1000). Then guesses wait: 30 s, twice as long each time, 5
    /// minutes at the most. Devices on which the user has logged in before are counted by themselves.
    #[arg(long, env = "GUESSES_PER_ACCOUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub guesses_per_account: u16,

    /// How many wrong passwords from one address (of IPv6: one /64) are free (1 to 10000). Then it waits: 1 s, twice as
    /// long each time, a minute at the most.
    #[arg(long, env = "GUESSES_PER_ADDRESS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub guesses_per_address: u16,
}

/// What to fill an empty database with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Seed {
    /// The users and clients of the demonstration.
    Demo,
}

impl Config {
    /// Refuses secrets that are too weak. Not by value parsers: clap repeats what they refuse, and that goes to logs.
    pub fn check(&self) -> anyhow::Result<()> {
        self.keys.encryption_key()?;
        self.password_cost()?;
        strong("GATEWAY_CLIENT_SECRET", &self.gateway_client_secret)?;
        strong("ORDER_CLIENT_SECRET", &self.order_client_secret)?;
        self.reporting_client_secret.as_ref().map_or(Ok(()), |secret| strong("REPORTING_CLIENT_SECRET", secret))
    }

    /// The cost of a password's hash; refused if it is too cheap to crack.
    pub fn password_cost(&self) -> anyhow::Result<argon2::Params> {
        let (memory, passes) = (self.password_memory_kib, self.password_passes);
        let work = u64::from(memory) * u64::from(passes);
        let dear = memory >= LEAST_MEMORY_KIB && work >= u64::from(LEAST_MEMORY_KIB) * LEAST_PASSES_AT_THAT;
        anyhow::ensure!(dear, "PASSWORD_MEMORY_KIB and PASSWORD_PASSES make hashes that are too cheap to crack");
        let bounded = memory <= MOST_MEMORY_KIB && passes <= MOST_PASSES;
        anyhow::ensure!(
            bounded,
            "PASSWORD_MEMORY_KIB may be {MOST_MEMORY_KIB} and PASSWORD_PASSES {MOST_PASSES} at the most"
        );
        let params = argon2::Params::new(memory, passes, self.password_lanes, None);
        params.map_err(|error| anyhow::anyhow!("PASSWORD_LANES does not go with the memory: {error}"))
    }
}

fn strong(name: &str, secret: &SecretString) -> anyhow::Result<()> {
    let long_enough = secret.expose_secret().len() >= SHORTEST_CLIENT_SECRET;
    anyhow::ensure!(long_enough, "{name} must be random and have at least {SHORTEST_CLIENT_SECRET} characters");
    Ok(())
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use clap::{Command, FromArgMatches};

    use super::*;

    fn read(gateway: &str, key: &str) -> Config {
        read_with(gateway, key, &[])
    }

    fn read_with(gateway: &str, key: &str, more: &[(&str, &str)]) -> Config {
        let long = "x".repeat(32);
        let given = [
            ("--database-url", "postgres://127.0.0.1/auth"),
            ("--key-encryption-key", key),
            ("--gateway-client-secret", gateway),
            ("--order-client-secret", &long),
        ];
        let flags = given.iter().chain(more).flat_map(|(flag, value)| [*flag, *value]);
        let matches = Config::augment_args(Command::new("auth")).get_matches_from(["auth"].into_iter().chain(flags));
        Config::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn weak_secrets_are_refused_without_repeating_them() {
        let (long, key) = ("x".repeat(32), STANDARD.encode([1; 32]));
        assert!(read(&long, &key).check().is_ok());
        for weak in [read("hunter2", &key), read(&long, "hunter2="), read(&long, &STANDARD.encode(b"hunter2"))] {
            let refused = format!("{:?}", weak.check().unwrap_err());
            assert!(refused.contains("must be") && !refused.contains("hunter2"), "{refused}");
            assert!(!format!("{weak:?}").contains("hunter2"), "settings print their secrets");
        }
    }

    #[test]
    fn hashes_that_are_too_cheap_to_crack_are_refused() {
        let (long, key) = ("x".repeat(32), STANDARD.encode([1; 32]));
        let cost = |memory, passes, lanes| {
            let more = [("--password-memory-kib", memory), ("--password-passes", passes), ("--password-lanes", lanes)];
            read_with(&long, &key, &more).check()
        };
        // What OWASP recommends, and what it does not.
        for (memory, passes) in [("47104", "1"), ("19456", "2"), ("12288", "3"), ("9216", "4"), ("7168", "5")] {
            assert!(cost(memory, passes, "1").is_ok(), "{memory} {passes}");
        }
        for (memory, passes, lanes) in [
            ("19456", "1", "1"),
            ("7168", "4", "1"),
            ("1024", "100", "1"),
            ("0", "2", "1"),
            ("19456", "0", "1"),
            ("2000000", "2", "1"),
            ("19456", "2", "0"),
            ("19456", "2", "16777216"),
        ] {
            assert!(cost(memory, passes, lanes).is_err(), "{memory} {passes} {lanes}");
        }
    }
}
