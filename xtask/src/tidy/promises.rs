//! Tests that documents name are there: names rot.

use std::collections::BTreeSet;

use super::source::{Finding, Source, Tree};

/// What the last column of a table is called that says which test shows a thing.
const COLUMN: &str = "test";
/// A test's name is a sentence; shorter names in those columns are of other things.
const LEAST_WORDS: usize = 3;

/// In every table whose last column says which tests show it, those tests and files are there.
pub(super) fn named_tests_exist(tree: &Tree) -> Vec<Finding> {
    let functions: BTreeSet<&str> =
        tree.sources.iter().filter(|source| source.is_rust()).flat_map(|source| functions(&source.text)).collect();
    let files: BTreeSet<&str> = tree.paths.iter().filter_map(|path| path.rsplit('/').next()).collect();
    let documents = tree.sources.iter().filter(|source| is_of(&source.path, "md"));
    documents.flat_map(|document| missing(document, &functions, &files)).collect()
}

fn missing(document: &Source, functions: &BTreeSet<&str>, files: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut shows_tests = false;
    for (index, line) in document.text.lines().enumerate() {
        let Some(row) = line.trim().strip_prefix('|').and_then(|row| row.strip_suffix('|')) else {
            shows_tests = false;
            continue;
        };
        let last = row.rsplit('|').next().unwrap_or_default().trim();
        shows_tests |= last == COLUMN;
        if !shows_tests {
            continue;
        }
        // What a link leads to is no name.
        let words = last.split(|c: char| !(c.is_ascii_alphanumeric() || "_./".contains(c)));
        for word in words.map(|word| word.trim_matches('.')) {
            let file = word.rsplit('/').next().unwrap_or_default();
            if is_of(file, "rs") && !files.contains(file) {
                findings.push(document.finding(index + 1, format!("there is no file {word}")));
            }
            if is_sentence(word) && !functions.contains(word) {
                findings.push(document.finding(index + 1, format!("there is no test {word}")));
            }
        }
    }
    findings
}

fn is_of(path: &str, kind: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, last)| last == kind)
}

fn is_sentence(word: &str) -> bool {
    let plain = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    plain && word.split('_').filter(|part| !part.is_empty()).count() >= LEAST_WORDS
}

fn functions(rust: &str) -> impl Iterator<Item = &str> {
    rust.split("fn ").skip(1).filter_map(|rest| rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: (&str, &str) = ("auth/tests/api/login.rs", "#[test]\nasync fn a_form_that_is_not_ours_is_refused() {}");

    fn found(document: &str) -> usize {
        named_tests_exist(&Tree::of(&[("SECURITY.md", document), RUST])).len()
    }

    #[test]
    fn a_test_that_is_named_and_not_there_is_found() {
        let table = |last: &str| format!("| attack | test |\n| --- | --- |\n| CSRF | {last} |\n");
        assert_eq!(found(&table("`a_form_that_is_not_ours_is_refused`, auth `login.rs`")), 0);
        assert_eq!(found(&table("login.rs a_form_that_is_not_ours_is_refused")), 0);
        assert_eq!(found(&table("`a_form_that_is_not_ours_is_taken`")), 1);
        assert_eq!(found(&table("`a_form_that_is`, `logon.rs`; a_form_that_is_not")), 3);
    }

    #[test]
    fn what_stands_in_other_columns_and_tables_is_no_test() {
        let row = "| `client_secret_basic` | `private_key_jwt` |";
        assert_eq!(found(&format!("| what | how |\n{row}\n")), 0);
        assert_eq!(found(&format!("| a | test |\n| b | none |\n\n{row}\n")), 0);
    }
}
