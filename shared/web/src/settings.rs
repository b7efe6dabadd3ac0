//! The settings that every process has.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

/// Settings that every process has. Each is a flag and an environment variable.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Address of the API. Port 0 takes any free port.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:0")]
    pub bind: SocketAddr,

    /// Address of /healthz, /readyz and /metrics, which the gateway does not route.
    #[arg(long, env = "OPS_BIND", default_value = "127.0.0.1:0")]
    pub ops_bind: SocketAddr,

    /// Base URL under which others reach this instance, e.g. http://10.0.0.7:8080. Without it: the bound address, or
    /// if that is unspecified (0.0.0.0) this host's own address as seen on the way to NATS.
    #[arg(long, env = "ADVERTISE")]
    pub advertise: Option<String>,

    /// The one public origin, in lower case, without a path or a trailing slash. The token issuer is {PUBLIC_URL}/auth.
    #[arg(long, env = "PUBLIC_URL", default_value = "http://localhost:8080", value_parser = origin)]
    pub public_url: String,

    /// Where auth is reached from inside, with its path.
    #[arg(long, env = "AUTH_URL", default_value = "http://127.0.0.1:8081/auth", value_parser = base_url)]
    pub auth_url: String,

    /// The NATS server, for events and the service registry, e.g. `nats://suite:…@127.0.0.1:4222`. Name and password are
    /// letters and digits. Secret.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222", hide_env_values = true)]
    pub nats_url: SecretString,

    /// Log filter, e.g. info or debug,sqlx=warn.
    #[arg(long, env = "LOG", default_value = "info,sqlx=warn")]
    pub log: String,

    /// Log lines as text for people or as JSON for machines.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// OTLP/gRPC endpoint for traces, e.g. http://127.0.0.1:4317. Without it no trace leaves the process.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,

    /// How long requests in flight may go on after SIGTERM, in milliseconds (0 to 300000).
    #[arg(long, env = "SHUTDOWN_DEADLINE_MS", default_value_t = 10_000,
          value_parser = clap::value_parser!(u64).range(0..=300_000))]
    pub shutdown_deadline_ms: u64,

    /// Lets operators declare faults at /v1/faults of a service: for teaching and testing, never for customers.
    #[arg(long, env = "FAULTS")]
    pub faults: bool,

    /// Where to die, e.g. `save saga: before`. Only in test builds: points stand at every durable write and every call.
    #[cfg(debug_assertions)]
    #[arg(long, env = "CRASH_AT")]
    pub crash_at: Option<crash::At>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Settings {
    /// The issuer of every token (RFC 9068, claim `iss`).
    pub fn issuer(&self) -> String {
        format!("{}/auth", self.public_url)
    }

    /// The NATS server, with what lets in there: never to be shown.
    pub fn nats_url(&self) -> &str {
        self.nats_url.expose_secret()
    }

    /// How long requests in flight may go on after SIGTERM.
    pub fn shutdown_deadline(&self) -> Duration {
        Duration::from_millis(self.shutdown_deadline_ms)
    }

    /// Settings for an instance on free loopback ports, as tests start it.
    pub fn on_loopback(public_url: &str, auth_url: &str, nats_url: &str) -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            bind: any_port,
            ops_bind: any_port,
            advertise: None,
            public_url: public_url.to_owned(),
            auth_url: auth_url.to_owned(),
            nats_url: nats_url.to_owned().into(),
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            otlp_endpoint: None,
            shutdown_deadline_ms: 2_000,
            faults: false,
            #[cfg(debug_assertions)]
            crash_at: None,
        }
    }
}

fn base_url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    let http = matches!(uri.scheme_str(), Some("http" | "https"));
    if !http || uri.authority().is_none() || uri.query().is_some() || text.ends_with('/') {
        return Err("must be http(s)://host[:port][/path] without a trailing slash or query".to_owned());
    }
    Ok(text.to_owned())
}

// As browsers write it (WHATWG URL, serialization of an origin): others compare it as a string, and begin where it ends.
fn origin(text: &str) -> Result<String, String> {
    let url: reqwest::Url = text.parse().map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.origin().ascii_serialization() != text {
        return Err(
            "must be http(s)://host[:port], in lower case, without the usual port and without a path".to_owned()
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_origin_is_one_as_browsers_write_it() {
        for good in ["http://localhost:8080", "https://shop.example", "https://[2001:db8::1]:8443"] {
            assert_eq!(origin(good).as_deref(), Ok(good));
        }
        for bad in [
            "HTTPS://shop.example",
            "https://Shop.example",
            "https://shop.example/",
            "https://shop.example/shop",
            "https://shop.example#",
            "https://shop.example?",
            "https://user@shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://shop.example:",
            "https://shop.example:08443",
            "https://shop.example:99999",
            "ftp://shop.example",
            "shop.example",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
