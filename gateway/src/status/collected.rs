//! What the policies know, put together.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use super::{Breaker, Bulkhead, Callers, Health, Instance, Limit, Service, Standing, Status, TokenCache};
use crate::{
    App, balance,
    balance::Ejection,
    breaker::{self, State},
    bulkhead,
    identity::Translator,
    policies::name,
    routes::Route,
};

impl Status {
    /// How everything does now.
    pub fn of(app: &App) -> Self {
        let (policies, now) = (app.policies.load(), Instant::now());
        let known = app.forwarder.discovery.all();
        let routed = policies.routes.iter().map(|route| route.service);
        let names: BTreeSet<&'static str> = known.keys().map(|it| name(it)).chain(routed).collect();
        let (breakers, bulkheads) = (app.breakers.snapshot(now), app.bulkheads.snapshot());
        let services = names.into_iter().map(|name| {
            let instances = known.get(name).map_or(&[][..], |them| them);
            let instances = instances.iter().map(|it| Instance::of(it, &policies.ejection, now)).collect();
            // One that an earlier file declared is there still, and guards nothing any more.
            let guards = |it: &&breaker::Standing| {
                let is_named = |route: &Arc<Route>| route.breaker.is_some_and(|its| its.name == it.policy);
                it.service == name && policies.routes.iter().any(|route| route.service == name && is_named(route))
            };
            let breakers: Vec<_> = breakers.iter().filter(guards).collect();
            let bulkheads = bulkheads.iter().filter(|it| it.service == name).map(Bulkhead::of).collect();
            Service::of(name, instances, &breakers, bulkheads, app.meters.lately(name).lately(now))
        });
        let services: Vec<_> = services.collect();
        Self {
            health: services.iter().map(|it| it.health).max().unwrap_or(Health::Well),
            services,
            token_cache: TokenCache::of(&app.translator),
            limits: app.shedder.snapshot().into_iter().map(Limit::of).collect(),
            callers: Callers::of(app),
        }
    }
}

impl Service {
    fn of(
        name: &str,
        instances: Vec<Instance>,
        breakers: &[&breaker::Standing],
        bulkheads: Vec<Bulkhead>,
        lately: crate::recent::Lately,
    ) -> Self {
        let health = health(&instances, breakers);
        let breakers = breakers.iter().map(|it| Breaker::of(it)).collect();
        Self { name: name.to_owned(), health, instances, breakers, bulkheads, lately }
    }
}

fn health(instances: &[Instance], breakers: &[&breaker::Standing]) -> Health {
    let open = |it: &&&breaker::Standing| it.state == State::Open;
    let nobody = instances.iter().all(|it| it.standing == Standing::Ejected);
    let closed_off = !breakers.is_empty() && breakers.iter().all(|it| open(&it));
    let hindered = breakers.iter().any(|it| it.state != State::Closed);
    if nobody || closed_off {
        Health::Down
    } else if hindered || instances.iter().any(|it| it.standing != Standing::Serving) {
        Health::Degraded
    } else {
        Health::Well
    }
}

impl Instance {
    fn of(it: &Arc<balance::Instance>, ejection: &Ejection, now: Instant) -> Self {
        let weight = it.weight(ejection, now);
        let standing = match weight {
            _ if it.is_out() => Standing::Ejected,
            part if part < 1.0 => Standing::Returning,
            _ => Standing::Serving,
        };
        Self {
            id: it.registered.as_ref().map(|it| it.instance),
            address: it.authority.to_string(),
            standing,
            weight,
            in_flight: it.in_flight(),
            lately: it.recent.lately(now),
        }
    }
}

impl Breaker {
    fn of(it: &breaker::Standing) -> Self {
        let state = match it.state {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
        };
        let [calls, failed, slow] = it.counts;
        Self { policy: it.policy, class: it.class, state, calls, failed, slow }
    }
}

impl Bulkhead {
    fn of(it: &bulkhead::Standing) -> Self {
        let bulkhead::Standing { policy, in_flight, places, waiting, queue, .. } = *it;
        Self { policy, in_flight, places, waiting, queue }
    }
}

impl TokenCache {
    fn of(translator: &Translator) -> Self {
        let (granted, refused) = translator.cache.size();
        let (hits, joined, misses) = (translator.hit.total(), translator.joined.total(), translator.miss.total());
        Self { granted, refused, hits, joined, misses }
    }
}

impl Limit {
    fn of((route, most, in_flight): (&'static str, usize, usize)) -> Self {
        Self { route, in_flight, most }
    }
}
