//! What a process holds, and what the gateway has given out.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

/// What a process holds at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Memory in KiB that no file stands behind (`RssAnon`): pages of the program itself come as they are used.
    pub memory: u64,
    pub handles: u64,
    pub threads: u64,
}

impl Reading {
    /// Of the process, as Linux tells it.
    pub fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("a process' readings need /proc")?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|it| it.split_whitespace().next()?.parse().ok())
                .with_context(|| format!("no {name} in {status}"))
        };
        let handles = fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64;
        Ok(Self { memory: number("RssAnon")?, handles, threads: number("Threads")? })
    }
}

/// What the gateway has given out, by its own page of `/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// Requests let in and not answered, all routes together.
    pub admitted: u64,
    /// Places taken at services.
    pub places: u64,
    /// Waiting for a place.
    pub waiting: u64,
    /// At instances and not answered to the end.
    pub at_instances: u64,
}

impl Permits {
    /// Added up.
    pub fn of(status: &Value) -> Result<Self> {
        let sum = |list: &Value, name: &str| {
            let numbers = list.as_array().with_context(|| format!("no list in {list}"))?.iter();
            numbers.map(|it| it[name].as_u64().with_context(|| format!("no {name} in {it}"))).sum::<Result<u64>>()
        };
        let mut permits = Self { admitted: sum(&status["limits"], "in_flight")?, ..Self::default() };
        for service in status["services"].as_array().context("no services")? {
            permits.places += sum(&service["bulkheads"], "in_flight")?;
            permits.waiting += sum(&service["bulkheads"], "waiting")?;
            permits.at_instances += sum(&service["instances"], "in_flight")?;
        }
        Ok(permits)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn permits_are_added_up_over_routes_and_services() {
        let service = |places: u64, waiting: u64, at: u64| json!({"bulkheads": [{"in_flight": places, "waiting": waiting}], "instances": [{"in_flight": at}]});
        let status =
            json!({"limits": [{"in_flight": 1}, {"in_flight": 2}], "services": [service(4, 8, 16), service(1, 1, 1)]});
        let permits = Permits { admitted: 3, places: 5, waiting: 9, at_instances: 17 };
        assert_eq!(Permits::of(&status).unwrap(), permits);
        assert!(Permits::of(&json!({"services": []})).is_err());
    }

    #[test]
    fn a_process_holds_memory_handles_and_threads_and_one_handle_more_when_it_opens_a_file() {
        let before = Reading::of(std::process::id()).unwrap();
        assert!(before.memory > 0 && before.handles >= 3 && before.threads >= 1, "{before:?}");
        assert!(Reading::of(u32::MAX).is_err());
    }
}
