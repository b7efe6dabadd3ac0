//! The gateway's settings. The only reader of the environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use http::Uri;
use http::uri::Authority;
use secrecy::SecretString;

use crate::policies::Policies;

/// Settings of the gateway.
#[derive(Clone, Debug, Args)]
pub struct Config {
    #[command(flatten)]
    pub web: web::Settings,

    /// How services are found: `registry` (NATS), or fixed addresses as `service=http://host:port` joined by commas.
    /// A service may be named again for another instance of it.
    #[arg(long, env = "DISCOVERY", default_value = "registry", value_parser = discovery)]
    pub discovery: DiscoverySetting,

    /// A file of policies in place of those that come with the gateway (`policies.toml` in its source). It is read again
    /// when it changes and after SIGHUP; what is wrong in it is said, and the old policies stay.
    #[arg(long, env = "POLICIES")]
    pub policies: Option<PathBuf>,

    /// How many runtimes accept and forward, each on a thread of its own (1 to 256). Without it one for each core.
    #[arg(long, env = "RUNTIMES", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub runtimes: Option<u16>,

    #[command(flatten)]
    pub tls: TlsSettings,

    /// Secret of the client `gateway`, with which tokens are exchanged at auth. Secret.
    #[arg(long, env = "GATEWAY_CLIENT_SECRET", hide_env_values = true, value_parser = secret)]
    pub gateway_client_secret: SecretString,
}

impl Config {
    /// How many runtimes there are.
    pub fn runtimes(&self) -> usize {
        self.runtimes.map_or_else(|| thread::available_parallelism().map_or(1, NonZero::get), usize::from)
    }
}

/// Where callers are served over TLS, beside the address for those behind it.
#[derive(Clone, Debug, Default, Args)]
pub struct TlsSettings {
    /// Address of a second listener, which speaks TLS (1.2 and 1.3; HTTP/2 and HTTP/1.1). PUBLIC_URL says https then.
    #[arg(long, env = "TLS_BIND", requires_all = ["tls_certificate", "tls_key"])]
    pub tls_bind: Option<SocketAddr>,

    /// File of its certificate with those that lead to an authority, in PEM. Read at the start.
    #[arg(long, env = "TLS_CERTIFICATE", requires = "tls_bind")]
    pub tls_certificate: Option<PathBuf>,

    /// File of the certificate's private key, in PEM.
    #[arg(long, env = "TLS_KEY", requires = "tls_bind")]
    pub tls_key: Option<PathBuf>,
}

/// How services are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoverySetting {
    /// By the registry in NATS (client-side discovery).
    Registry,
    /// At addresses that others keep alive and balanced (server-side discovery).
    Fixed(BTreeMap<String, Vec<Authority>>),
}

impl DiscoverySetting {
    /// Fails if a service is named that no route leads to, or one whose address is set elsewhere.
    pub fn check(&self, policies: &Policies) -> anyhow::Result<()> {
        let Self::Fixed(fixed) = self else { return Ok(()) };
        let known: Vec<_> = policies.audiences().collect();
        match fixed.keys().find(|service| !known.contains(&service.as_str())) {
            None => Ok(()),
            Some(service) => anyhow::bail!("DISCOVERY: no route to `{service}`; known are {}", known.join(", ")),
        }
    }
}

/// Reads `DISCOVERY`. An error names the item that is wrong.
pub fn discovery(text: &str) -> Result<DiscoverySetting, String> {
    if text == "registry" {
        return Ok(DiscoverySetting::Registry);
    }
    let mut fixed: BTreeMap<String, Vec<Authority>> = BTreeMap::new();
    for item in text.split(',').map(str::trim) {
        let (service, address) = fixed_item(item).map_err(|fault| format!("`{item}`: {fault}"))?;
        let addresses = fixed.entry(service.to_owned()).or_default();
        if addresses.contains(&address) {
            return Err(format!("`{item}`: named twice"));
        }
        addresses.push(address);
    }
    Ok(DiscoverySetting::Fixed(fixed))
}

fn fixed_item(item: &str) -> Result<(&str, Authority), String> {
    let (service, address) = item.split_once('=').ok_or("must be `service=http://host:port`")?;
    Ok((service, authority(address)?))
}

/// Host and port of an internal base URL without a path.
pub fn authority(address: &str) -> Result<Authority, String> {
    let uri: Uri = address.parse().map_err(|error| format!("not a URL: {error}"))?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    // A port that is none would be taken for the usual one.
    let is_port = |authority: &Authority| {
        authority.as_str() == authority.host() || authority.port_u16().is_some_and(|port| port > 0)
    };
    match uri.authority() {
        Some(authority)
            if uri.scheme_str() == Some("http") && bare && !authority.as_str().contains('@') && is_port(authority) =>
        {
            Ok(authority.clone())
        }
        _ => Err("the address must be http://host:port without a path".to_owned()),
    }
}

fn secret(text: &str) -> Result<SecretString, String> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_addresses_are_read_with_several_per_service() {
        let read = discovery("inventory=http://a:8080, inventory=http://b:8080,store=http://10.0.0.1:80").unwrap();
        let DiscoverySetting::Fixed(fixed) = read else { panic!("expected fixed addresses") };
        assert_eq!(fixed["inventory"], ["a:8080", "b:8080"]);
        assert_eq!(fixed["store"], ["10.0.0.1:80"]);
        assert_eq!(discovery("registry"), Ok(DiscoverySetting::Registry));
    }

    #[test]
    fn an_address_for_a_service_without_a_route_is_refused_by_name() {
        let check = |text: &str| discovery(text).unwrap().check(&Policies::standard());
        assert!(check("store=http://a:1").is_ok() && check("registry").is_ok());
        for (text, service) in [("store=http://a:1,invntory=http://b:1", "`invntory`"), ("auth=http://a:1", "`auth`")] {
            assert!(check(text).unwrap_err().to_string().contains(service), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_item() {
        for (setting, item) in [
            ("store=http://a:1,inventory", "inventory"),
            ("store=http://a:1,inventory=b:1", "inventory=b:1"),
            ("store=https://a:1", "store=https://a:1"),
            ("store=http://a:1/base", "store=http://a:1/base"),
            ("store=http://u:p@a:1", "store=http://u:p@a:1"),
            ("store=http://a:80800", "store=http://a:80800"),
            ("store=http://a:0", "store=http://a:0"),
            ("store=http://a:1,store=http://a:1", "store=http://a:1"),
            ("store=http://a:1,", ""),
            ("", ""),
        ] {
            let error = discovery(setting).unwrap_err();
            assert!(error.starts_with(&format!("`{item}`: ")), "{setting} gave {error}");
        }
    }
}
