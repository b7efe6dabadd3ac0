//! Sizes, names, and what must not stay in a file.

use super::source::{Finding, Source};

const LONGEST: usize = 400;
/// Words that say nothing: for files and, in the spelling of types, for types.
const EMPTY_FILES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "manager", "dto", "impl"];
const EMPTY_TYPES: &[&str] = &["Util", "Utils", "Helper", "Helpers", "Common", "Misc", "Manager", "Dto", "Impl"];

pub(super) fn is_short_enough(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let long = source.is_rust() && !source.is_test() && lines > LONGEST;
    when(long, || source.finding(lines, format!("{lines} lines; split it (aim under 150, at most {LONGEST})")))
}

pub(super) fn is_not_called_mod(source: &Source) -> Vec<Finding> {
    let called = source.path.ends_with("/mod.rs");
    when(called, || source.finding(1, "a module `x` with parts is `x.rs` and `x/`, never `mod.rs`"))
}

pub(super) fn says_what_it_is(source: &Source) -> Vec<Finding> {
    let silent = source.is_rust() && !source.text.starts_with("//!");
    when(silent, || source.finding(1, "begin with `//!`: what is this file, in one to three lines"))
}

pub(super) fn leaves_nothing_undone(source: &Source) -> Vec<Finding> {
    // Written in two parts, or this file would find itself.
    let words = [concat!("#[", "ignore"), concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];
    let lines = source.text.lines().enumerate().filter(|_| source.is_rust());
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(index, line)| {
            let word = words.iter().find(|word| line.contains(**word))?;
            Some(source.finding(index + 1, format!("`{word}` is work left undone")))
        })
        .collect()
}

pub(super) fn uses_no_empty_words(source: &Source) -> Vec<Finding> {
    let file = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let empty_file = source.is_rust() && EMPTY_FILES.contains(&file);
    let mut found =
        when(empty_file, || source.finding(1, format!("`{file}` says nothing; name it after what it does")));
    if source.is_rust() {
        let types = source.code().filter_map(|(line, code)| Some((line, declared_type(code)?)));
        let empty = types.filter(|(_, name)| words(name).iter().any(|word| EMPTY_TYPES.contains(&word.as_str())));
        found.extend(empty.map(|(line, name)| source.finding(line, format!("`{name}`: name it after what it does"))));
    }
    found
}

fn when(it_is: bool, finding: impl FnOnce() -> Finding) -> Vec<Finding> {
    it_is.then(finding).into_iter().collect()
}

/// The name in `pub struct Name`, `enum Name`, `trait Name`, `type Name`.
fn declared_type(code: &str) -> Option<&str> {
    let mut words = code.split_whitespace();
    words.by_ref().find(|word| ["struct", "enum", "trait", "type"].contains(word))?;
    let name = words.next()?;
    let end = name.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(name.len());
    Some(&name[..end]).filter(|name| name.starts_with(char::is_uppercase))
}

/// `StockManager` is `Stock` and `Manager`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for letter in name.chars() {
        match words.last_mut() {
            Some(word) if !letter.is_uppercase() => word.push(letter),
            _ => words.push(letter.to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(text: &str) -> Source {
        Source::of("services/store/src/http.rs", text)
    }

    #[test]
    fn a_file_over_the_limit_is_found_unless_it_is_a_test() {
        let long = "x\n".repeat(401);
        assert_eq!(is_short_enough(&rust(&long)).len(), 1);
        assert!(is_short_enough(&rust(&"x\n".repeat(400))).is_empty());
        assert!(is_short_enough(&Source::of("services/store/tests/api/carts.rs", &long)).is_empty());
    }

    #[test]
    fn mod_rs_is_found() {
        assert_eq!(is_not_called_mod(&Source::of("services/store/src/http/mod.rs", "")).len(), 1);
        assert!(is_not_called_mod(&rust("")).is_empty());
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        assert_eq!(says_what_it_is(&rust("use std::fs;")).len(), 1);
        assert!(says_what_it_is(&rust("//! Routes.")).is_empty());
    }

    #[test]
    fn work_left_undone_is_found() {
        for word in [concat!("#[", "ignore]"), concat!("todo", "!()"), concat!("dbg", "!(x)")] {
            assert_eq!(leaves_nothing_undone(&rust(&format!("fn a() {{}}\n{word}"))).len(), 1, "{word}");
        }
        assert!(leaves_nothing_undone(&rust("fn ignore() {}")).is_empty());
    }

    #[test]
    fn words_that_say_nothing_are_found_in_files_and_types() {
        assert_eq!(uses_no_empty_words(&Source::of("shared/web/src/utils.rs", "")).len(), 1);
        for code in
            ["pub struct StockManager;", "enum OrderDto {", "pub(crate) trait HelperOf<T> {", "type XImpl = u8;"]
        {
            assert_eq!(uses_no_empty_words(&rust(code)).len(), 1, "{code}");
        }
        for code in ["struct Managed;", "impl managed::Manager for X {", "struct Implicit;", "// struct Dto"] {
            assert!(uses_no_empty_words(&rust(code)).is_empty(), "{code}");
        }
    }
}
