//! Where the instances of each service are, now: as the registry says, or as names resolve.

mod names;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use http::Uri;
use http::uri::Authority;
use registry::{Directory, Registration};
use uuid::Uuid;

use crate::balance::Instance;
use crate::config::{DiscoverySetting, authority};

const AUTH: &str = "auth";

type Instances = Arc<[Arc<Instance>]>;

/// The live instances of every service. Cheap to clone and to ask.
#[derive(Clone)]
pub struct Discovery(Arc<Inner>);

type Fixed = BTreeMap<String, Vec<Authority>>;

struct Inner {
    instances: RwLock<foldhash::HashMap<String, Instances>>,
    fixed: Fixed,
}

impl Discovery {
    /// Instances at addresses that do not change; with the registry, its instances are added by [`Discovery::follow`].
    /// Auth is always where `auth_url` says: all processes must agree about it.
    pub fn new(setting: &DiscoverySetting, auth_url: &str) -> anyhow::Result<Self> {
        let auth: Uri = auth_url.parse()?;
        let auth = auth.authority().ok_or_else(|| anyhow::anyhow!("AUTH_URL has no host"))?;
        let mut fixed = Fixed::from([(AUTH.to_owned(), vec![auth.clone()])]);
        if let DiscoverySetting::Fixed(others) = setting {
            fixed.extend(others.clone());
        }
        // A name is an address like any other until it is resolved.
        let instances = fixed.iter().map(|(service, addresses)| (service.clone(), at(addresses))).collect();
        Ok(Self(Arc::new(Inner { instances: RwLock::new(instances), fixed })))
    }

    /// The instances that may get requests.
    pub fn instances(&self, service: &str) -> Instances {
        let all = self.0.instances.read().unwrap_or_else(PoisonError::into_inner);
        all.get(service).cloned().unwrap_or_else(|| Arc::from([]))
    }

    /// Every instance of every service, by service.
    pub fn all(&self) -> BTreeMap<String, Instances> {
        let all = self.0.instances.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(service, instances)| (service.clone(), Instances::clone(instances))).collect()
    }

    /// Looks again and again where the fixed names lead. Ends at once if there are only addresses.
    pub async fn resolve(self) {
        let is_name = |address: &Authority| names::address_of(address).is_none();
        let named: Vec<_> = self.0.fixed.iter().filter(|(_, all)| all.iter().any(is_name)).collect();
        while !named.is_empty() {
            for (service, addresses) in &named {
                let known = self.instances(service);
                let resolved = names::resolve(addresses, &known, names::lookup).await;
                let mut current = self.0.instances.write().unwrap_or_else(PoisonError::into_inner);
                current.insert((*service).clone(), resolved);
            }
            tokio::time::sleep(names::AGAIN).await;
        }
    }

    /// Takes over what the registry says, again and again. Never ends.
    pub async fn follow(self, mut directory: Directory) {
        let mut known = HashMap::new();
        loop {
            self.take(&mut known, &directory.all());
            directory.changed().await;
        }
    }

    // An instance that stays keeps what is known of it: requests in flight, and whether it is avoided.
    fn take(&self, known: &mut HashMap<Uuid, Arc<Instance>>, all: &HashMap<String, Arc<[Registration]>>) {
        let mut before = std::mem::take(known);
        let mut services = foldhash::HashMap::default();
        for (service, registrations) in all {
            let mut instances = Vec::with_capacity(registrations.len());
            for registration in registrations.iter() {
                let stays = before.remove(&registration.instance);
                let stays = stays.filter(|it| it.registered.as_ref() == Some(registration));
                let Some(instance) = stays.or_else(|| instance(registration)) else { continue };
                known.insert(registration.instance, Arc::clone(&instance));
                instances.push(instance);
            }
            services.insert(service.clone(), Instances::from(instances));
        }
        let mut current = self.0.instances.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(auth) = current.remove(AUTH) {
            services.insert(AUTH.to_owned(), auth);
        }
        *current = services;
    }
}

fn at(addresses: &[Authority]) -> Instances {
    addresses.iter().map(|address| Arc::new(Instance::new(address.clone()))).collect()
}

fn instance(registration: &Registration) -> Option<Arc<Instance>> {
    match authority(&registration.address) {
        Ok(address) => Some(Arc::new(Instance::registered(address, registration))),
        Err(fault) => {
            tracing::warn!(service = registration.name, address = registration.address, fault, "unusable registration");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(registrations: &[&Registration]) -> HashMap<String, Arc<[Registration]>> {
        let mut all: HashMap<String, Vec<Registration>> = HashMap::new();
        for registration in registrations {
            all.entry(registration.name.clone()).or_default().push((*registration).clone());
        }
        all.into_iter().map(|(name, list)| (name, list.into())).collect()
    }

    #[test]
    fn an_instance_that_stays_keeps_what_is_known_of_it() {
        let discovery = Discovery::new(&DiscoverySetting::Registry, "http://a:1/auth").unwrap();
        let one = Registration::new("store", "1", "http://10.0.0.1:80");
        let two = Registration::new("store", "1", "http://10.0.0.2:80");
        let mut known = HashMap::new();
        discovery.take(&mut known, &all(&[&one]));
        let _busy = discovery.instances("store")[0].enter();
        discovery.take(&mut known, &all(&[&one, &two]));
        let busy: Vec<_> = discovery.instances("store").iter().map(|i| i.in_flight()).collect();
        assert_eq!(busy, [1, 0]);
        discovery.take(&mut known, &all(&[]));
        assert!(discovery.instances("store").is_empty() && known.is_empty());
        assert_eq!(discovery.instances("auth").len(), 1);
    }

    #[test]
    fn an_instance_that_says_something_else_of_itself_is_where_it_says() {
        let discovery = Discovery::new(&DiscoverySetting::Registry, "http://a:1/auth").unwrap();
        let one = Registration::new("store", "1", "http://10.0.0.1:80");
        let mut known = HashMap::new();
        discovery.take(&mut known, &all(&[&one]));
        let moved = Registration { address: "http://10.0.0.2:80".to_owned(), ..one };
        discovery.take(&mut known, &all(&[&moved]));
        assert_eq!(discovery.instances("store")[0].authority, "10.0.0.2:80");
    }

    #[test]
    fn an_address_that_cannot_be_used_is_left_out_and_auth_is_not_taken_over() {
        let discovery = Discovery::new(&DiscoverySetting::Registry, "http://a:1/auth").unwrap();
        let odd = Registration::new("store", "1", "ftp://10.0.0.1");
        let auth = Registration::new("auth", "1", "http://10.6.6.6:80");
        discovery.take(&mut HashMap::new(), &all(&[&odd, &auth]));
        assert!(discovery.instances("store").is_empty());
        assert_eq!(discovery.instances("auth")[0].authority, "a:1");
    }
}
