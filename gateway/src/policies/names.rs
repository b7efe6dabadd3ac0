//! Names that outlive every reload: of services, routes and policies. They label metrics and key caches.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

/// The one copy of this name. It is never freed; there are as many as were ever declared.
pub fn name(text: &str) -> &'static str {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(text) {
        return known;
    }
    let kept: &'static str = Box::leak(text.into());
    names.insert(kept);
    kept
}
