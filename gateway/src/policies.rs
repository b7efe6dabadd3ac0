//! What is declared in `policies.toml`: read, checked, and exchanged while requests go on.

mod fault;
mod names;
mod reload;
mod sections;
mod within;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arc_swap::ArcSwap;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    balance::{self, Ejection},
    breaker, bulkhead,
    compose::{self, Api, Resource},
    compress,
    connections::{self, Connections},
    formats, http_cache,
    plans::Plans,
    retry,
    routes::{Route, Row},
    shed,
    throttle::Rate,
};
pub use fault::Fault;
pub use names::name;
pub use reload::{Shared, follow};
use sections::{Checked, Written};
pub use sections::{Named, Sections};
pub use within::Within;

/// What the gateway does when it is told nothing else.
const STANDARD: &str = include_str!("../policies.toml");

/// Everything that is declared, checked. One request sees one of it from beginning to end.
#[derive(Debug)]
pub struct Policies {
    /// Every route, the longest paths first.
    pub routes: Vec<Arc<Route>>,
    /// What callers' connections may do.
    pub connections: Connections,
    /// When an instance gets no requests.
    pub ejection: Ejection,
    /// What is joined of several services' answers.
    pub resources: Vec<Arc<Resource>>,
    /// The contracts that those stand in.
    pub apis: BTreeMap<String, Api>,
    /// How much the clients of each plan may ask for.
    pub plans: Plans,
    /// How much an address may ask for without being known.
    pub addresses: Option<Rate>,
}

// The file as it is written. A name in it that nobody knows is a fault.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    routes: Vec<Spanned<Row>>,
    connections: Option<Spanned<connections::Section>>,
    ejection: Option<balance::Section>,
    #[serde(default)]
    plan: Plans,
    addresses: Option<Rate>,
    #[serde(default)]
    retry: Written<retry::Section>,
    #[serde(default)]
    breaker: Written<breaker::Section>,
    #[serde(default)]
    bulkhead: Written<bulkhead::Section>,
    #[serde(default)]
    shed: Written<shed::Policy>,
    #[serde(default)]
    resource: Vec<compose::Row>,
    #[serde(default)]
    api: BTreeMap<String, Api>,
    #[serde(default)]
    cache: Written<http_cache::Policy>,
    #[serde(default)]
    compress: Written<compress::Policy>,
    #[serde(default)]
    formats: Written<formats::Policy>,
}

impl Clone for Policies {
    /// For another gateway: its routes are its own, and so are their states.
    fn clone(&self) -> Self {
        Self {
            routes: self.routes.iter().map(|route| Arc::new(Route::clone(route))).collect(),
            connections: self.connections.clone(),
            ejection: self.ejection,
            resources: self.resources.clone(),
            apis: self.apis.clone(),
            plans: self.plans.clone(),
            addresses: self.addresses,
        }
    }
}

impl Policies {
    /// Reads a file's text. A fault names the line.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let declared: Declared = toml::from_str(text).map_err(|error| Fault::in_toml(text, &error))?;
        let sections = Sections {
            retry: Checked::all(declared.retry, retry::Section::policy),
            breaker: Checked::all(declared.breaker, breaker::Section::policy),
            bulkhead: Checked::all(declared.bulkhead, bulkhead::Section::policy),
            shed: Checked::all(declared.shed, |policy| *policy),
            cache: Checked::all(declared.cache, |policy| *policy),
            compress: Checked::all(declared.compress, |policy| *policy),
            formats: Checked::all(declared.formats, |policy| *policy),
        };
        let mut paths = BTreeSet::new();
        let mut routes = Vec::with_capacity(declared.routes.len());
        for row in declared.routes {
            let at = row.span().start;
            let route = row.into_inner().checked(&sections).map_err(|what| Fault::at(text, at, what))?;
            if !paths.insert(route.prefix) {
                return Err(Fault::at(text, at, format!("`{}` is declared twice", route.prefix)));
            }
            routes.push(Arc::new(route));
        }
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
        let connections = match declared.connections {
            Some(section) => checked(text, section, connections::Section::checked)?,
            None => Connections::default(),
        };
        let ejection = declared.ejection.map_or_else(Ejection::default, |section| section.ejection());
        let (plans, addresses, apis) = (declared.plan, declared.addresses, declared.api);
        let mut policies = Self { routes, connections, ejection, plans, addresses, resources: Vec::new(), apis };
        for row in declared.resource {
            let at = row.at();
            let resource = row.checked(&policies.apis, &sections, |path| policies.route(path).is_some());
            let resource = resource.map_err(|(at, what)| Fault::at(text, at, what))?;
            if let Some(known) = policies.resources.iter().find(|it| it.path.is_like(&resource.path)) {
                let what = format!("`{}` is declared twice, above as `{}`", resource.name, known.name);
                return Err(Fault::at(text, at, what));
            }
            policies.resources.push(Arc::new(resource));
        }
        Ok(policies)
    }

    /// The policies that come with the gateway.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn standard() -> Self {
        Self::read(STANDARD).expect("the standard policies are tested")
    }

    /// To be exchanged later.
    pub fn shared(self) -> Shared {
        Arc::new(ArcSwap::from_pointee(self))
    }

    /// The route of a normalized path (see `path`).
    pub fn route(&self, path: &str) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| path.starts_with(route.prefix))
    }

    /// Every service that tokens are exchanged for.
    pub fn audiences(&self) -> impl Iterator<Item = &'static str> {
        self.routes.iter().filter_map(|route| route.audience)
    }
}

// A section, or what is wrong in it as a whole, at its first line.
fn checked<S, T>(text: &str, section: Spanned<S>, check: fn(S) -> Result<T, String>) -> Result<T, Fault> {
    let at = section.span().start;
    check(section.into_inner()).map_err(|what| Fault::at(text, at, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(path: &str) -> Option<&'static str> {
        Policies::standard().route(path).map(|route| route.service)
    }

    #[test]
    fn a_path_takes_the_route_of_its_prefix() {
        assert_eq!(service("/api/order/v1/orders"), Some("order"));
        assert_eq!(service("/auth/token"), Some("auth"));
    }

    #[test]
    fn what_is_not_below_a_versioned_api_has_no_route() {
        for path in [
            "/api/order",
            "/api/order/",
            "/api/order/v1",
            "/api/order/openapi.json",
            "/api/order/healthz",
            "/api/order/v2/orders",
            "/api/orders/v1/x",
            "/api/gateway/v1/x",
            "/auth",
            "/authx/y",
            "/healthz",
            "/metrics",
        ] {
            assert_eq!(service(path), None, "{path}");
        }
    }

    #[test]
    fn the_longest_path_that_fits_is_taken() {
        let row = |path: &str, service: &str| {
            format!("{{ path = \"{path}\", service = \"{service}\", timeout = 1, pause = 1, body = 1 }}")
        };
        let text = format!("routes = [{}, {}]", row("/a/", "short"), row("/a/b/", "long"));
        let policies = Policies::read(&text).unwrap();
        assert_eq!(policies.route("/a/b/c").unwrap().service, "long");
        assert_eq!(policies.route("/a/c").unwrap().service, "short");
    }

    #[test]
    fn a_fault_in_a_section_names_its_line_and_so_does_a_name_without_a_section() {
        let text = STANDARD.replace("attempts = 3", "attempts = 1");
        let line = text.lines().position(|line| line == "attempts = 1").unwrap() + 1;
        let fault = Policies::read(&text).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("line {line}: 1 is not from 2")), "{fault}");
        let row = r#"    { path = "/b/", service = "b", timeout = 1, pause = 1, body = 1, breaker = "usul" },"#;
        let fault = Policies::read(&format!("routes = [\n{row}\n]\n[breaker]")).unwrap_err().to_string();
        assert_eq!(fault, "line 2: there is no section `[breaker.usul]`");
    }

    #[test]
    fn a_bulkhead_that_would_never_be_full_before_requests_are_shed_is_a_fault_of_its_route() {
        let first = STANDARD.lines().position(|line| line.contains("path = ")).unwrap() + 1;
        let policies = Policies::standard();
        let route = policies.route("/api/store/v1/x").unwrap();
        let (bulkhead, shed) = (route.bulkhead.unwrap().policy, route.shed.unwrap().policy);
        let queue =
            |queue: usize| STANDARD.replacen(&format!("queue = {}", bulkhead.queue), &format!("queue = {queue}"), 1);
        assert!(Policies::read(&queue(shed.start - bulkhead.in_flight - 1)).is_ok());
        let fault = Policies::read(&queue(shed.start - bulkhead.in_flight)).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("line {first}: `in_flight` and `queue` of `[bulkhead.usual]`")), "{fault}");
    }

    #[test]
    fn a_fault_names_its_line() {
        let good = "    { path = \"/a/\", service = \"a\", timeout = 1, pause = 1, body = 1 },";
        for (line, what) in [
            (r#"    { path = "/b/", service = "b", timeout = 1, pause = 1, bdy = 1 },"#, "unknown field `bdy`"),
            (r#"    { path = "/b/", service = "b", timeout = 1, pause = 1 },"#, "missing field `body`"),
            (r#"    { path = "/b/", service = "b", timeout = 0, pause = 1, body = 1 },"#, "`timeout`"),
            (r#"    { path = "/b/", service = "b", timeout = -1, pause = 1, body = 1 },"#, "-1"),
            (r#"    { path = "/b", service = "b", timeout = 1, pause = 1, body = 1 },"#, "`/b`"),
            (r#"    { path = "/b/", strip = "/c", service = "b", timeout = 1, pause = 1, body = 1 },"#, "`/c`"),
            (r#"    { path = "/b/", service = "B!", timeout = 1, pause = 1, body = 1 },"#, "`B!`"),
            (r#"    { path = "/a/", service = "b", timeout = 1, pause = 1, body = 1 },"#, "declared twice"),
            (r#"    { path = "/b/" service },"#, ""),
        ] {
            let fault = Policies::read(&format!("routes = [\n{good}\n{line}\n]\n")).unwrap_err().to_string();
            assert!(fault.starts_with("line 3: ") && fault.contains(what), "{line} gave {fault}");
        }
    }
}
