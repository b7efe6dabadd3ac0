//! The committed `AsyncAPI` documents are those of the code. `UPDATE_CONTRACTS=1` writes them anew.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use contracts::asyncapi;

fn path_of(service: &str) -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        if ["auth", "gateway"].contains(&service) { top.join(service) } else { top.join("services").join(service) };
    folder.join("asyncapi.json")
}

#[test]
fn every_service_commits_what_it_announces() {
    for service in asyncapi::SERVICES {
        let served = serde_json::to_string_pretty(&asyncapi::document(service)).unwrap() + "\n";
        let path = path_of(service);
        if std::env::var_os("UPDATE_CONTRACTS").is_some() {
            fs::write(&path, &served).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), served, "{}", path.display());
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for service in asyncapi::SERVICES {
        let document = asyncapi::document(service);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(reference).is_some(), "{service}: {reference}");
        }
    }
}
