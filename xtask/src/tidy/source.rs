//! The files of the repository, as the rules see them.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use anyhow::Result;

/// What is not ours or not source.
const SKIPPED: &[&str] = &["target", "node_modules", ".git", "__pycache__"];
const READ: &[&str] = &["rs", "toml", "md"];

/// A breach and its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    path: String,
    line: usize,
    what: String,
}

/// A text file.
pub(super) struct Source {
    /// From the top of the repository, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// All of them, and the paths of all others.
pub(super) struct Tree {
    pub(super) paths: BTreeSet<String>,
    pub(super) sources: Vec<Source>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl Source {
    #[cfg(test)]
    pub(super) fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub(super) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|kind| kind == "rs")
    }

    /// Tests have other rules.
    pub(super) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs") || self.path.starts_with("e2e/")
    }

    /// The room: for `services/inventory/src/http/stock.rs` the crate `services/inventory` and `http`.
    pub(super) fn room(&self) -> Option<(&str, &str)> {
        let (directory, rest) = self.path.split_once("/src/")?;
        let room = rest.split('/').next()?;
        Some((directory, room.trim_end_matches(".rs")))
    }

    /// A process: its rooms are walled.
    pub(super) fn is_in_service(&self) -> bool {
        ["services/", "auth/", "gateway/"].iter().any(|top| self.path.starts_with(top))
    }

    /// The lines of code with their numbers: no comments, nothing after the unit tests begin.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let production = lines.take_while(|(_, line)| line.trim() != "#[cfg(test)]");
        production.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    pub(super) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }
}

impl Tree {
    /// Everything below `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self { paths: BTreeSet::new(), sources: Vec::new() };
        tree.walk(root, "")?;
        Ok(tree)
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let sources: Vec<_> = files.iter().map(|(path, text)| Source::of(path, text)).collect();
        Self { paths: sources.iter().map(|source| source.path.clone()).collect(), sources }
    }

    fn walk(&mut self, directory: &Path, path: &str) -> Result<()> {
        for entry in directory.read_dir()? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if entry.file_type()?.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    self.walk(&entry.path(), &path)?;
                }
                continue;
            }
            let is_read = name.rsplit_once('.').is_some_and(|(_, kind)| READ.contains(&kind));
            if is_read {
                self.sources.push(Source { path: path.clone(), text: fs::read_to_string(entry.path())? });
            }
            self.paths.insert(path);
        }
        Ok(())
    }

    /// Whether there is such a file, or a directory with something in it.
    pub(super) fn has(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.paths.contains(path) || self.paths.range(below.clone()..).next().is_some_and(|it| it.starts_with(&below))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.sources.iter().find(|source| source.path == path).map(|source| source.text.as_str())
    }

    /// The names directly in a directory.
    pub(super) fn names_in(&self, directory: &str) -> BTreeSet<&str> {
        let below = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let rest = self.paths.iter().filter_map(|path| path.strip_prefix(&below));
        rest.filter_map(|rest| rest.split('/').next()).collect()
    }

    /// The directories of the five services.
    pub(super) fn services(&self) -> Vec<String> {
        self.names_in("services").into_iter().map(|name| format!("services/{name}")).collect()
    }
}

impl Finding {
    pub(super) fn at(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 1, what: what.into() }
    }
}
