//! Sections of the file that rows refer to by name.

use std::collections::BTreeMap;

use super::name;
use crate::{breaker, bulkhead, compress, formats, http_cache, retry, shed};

/// Sections of one kind as they are written, by name.
pub type Written<S> = BTreeMap<String, S>;

/// A policy that a row refers to. Its name is part of the key under which its state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<P> {
    pub name: &'static str,
    pub policy: P,
}

/// Policies of one kind.
pub struct Checked<P>(BTreeMap<&'static str, P>);

/// Every section that a row can name.
pub struct Sections {
    pub retry: Checked<retry::Policy>,
    pub breaker: Checked<breaker::Policy>,
    pub bulkhead: Checked<bulkhead::Policy>,
    pub shed: Checked<shed::Policy>,
    pub cache: Checked<http_cache::Policy>,
    pub compress: Checked<compress::Policy>,
    pub formats: Checked<formats::Policy>,
}

impl<P: Copy> Checked<P> {
    /// What is written, as policies.
    pub fn all<S>(written: Written<S>, policy: impl Fn(&S) -> P) -> Self {
        Self(written.into_iter().map(|(key, section)| (name(&key), policy(&section))).collect())
    }

    /// What a row means by naming a policy in this column.
    pub fn named(&self, column: &str, named: Option<&str>) -> Result<Option<Named<P>>, String> {
        let Some(named) = named else { return Ok(None) };
        let found = self.0.get_key_value(named).map(|(name, policy)| Named { name, policy: *policy });
        found.map(Some).ok_or_else(|| format!("there is no section `[{column}.{named}]`"))
    }
}
