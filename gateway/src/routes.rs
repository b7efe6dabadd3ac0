//! The route table: which path goes to which service, with what identity, how long it may take, how much it may send.

use std::time::Duration;

/// One row of the table. What the gateway governs is declared here and nowhere else.
#[derive(Debug)]
pub struct Route {
    /// A request whose path starts with this takes this route.
    pub prefix: &'static str,
    /// This leading part of the path is for the gateway only; the service does not see it.
    pub strip: &'static str,
    /// The service that answers, by its name in the registry.
    pub service: &'static str,
    /// Whom the token is exchanged for. `None`: credentials and cookies pass unchanged, the service reads them itself.
    pub audience: Option<&'static str>,
    /// How long the service has until its response headers.
    pub timeout: Duration,
    /// How long a body may pause, in either direction. It may last for ever.
    pub pause: Duration,
    /// Request bodies up to this many bytes.
    pub body_limit: usize,
}

/// Every route. Order matters only where one prefix starts with another; none does.
#[rustfmt::skip]
pub const ROUTES: [Route; 6] = [
    //    path below             strips             service       token exchanged for   s  pause  KiB
    route("/api/store/v1/",      "/api/store",      "store",      Some("store"),       15, 60, 1024),
    route("/api/inventory/v1/",  "/api/inventory",  "inventory",  Some("inventory"),   15, 60, 1024),
    route("/api/accounting/v1/", "/api/accounting", "accounting", Some("accounting"),  15, 60, 1024),
    route("/api/shipping/v1/",   "/api/shipping",   "shipping",   Some("shipping"),    15, 60, 1024),
    route("/api/order/v1/",      "/api/order",      "order",      Some("order"),       30, 60, 1024), // waits for an outcome if asked to
    route("/auth/",              "",                "auth",       None,                15, 60,   64),
];

const fn route(
    prefix: &'static str,
    strip: &'static str,
    service: &'static str,
    audience: Option<&'static str>,
    seconds: u64,
    pause: u64,
    kib: usize,
) -> Route {
    let (timeout, pause) = (Duration::from_secs(seconds), Duration::from_secs(pause));
    Route { prefix, strip, service, audience, timeout, pause, body_limit: kib * 1024 }
}

/// The route of a normalized path (see `path`).
pub fn find<'r>(routes: &'r [Route], path: &str) -> Option<&'r Route> {
    routes.iter().find(|route| path.starts_with(route.prefix))
}

/// Every audience a token can be exchanged for.
pub fn audiences() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().filter_map(|route| route.audience)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(path: &str) -> Option<&'static str> {
        find(&ROUTES, path).map(|route| route.service)
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
    fn what_is_stripped_stands_before_every_path_of_the_route() {
        for route in &ROUTES {
            assert!(route.prefix.starts_with(route.strip), "{}", route.prefix);
            assert!(route.prefix.ends_with('/'), "{}", route.prefix);
        }
    }
}
