//! A name may stand for several instances, and for others tomorrow: each of its addresses is one.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;

use super::Instances;
use crate::balance::Instance;

/// How often names are looked up.
pub const AGAIN: Duration = Duration::from_secs(5);
const PORT: u16 = 80;

/// The address, unless it is a name.
pub fn address_of(authority: &Authority) -> Option<SocketAddr> {
    let host = authority.host().trim_matches(['[', ']']);
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, authority.port_u16().unwrap_or(PORT)))
}

/// All addresses of a name, as the machine resolves names.
pub async fn lookup(name: Authority) -> std::io::Result<Vec<SocketAddr>> {
    let port = name.port_u16().unwrap_or(PORT);
    Ok(tokio::net::lookup_host((name.host(), port)).await?.collect())
}

/// The instances at these addresses and names. One that is known stays what it is; a name that cannot be looked up now
/// keeps its addresses.
pub async fn resolve<F>(named: &[Authority], known: &Instances, lookup: impl Fn(Authority) -> F) -> Instances
where
    F: Future<Output = std::io::Result<Vec<SocketAddr>>>,
{
    let mut instances: Vec<Arc<Instance>> = Vec::new();
    for name in named {
        let belongs = |it: &&Arc<Instance>| it.host == name.as_str();
        let before: Vec<_> = known.iter().filter(belongs).map(Arc::clone).collect();
        if address_of(name).is_some() {
            instances.extend(before);
            continue;
        }
        match lookup(name.clone()).await {
            Ok(mut addresses) if !addresses.is_empty() => {
                addresses.sort_unstable();
                addresses.dedup();
                let at = |address: &SocketAddr| instance(*address, name, &before);
                instances.extend(addresses.iter().filter_map(at));
            }
            looked => {
                let cause = looked.err().map_or_else(|| "no address".to_owned(), |error| error.to_string());
                tracing::warn!(%name, cause, "cannot be resolved");
                instances.extend(before);
            }
        }
    }
    instances.into()
}

fn instance(address: SocketAddr, name: &Authority, before: &[Arc<Instance>]) -> Option<Arc<Instance>> {
    let authority: Authority = address.to_string().parse().ok()?;
    let known = before.iter().find(|it| it.authority == authority).map(Arc::clone);
    Some(known.unwrap_or_else(|| Arc::new(Instance::of_name(authority, name))))
}

#[cfg(test)]
mod tests {
    use super::super::at;
    use super::*;

    async fn resolved(known: &Instances, answer: Result<&[&str], ()>) -> Instances {
        let named = ["store.example:80".parse().unwrap(), "10.0.0.9:80".parse().unwrap()];
        let addresses = answer.map(|all| all.iter().map(|it| it.parse().unwrap()).collect::<Vec<SocketAddr>>());
        resolve(&named, known, |name| {
            assert_eq!(name, "store.example:80");
            std::future::ready(addresses.clone().map_err(|()| std::io::ErrorKind::NotFound.into()))
        })
        .await
    }

    fn authorities(instances: &Instances) -> Vec<&str> {
        instances.iter().map(|instance| instance.authority.as_str()).collect()
    }

    #[tokio::test]
    async fn each_address_of_a_name_is_an_instance_that_keeps_what_is_known_of_it() {
        let first = at(&["store.example:80".parse().unwrap(), "10.0.0.9:80".parse().unwrap()]);
        let second = resolved(&first, Ok(&["10.0.0.2:80", "10.0.0.1:80", "[::1]:80"])).await;
        assert_eq!(authorities(&second), ["10.0.0.1:80", "10.0.0.2:80", "[::1]:80", "10.0.0.9:80"]);
        assert_eq!(second[0].host, "store.example:80");
        let _busy = second[1].enter();
        let third = resolved(&second, Ok(&["10.0.0.2:80", "10.0.0.3:80"])).await;
        assert_eq!(authorities(&third), ["10.0.0.2:80", "10.0.0.3:80", "10.0.0.9:80"]);
        assert_eq!(third[0].in_flight(), 1);
        assert!(Arc::ptr_eq(&third[2], &first[1]));
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_looked_up_keeps_its_addresses() {
        let first = at(&["store.example:80".parse().unwrap(), "10.0.0.9:80".parse().unwrap()]);
        let unresolved = resolved(&first, Err(())).await;
        assert_eq!(authorities(&unresolved), ["store.example:80", "10.0.0.9:80"]);
        let second = resolved(&first, Ok(&["10.0.0.2:80"])).await;
        for nothing in [Err(()), Ok(&[][..])] {
            assert_eq!(authorities(&resolved(&second, nothing).await), ["10.0.0.2:80", "10.0.0.9:80"]);
        }
    }
}
