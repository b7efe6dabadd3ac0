//! The walls of the house, checked: sizes and names, who may use what, the same rooms everywhere.

mod names;
mod promises;
mod rooms;
mod source;
mod walls;

use anyhow::{Result, bail};

use crate::workspace::root;
use source::{Finding, Source, Tree};

/// Looks at one file.
type FileRule = fn(&Source) -> Vec<Finding>;
/// Looks at which files there are.
type TreeRule = fn(&Tree) -> Vec<Finding>;

const FILE_RULES: &[FileRule] = &[
    names::is_short_enough,
    names::is_not_called_mod,
    names::says_what_it_is,
    names::leaves_nothing_undone,
    names::uses_no_empty_words,
    walls::domain_is_pure,
    walls::sql_stands_in_db_only,
    walls::environment_is_read_in_config_only,
    walls::depends_on_what_it_may,
];

const TREE_RULES: &[TreeRule] = &[
    rooms::every_service_has_the_rooms,
    rooms::top_level_is_fixed,
    rooms::readmes_agree,
    rooms::events_are_golden,
    promises::named_tests_exist,
];

/// Prints every breach with its place, and fails if there is one.
pub fn check() -> Result<()> {
    let tree = Tree::read(root())?;
    let mut findings: Vec<Finding> = TREE_RULES.iter().flat_map(|rule| rule(&tree)).collect();
    for source in &tree.sources {
        findings.extend(FILE_RULES.iter().flat_map(|rule| rule(source)));
    }
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!(
                "tidy: {} files, {} rules, nothing found",
                tree.sources.len(),
                FILE_RULES.len() + TREE_RULES.len()
            );
            Ok(())
        }
        found => bail!("tidy: {found} found"),
    }
}
