//! The ways between the processes of a suite that can be broken. Each process is told the beginnings of its own links
//! instead of the addresses of those it asks.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result};

use crate::link::{Link, Way};

/// What is told to a process, and whom it finds there.
const ASKED: [(&str, &str); 4] =
    [("DATABASE_URL", "postgres"), ("NATS_URL", "nats"), ("AUTH_URL", "auth"), ("GATEWAY_URL", "gateway")];

/// Who asks, and who is asked: `order`, `postgres`.
type Ends = (String, String);

/// All links, made as processes are started.
#[derive(Default)]
pub(super) struct Network(Mutex<BTreeMap<Ends, Link>>);

impl Network {
    /// Leads what the instance `id`, which listens on `port`, asks of others over links, and what the gateway asks of it.
    pub(super) fn redirect(&self, id: &str, port: u16, told: &mut Vec<(&'static str, String)>) -> Result<()> {
        for (variable, value) in told.iter_mut() {
            let Some((_, asked)) = ASKED.iter().find(|(name, _)| name == variable) else { continue };
            if *asked != id {
                let there = port_of(value).with_context(|| format!("no port in {variable}"))?;
                let here = self.begin((id, asked), there)?;
                // The last one: a password may begin like the port.
                if let Some((before, after)) = value.rsplit_once(&format!(":{there}")) {
                    *value = format!("{before}:{here}{after}");
                }
            }
        }
        if !matches!(id, "auth" | "gateway") {
            told.push(("ADVERTISE", format!("http://127.0.0.1:{}", self.begin(("gateway", id), port)?)));
        }
        Ok(())
    }

    pub(super) fn set(&self, ends: (&str, &str), way: Way) -> Result<()> {
        let links = self.links();
        let link = links.get(&owned(ends)).with_context(|| format!("there is no link {ends:?}"))?;
        link.set(way);
        Ok(())
    }

    pub(super) fn all(&self) -> Vec<Ends> {
        self.links().keys().cloned().collect()
    }

    /// Where the way begins.
    fn begin(&self, ends: (&str, &str), target: u16) -> Result<u16> {
        let mut links = self.links();
        if let Some(link) = links.get(&owned(ends)) {
            return Ok(link.port());
        }
        let link = Link::to(target)?;
        let port = link.port();
        links.insert(owned(ends), link);
        Ok(port)
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<Ends, Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn owned((from, to): (&str, &str)) -> Ends {
    (from.to_owned(), to.to_owned())
}

fn port_of(url: &str) -> Option<u16> {
    url.rsplit(':').next()?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_the_beginnings_of_its_links_and_again_the_same() {
        let network = Network::default();
        let all = || {
            vec![
                ("DATABASE_URL", "postgres://order:54321@127.0.0.1:5432/order".to_owned()),
                ("AUTH_URL", "http://127.0.0.1:8081/auth".to_owned()),
                ("BIND", "127.0.0.1:1".to_owned()),
            ]
        };
        let (mut told, mut again) = (all(), all());
        network.redirect("order-2", 1, &mut told).unwrap();
        network.redirect("order-2", 1, &mut again).unwrap();
        assert_eq!(told, again);
        let ports: Vec<_> = told.iter().map(|(_, url)| port_of(url).unwrap()).collect();
        assert!(!ports.contains(&5432) && !ports.contains(&8081), "{told:?}");
        assert!(
            told[0].1.starts_with("postgres://order:54321@127.0.0.1:") && told[0].1.ends_with("/order"),
            "{told:?}"
        );
        assert_eq!(told[2], all()[2]);
        let ends = [("gateway", "order-2"), ("order-2", "auth"), ("order-2", "postgres")];
        assert_eq!(network.all(), ends.map(owned));
    }

    #[test]
    fn nobody_reaches_itself_over_a_link() {
        let network = Network::default();
        let mut told = vec![("AUTH_URL", "http://127.0.0.1:8081/auth".to_owned())];
        network.redirect("auth", 8081, &mut told).unwrap();
        assert!(network.all().is_empty());
        assert_eq!(port_of(&told[0].1), Some(8081));
    }
}
