//! What can be broken in a suite besides its processes: the ways between them, and their clocks.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Suite, clocks::Clocks, network::Network};
use crate::link::Way;

pub(super) struct Breakable {
    network: Network,
    clocks: Clocks,
}

impl Breakable {
    pub(super) fn new(directory: &Path) -> Result<Self> {
        Ok(Self { network: Network::default(), clocks: Clocks::in_directory(directory)? })
    }

    /// Changes what the instance `id`, which listens on `port`, is told.
    pub(super) fn prepare(&self, id: &str, port: u16, told: &mut Vec<(&'static str, String)>) -> Result<()> {
        self.network.redirect(id, port, told)?;
        self.clocks.lend(id, told)
    }
}

impl Suite {
    /// Who asks whom: pairs like `order`, `postgres`. Empty unless the suite is breakable.
    pub fn links(&self) -> Vec<(String, String)> {
        self.breakable.as_ref().map(|it| it.network.all()).unwrap_or_default()
    }

    /// What becomes of what `from` asks `to` and is answered.
    pub fn set_way(&self, from: &str, to: &str, way: Way) -> Result<()> {
        self.breakage()?.network.set((from, to), way)
    }

    /// Sets the clock of an instance ahead by so many seconds, or back if negative. It sees it within one.
    pub fn set_clock(&self, id: &str, ahead: i64) -> Result<()> {
        self.breakage()?.clocks.set(id, ahead)
    }

    fn breakage(&self) -> Result<&Breakable> {
        self.breakable.as_ref().context("this suite was not started to be broken")
    }
}
