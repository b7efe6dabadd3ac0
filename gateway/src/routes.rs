//! A route: which path goes to which service, with what identity, how long it may take, how much it may send.

use std::time::Duration;

use serde::Deserialize;

use crate::kept::Found;
use crate::policies::{Named, Sections, name};
use crate::{breaker, bulkhead, compress, formats, http_cache, meters, retry, shed};

/// One row of the table in `policies.toml`. What the gateway governs is declared there and nowhere else.
#[derive(Clone, Debug)]
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
    /// Whether and how a request is sent again.
    pub retry: Option<Named<retry::Policy>>,
    /// When the service is not asked for a while.
    pub breaker: Option<Named<breaker::Policy>>,
    /// How many requests it gets at a time.
    pub bulkhead: Option<Named<bulkhead::Policy>>,
    /// How many requests are let in at a time.
    pub shed: Option<Named<shed::Policy>>,
    /// Where answers are kept that are for everybody.
    pub cache: Option<Named<http_cache::Policy>>,
    /// Which answers are made smaller.
    pub compress: Option<Named<compress::Policy>>,
    /// Whether other formats than JSON are spoken, and parts of answers given.
    pub formats: Option<Named<formats::Policy>>,
    /// Where the states are that its policies work by.
    pub states: States,
}

/// The states of one route's policies.
#[derive(Clone, Debug, Default)]
pub struct States {
    pub meters: Found<meters::OfRoute>,
    pub limiter: Found<shed::Limiter>,
    pub breakers: [Found<breaker::Breaker>; 2],
    pub bulkhead: Found<bulkhead::Bulkhead>,
    pub budget: Found<retry::Budget>,
    pub cache: Found<http_cache::Cache>,
}

/// A row as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    path: String,
    #[serde(default)]
    strip: String,
    service: String,
    token: Option<String>,
    timeout: u32,
    pause: u32,
    body: u32,
    retry: Option<String>,
    breaker: Option<String>,
    bulkhead: Option<String>,
    shed: Option<String>,
    cache: Option<String>,
    compress: Option<String>,
    formats: Option<String>,
}

impl Route {
    /// A line of what the gateway answers by itself, in the name of `service`.
    pub fn to_nobody(prefix: &'static str, service: &'static str, timeout: Duration) -> Self {
        Self {
            prefix,
            strip: "",
            service,
            audience: None,
            timeout,
            pause: timeout,
            body_limit: 0,
            retry: None,
            breaker: None,
            bulkhead: None,
            shed: None,
            cache: None,
            compress: None,
            formats: None,
            states: States::default(),
        }
    }
}

impl Row {
    /// The route with the policies that it names, or what is wrong with it.
    pub fn checked(self, sections: &Sections) -> Result<Route, String> {
        let Self {
            path,
            strip,
            service,
            token,
            timeout,
            pause,
            body,
            retry,
            breaker,
            bulkhead,
            shed,
            cache,
            compress,
            formats,
        } = self;
        if !(path.starts_with('/') && path.ends_with('/')) {
            return Err(format!("the path `{path}` must begin and end with a slash"));
        }
        if !path.starts_with(&strip) || strip.ends_with('/') {
            return Err(format!("`{strip}` is not a leading part of `{path}` before a slash"));
        }
        for service in token.iter().chain([&service]) {
            let letters = service.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if service.is_empty() || !letters {
                return Err(format!("`{service}` is not a name of a service: a-z, 0-9 and - only"));
            }
        }
        for (column, value, most) in [("timeout", timeout, 600), ("pause", pause, 3600), ("body", body, 1 << 20)] {
            if value == 0 || value > most {
                return Err(format!("`{column}` must be from 1 to {most}"));
            }
        }
        let bulkhead = sections.bulkhead.named("bulkhead", bulkhead.as_deref())?;
        let shed = sections.shed.named("shed", shed.as_deref())?;
        if let (Some(bulkhead), Some(shed)) = (&bulkhead, &shed) {
            // Otherwise one service that hangs would be taken for a gateway that has too much to do.
            let (places, limit) = (bulkhead.policy.in_flight + bulkhead.policy.queue, shed.policy.start);
            if places >= limit {
                let (bulkhead, shed) = (bulkhead.name, shed.name);
                return Err(format!(
                    "`in_flight` and `queue` of `[bulkhead.{bulkhead}]` are {places}, not less than `start` of \
                     `[shed.{shed}]`, {limit}"
                ));
            }
        }
        if cache.is_some() && token.is_none() {
            return Err("without `token` nobody knows for whom a copy would be".to_owned());
        }
        Ok(Route {
            prefix: name(&path),
            strip: name(&strip),
            service: name(&service),
            audience: token.as_deref().map(name),
            timeout: Duration::from_secs(timeout.into()),
            pause: Duration::from_secs(pause.into()),
            body_limit: body as usize * 1024,
            retry: sections.retry.named("retry", retry.as_deref())?,
            breaker: sections.breaker.named("breaker", breaker.as_deref())?,
            bulkhead,
            shed,
            cache: sections.cache.named("cache", cache.as_deref())?,
            compress: sections.compress.named("compress", compress.as_deref())?,
            formats: sections.formats.named("formats", formats.as_deref())?,
            states: States::default(),
        })
    }
}
