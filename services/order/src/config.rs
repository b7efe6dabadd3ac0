//! Settings: the only reader of the environment.

use std::time::Duration;

use clap::{Args, value_parser};
use secrecy::SecretString;

use crate::saga::patience::Patience;

/// Settings of the order service.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub web: web::Settings,
    /// The service's own database.
    #[command(flatten)]
    pub database: database::Settings,
    /// The way to the participants.
    #[command(flatten)]
    pub participants: ParticipantSettings,
    /// How sagas are worked on.
    #[command(flatten)]
    pub sagas: SagaSettings,

    /// How long an event stream lasts, in milliseconds (up to 60000); its reader goes on with another, with a token that
    /// is good then.
    #[arg(long, env = "STREAM_LIFE_MS", default_value_t = 60_000, value_parser = value_parser!(u64).range(1..=60_000))]
    pub stream_life_ms: u64,
}

/// The way to the participants.
#[derive(Clone, Debug, Args)]
pub struct ParticipantSettings {
    /// Where the gateway is reached from inside. Without it: the public origin.
    #[arg(long, env = "GATEWAY_URL")]
    pub gateway_url: Option<String>,

    /// The secret of the OAuth client `order`, with which this service calls the participants. Secret.
    #[arg(long, env = "ORDER_CLIENT_SECRET", hide_env_values = true)]
    pub order_client_secret: SecretString,

    /// How long a participant may take to answer, in milliseconds (1 to 60000). After it the call counts as silent.
    #[arg(long, env = "CALL_TIMEOUT_MS", default_value_t = 5_000, value_parser = value_parser!(u64).range(1..=60_000))]
    pub call_timeout_ms: u64,

    /// How many calls of one participant are under way at a time (1 to 10000); further sagas that need it wait. Fewer
    /// than SAGA_CONCURRENCY, so that a participant that hangs does not hold up the sagas that need another.
    #[arg(long, env = "CALLS_PER_PARTICIPANT", default_value_t = 16, value_parser = value_parser!(u32).range(1..=10_000))]
    pub calls_per_participant: u32,
}

/// How sagas are worked on.
#[derive(Clone, Debug, Args)]
pub struct SagaSettings {
    /// On how many sagas this instance works at a time (1 to 10000); the others wait.
    #[arg(long, env = "SAGA_CONCURRENCY", default_value_t = 64, value_parser = value_parser!(u32).range(1..=10_000))]
    pub saga_concurrency: u32,

    /// For how long a saga belongs to the instance that works on it, in milliseconds, counted anew before each call.
    /// After it another instance takes over. Must be longer than CALL_TIMEOUT_MS.
    #[arg(long, env = "SAGA_LEASE_MS", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..))]
    pub saga_lease_ms: u64,

    /// How often this instance looks for sagas that others left over, in milliseconds.
    #[arg(long, env = "SAGA_POLL_MS", default_value_t = 500, value_parser = value_parser!(u64).range(1..=60_000))]
    pub saga_poll_ms: u64,

    /// How long after its first attempt a silent step is given up and undone, in milliseconds, if it can be undone.
    #[arg(long, env = "STEP_DEADLINE_MS", default_value_t = 15_000)]
    pub step_deadline_ms: u64,

    /// How long after its first attempt a silent step that must be done raises an alarm, in milliseconds.
    #[arg(long, env = "STUCK_AFTER_MS", default_value_t = 30_000)]
    pub stuck_after_ms: u64,

    /// How long to wait before asking a silent participant again, in milliseconds; doubled after each attempt.
    #[arg(long, env = "RETRY_DELAY_MS", default_value_t = 200, value_parser = value_parser!(u64).range(1..))]
    pub retry_delay_ms: u64,

    /// The longest wait between two attempts, in milliseconds.
    #[arg(long, env = "RETRY_DELAY_MAX_MS", default_value_t = 5_000, value_parser = value_parser!(u64).range(1..))]
    pub retry_delay_max_ms: u64,
}

impl Config {
    /// Refuses settings that do not go together.
    pub fn check(&self) -> anyhow::Result<()> {
        let (lease, call) = (self.sagas.saga_lease_ms, self.participants.call_timeout_ms);
        // A call that outlives the lease would be made twice at a time whenever a participant is slow.
        anyhow::ensure!(lease > call, "SAGA_LEASE_MS ({lease}) must be longer than CALL_TIMEOUT_MS ({call})");
        Ok(())
    }

    /// Where the gateway is.
    pub fn gateway_url(&self) -> &str {
        self.participants.gateway_url.as_deref().unwrap_or(&self.web.public_url).trim_end_matches('/')
    }
}

impl ParticipantSettings {
    /// How long a participant may take to answer.
    pub fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }
}

impl SagaSettings {
    /// How long silence is borne.
    pub fn patience(&self) -> Patience {
        Patience {
            first_delay: Duration::from_millis(self.retry_delay_ms),
            longest_delay: Duration::from_millis(self.retry_delay_max_ms),
            deadline: Duration::from_millis(self.step_deadline_ms),
            alarm_after: Duration::from_millis(self.stuck_after_ms),
        }
    }
}
