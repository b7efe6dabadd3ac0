//! Calls to addresses that clients have named (`jwks_uri`, `backchannel_logout_uri`). Who registers a client must not have
//! this server call what only this server reaches: https to the public internet only, bounded in time and size, and never
//! where a redirect leads. In development (the public origin is plain http) also http on loopback.

use std::{error::Error as StdError, net::IpAddr, net::SocketAddr, time::Duration};

use reqwest::{
    Client, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use crate::domain::is_public;

/// How long an answer may take, all told.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 * 1024;
const LONGEST_ADDRESS: usize = 1_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It is not called.
    #[error("the address is not one that is called")]
    Forbidden,
    /// It is not there, or what it says is no answer.
    #[error("there is no answer")]
    Failed(#[from] reqwest::Error),
    /// It refuses.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// It says too much.
    #[error("the answer is too long")]
    TooLong,
}

/// Calls addresses that clients have named.
pub struct Outbound {
    /// For what clients themselves have registered.
    vetted: Client,
    /// For what operators have provisioned: their applications may run inside.
    trusted: Client,
    rules: Rules,
}

#[derive(Clone, Copy)]
struct Rules {
    on_loopback: bool,
}

impl Outbound {
    /// For a server with this public origin.
    pub fn new(public_url: &str) -> anyhow::Result<Self> {
        let rules = Rules { on_loopback: public_url.starts_with("http://") };
        // A redirect could lead to an address that nobody has registered.
        let client = || Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE);
        Ok(Self { vetted: client().dns_resolver(rules).build()?, trusted: client().build()?, rules })
    }

    /// Whether an address that a client names is one that this server would ever call.
    pub fn would_call(&self, address: &str) -> bool {
        self.rules.allow(address).is_some()
    }

    /// What there is at an address. `named_by_client`: by the client itself, and not by an operator.
    pub async fn get(&self, address: &str, named_by_client: bool) -> Result<Vec<u8>, Unanswered> {
        let request = if named_by_client {
            self.vetted.get(self.rules.allow(address).ok_or(Unanswered::Forbidden)?)
        } else {
            self.trusted.get(address)
        };
        let mut answer = request.header("accept", "application/json").send().await?;
        if answer.status() != StatusCode::OK {
            return Err(Unanswered::Status(answer.status()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            if body.len() + part.len() > LONGEST {
                return Err(Unanswered::TooLong);
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    /// Sends a form; what the answer says is not read, however long it is. `named_by_client`: by the client itself, and not
    /// by an operator.
    pub async fn post(
        &self,
        address: &str,
        named_by_client: bool,
        form: &[(&str, &str)],
    ) -> Result<StatusCode, Unanswered> {
        let request = if named_by_client {
            self.vetted.post(self.rules.allow(address).ok_or(Unanswered::Forbidden)?)
        } else {
            self.trusted.post(address)
        };
        Ok(request.form(form).send().await?.status())
    }
}

impl Rules {
    // As the URL is read that is called: `https://0x7f.1/` is loopback.
    fn allow(self, address: &str) -> Option<Url> {
        let plain = address.len() <= LONGEST_ADDRESS && address.bytes().all(|byte| byte.is_ascii_graphic());
        let url = Url::parse(address).ok().filter(|_| plain && !address.contains(['#', '\\', '*', '"', '<', '>']))?;
        let bare = url.username().is_empty() && url.password().is_none();
        let host = url.host_str().filter(|_| bare)?;
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let local = literal.map_or(host == "localhost", |address| address.is_loopback());
        let allowed = match url.scheme() {
            "https" => literal.is_none_or(|address| self.reaches(address)) && (!local || self.on_loopback),
            "http" => local && self.on_loopback,
            _ => false,
        };
        allowed.then_some(url)
    }

    fn reaches(self, address: IpAddr) -> bool {
        is_public(address) || (self.on_loopback && address.is_loopback())
    }
}

// What is called is what was looked at: a name that leads elsewhere the next time does not matter.
impl Resolve for Rules {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| rules.reaches(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Box::<dyn StdError + Send + Sync>::from("the name leads to no address that is called"));
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn would_call(public_url: &str, address: &str) -> bool {
        Outbound::new(public_url).unwrap().would_call(address)
    }

    #[test]
    fn what_is_inside_is_not_called_however_it_is_written() {
        for address in [
            "http://shop.example/jwks",
            "https://127.0.0.1/jwks",
            "https://127.1/jwks",
            "https://0x7f.1/jwks",
            "https://2130706433/jwks",
            "https://017700000001/jwks",
            "https://[::1]/jwks",
            "https://[::ffff:10.0.0.1]/jwks",
            "https://localhost/jwks",
            "https://LOCALHOST/jwks",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/jwks",
            "https://user@shop.example/jwks",
            "https://shop.example/jwks#x",
            "https://shop.example\\@10.0.0.1/",
            "https://shop .example/",
            "ftp://shop.example/jwks",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "shop.example",
            "",
        ] {
            assert!(!would_call("https://shop.example", address), "{address}");
        }
        assert!(would_call("https://shop.example", "https://shop.example:8443/jwks?tenant=1"));
        assert!(would_call("https://shop.example", "https://93.184.216.34/jwks"));
    }

    #[test]
    fn in_development_loopback_is_called_and_nothing_else_inside() {
        for address in ["http://127.0.0.1:7000/jwks", "http://localhost/jwks", "https://[::1]/jwks"] {
            assert!(would_call("http://localhost:8080", address), "{address}");
        }
        for address in ["http://10.0.0.1/jwks", "https://192.168.1.1/jwks", "http://shop.example/jwks"] {
            assert!(!would_call("http://localhost:8080", address), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_called() {
        let resolved = async |on_loopback| {
            let rules = Rules { on_loopback };
            rules.resolve("localhost".parse().unwrap()).await.map(Iterator::count)
        };
        assert!(resolved(false).await.is_err());
        assert!(resolved(true).await.unwrap() > 0);
    }
}
