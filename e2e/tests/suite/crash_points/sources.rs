//! What the sources say: which points there are, which steps, which calls.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where points stand: every process that keeps data, and what they have in common.
pub const CRATES: [(&str, &str); 8] = [
    ("auth", "auth/src"),
    ("store", "services/store/src"),
    ("inventory", "services/inventory/src"),
    ("accounting", "services/accounting/src"),
    ("shipping", "services/shipping/src"),
    ("order", "services/order/src"),
    ("messaging", "shared/messaging/src"),
    ("database", "shared/database/src"),
];

/// How a write or a call names its point.
const NAMING: [&str; 3] = [".commit(", ".single(", "Point::new("];

/// A point as it stands in the sources.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub owner: &'static str,
    pub name: String,
}

/// Every point, and what is wrong with how some are named.
pub fn points() -> (BTreeSet<Found>, Vec<String>) {
    let (mut found, mut wrong) = (BTreeSet::new(), Vec::new());
    for (owner, directory) in CRATES {
        for (file, text) in files(directory) {
            for after in NAMING.iter().flat_map(|naming| text.split(naming).skip(1)) {
                let argument = after.trim_start();
                if argument.starts_with("Point::new(") {
                    continue;
                }
                let literal = argument.strip_prefix('"').and_then(|it| it.split('"').next());
                match literal.map(str::to_owned) {
                    None => wrong.push(format!("{}: not a literal: {:.40}", file.display(), argument)),
                    Some(name) if !found.insert(Found { owner, name: name.clone() }) => {
                        wrong.push(format!("{}: `{name}` stands twice in its crate", file.display()));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    (found, wrong)
}

/// The steps of the sagas, and whether each can be undone.
pub fn steps() -> Vec<(String, bool)> {
    let tables = ["services/order/src/checkout.rs", "services/order/src/cancellation.rs"];
    let texts = tables.map(|table| fs::read_to_string(root().join(table)).unwrap());
    let lines = texts.iter().flat_map(|text| text.lines());
    let named = lines.filter_map(|line| {
        let name = line.split_once("step(\"")?.1.split('"').next()?;
        Some((name.to_owned(), line.contains(".undo(")))
    });
    named.collect()
}

/// How often each way of calling somebody stands in the sources.
pub fn calls() -> Vec<(String, &'static str, usize)> {
    const WAYS: [&str; 6] = [
        ".send().await",
        "publish_with_headers(",
        ".double_ack(",
        ".ack_with(",
        "get_or_create_stream(",
        "get_or_create_consumer(",
    ];
    let mut found = Vec::new();
    for (_, directory) in CRATES {
        for (file, text) in files(directory) {
            let file = file.strip_prefix(root()).unwrap().display().to_string();
            let counts = WAYS.map(|way| (file.clone(), way, text.matches(way).count()));
            found.extend(counts.into_iter().filter(|(.., count)| *count > 0));
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The Rust files of a directory, without their unit tests.
fn files(directory: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) = (Vec::new(), vec![root().join(directory)]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                found.push((path, text));
            }
        }
    }
    found
}
