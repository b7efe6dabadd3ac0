//! The same rooms in every service, and nothing at the top that has no place there.

use std::path::Path;

use super::source::{Finding, Tree};

const ROOMS: &[&str] = &[
    "README.md",
    "Cargo.toml",
    "migrations",
    ".sqlx",
    "openapi.json",
    "tests/api",
    "src/main.rs",
    "src/lib.rs",
    "src/config.rs",
    "src/domain.rs",
    "src/db.rs",
    "src/http.rs",
    "src/events.rs",
    "src/error.rs",
];
/// What `src` may hold in every service.
const NAMES: &[&str] = &["main", "lib", "config", "domain", "db", "http", "events", "error", "seed"];
/// What one service has besides: the sagas, and the simulated payment provider.
const OWN: &[(&str, &[&str])] = &[
    ("services/order", &["checkout", "cancellation", "saga", "participants", "reconciliation"]),
    ("services/accounting", &["provider"]),
];
const TOP: &[&str] = &[
    // What it is.
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE",
    "docs",
    // How it is built and run.
    "Cargo.toml",
    "Cargo.lock",
    "rustfmt.toml",
    "clippy.toml",
    "deny.toml",
    ".cargo",
    ".ci",
    ".github",
    ".gitignore",
    "docker-compose.yml",
    "Dockerfile",
    ".dockerignore",
    ".env.example",
    "k8s",
    "xtask",
    // The house.
    "auth",
    "storefront",
    "gateway",
    "services",
    "shared",
    "e2e",
];
const HEADINGS: &[&str] = &["owns", "answers", "obeys", "announces", "tables", "settings"];

pub(super) fn every_service_has_the_rooms(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for service in tree.services() {
        let missing = ROOMS.iter().map(|room| format!("{service}/{room}")).filter(|room| !tree.has(room));
        found.extend(missing.map(|room| Finding::at(&room, "every service has this room")));
        let own = OWN.iter().find(|(name, _)| *name == service).map_or(&[][..], |(_, own)| own);
        for name in tree.names_in(&format!("{service}/src")) {
            let room = name.trim_end_matches(".rs");
            if !NAMES.contains(&room) && !own.contains(&room) {
                let place = format!("{service}/src/{name}");
                found.push(Finding::at(&place, "no service has such a room; put it below one that all have"));
            }
        }
    }
    found
}

pub(super) fn top_level_is_fixed(tree: &Tree) -> Vec<Finding> {
    let strange = tree.names_in("").into_iter().filter(|name| !TOP.contains(name) && *name != ".env");
    let strange = strange.filter(|name| Path::new(name).extension().is_none_or(|kind| kind != "log"));
    strange.map(|name| Finding::at(name, "has no place at the top of the house")).collect()
}

pub(super) fn readmes_agree(tree: &Tree) -> Vec<Finding> {
    let readmes = tree.services().into_iter().map(|service| format!("{service}/README.md"));
    let wrong = readmes.filter(|path| {
        let headings = tree.text(path).unwrap_or_default().lines().filter_map(|line| line.strip_prefix("## "));
        !headings.map(str::trim).map(str::to_lowercase).eq(HEADINGS.iter().map(ToString::to_string))
    });
    wrong.map(|path| Finding::at(&path, format!("its headings are: {}", HEADINGS.join(", ")))).collect()
}

pub(super) fn events_are_golden(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in tree.sources.iter().filter(|source| source.path.starts_with("shared/contracts/src/")) {
        for (line, code) in source.code() {
            let Some((_, rest)) = code.split_once("const TYPE: &'static str = \"") else { continue };
            let name = rest.split('"').next().unwrap_or_default();
            if !tree.has(&format!("shared/contracts/tests/golden/{name}.json")) {
                found.push(source.finding(line, format!("`{name}` has no golden file in tests/golden")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_room_is_found() {
        let files: Vec<String> = ROOMS.iter().map(|room| format!("services/store/{room}")).collect();
        let all: Vec<_> = files.iter().map(|path| (path.as_str(), "")).collect();
        assert!(every_service_has_the_rooms(&Tree::of(&all)).is_empty());
        assert_eq!(every_service_has_the_rooms(&Tree::of(&all[1..])).len(), 1);
    }

    #[test]
    fn a_room_that_others_do_not_have_is_found() {
        let files: Vec<String> = ROOMS.iter().map(|room| format!("services/store/{room}")).collect();
        let mut all: Vec<_> = files.iter().map(|path| (path.as_str(), "")).collect();
        all.push(("services/store/src/saga/log.rs", ""));
        assert_eq!(every_service_has_the_rooms(&Tree::of(&all)).len(), 1);
    }

    #[test]
    fn sagas_have_their_place_in_order_only() {
        let has = |path| every_service_has_the_rooms(&Tree::of(&[(path, "")])).len();
        assert_eq!(has("services/order/src/checkout.rs") + 1, has("services/store/src/checkout.rs"));
    }

    #[test]
    fn a_name_without_a_place_at_the_top_is_found() {
        assert!(top_level_is_fixed(&Tree::of(&[("auth/Cargo.toml", ""), ("README.md", "")])).is_empty());
        assert_eq!(top_level_is_fixed(&Tree::of(&[("scripts/run.sh", ""), ("TODO.md", "")])).len(), 2);
    }

    #[test]
    fn a_readme_with_other_headings_is_found() {
        let good = format!("# store\n\n## {}\n", HEADINGS.join("\n\ntext\n\n## "));
        assert!(readmes_agree(&Tree::of(&[("services/store/README.md", &good)])).is_empty());
        let other = good.replace("## obeys\n", "## listens\n");
        assert_eq!(readmes_agree(&Tree::of(&[("services/store/README.md", &other)])).len(), 1);
        assert_eq!(readmes_agree(&Tree::of(&[("services/store/Cargo.toml", "")])).len(), 1);
    }

    #[test]
    fn an_event_without_a_golden_file_is_found() {
        let event = ("shared/contracts/src/store.rs", "    const TYPE: &'static str = \"store.product.changed.v1\";");
        assert_eq!(events_are_golden(&Tree::of(&[event])).len(), 1);
        let golden = ("shared/contracts/tests/golden/store.product.changed.v1.json", "{}");
        assert!(events_are_golden(&Tree::of(&[event, golden])).is_empty());
    }
}
