//! The gateway's policies with one of them switched off, to see what it costs.

use std::fs;

use anyhow::{Context, Result};

use crate::workspace::root;

/// Columns of a route without which a policy is off.
const COLUMNS: [&str; 7] = ["shed", "breaker", "bulkhead", "retry", "cache", "compress", "formats"];

/// As they come with the gateway, but the plan of those who have none is never used up, nor is what an address may ask: it
/// is counted all the same.
pub fn standard() -> Result<String> {
    let text = fs::read_to_string(root().join("gateway/policies.toml"))?;
    let rate = "{ requests = 10_000_000, seconds = 1 }";
    let free = format!("[plan.free]\nclient = {rate}\nuser = {rate}\nday = 1_000_000_000\n\n[plan.little]");
    let text = text.replacen("[plan.free]", &free, 1);
    let (before, rest) = text.split_once("[addresses]\nrequests = ").context("[addresses] begins otherwise")?;
    let (_, after) = rest.split_once('\n').context("[addresses] does not end")?;
    Ok(format!("{before}[addresses]\nrequests = 10_000_000\n{after}"))
}

/// All of them, then without each, then without any, and without the token.
pub fn variants() -> Result<Vec<(String, String)>> {
    let all = standard()?;
    let mut variants = vec![("all".to_owned(), all.clone())];
    for column in COLUMNS {
        variants.push((format!("without {column}"), without(&all, &[column])));
    }
    variants.push(("without plans".to_owned(), without_plans(&all)));
    variants.push(("without token".to_owned(), still_known(&without(&all, &["token", "cache"]))));
    variants.push((
        "without any".to_owned(),
        still_known(&without_plans(&without(&all, &[&COLUMNS[..], &["token"]].concat()))),
    ));
    Ok(variants)
}

// Whoever has none has the one that is called free.
fn without_plans(text: &str) -> String {
    text.replacen("[plan.free]", "[plan.nobody]", 1)
}

// Only a service that tokens are exchanged for may have a fixed address.
fn still_known(text: &str) -> String {
    let row = "    { path = \"/unused/\", service = \"store\", token = \"store\", timeout = 1, pause = 1, body = 1 },";
    text.replacen("routes = [", &format!("routes = [\n{row}"), 1)
}

// Takes `, column = "…"` out of every row.
fn without(text: &str, columns: &[&str]) -> String {
    let mut text = text.to_owned();
    for column in columns {
        let begin = format!("{column} = \"");
        text = text
            .lines()
            .map(|line| match line.trim_start().starts_with('{').then(|| cut(line, &begin)).flatten() {
                Some(less) => less,
                None => line.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("\n");
    }
    text
}

fn cut(line: &str, begin: &str) -> Option<String> {
    let from = line.find(&format!(" {begin}"))?;
    let value = from + 1 + begin.len();
    let to = value + line[value..].find('"')? + 1;
    // With the comma before it, for it is never the first.
    let before = line[..from].trim_end().strip_suffix(',')?;
    Some(format!("{before}{}", &line[to..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_taken_out_of_the_rows_only() {
        let text = "# shed = \"x\"\n    { path = \"/a/\", token = \"a\", shed = \"usual\", body = 1 },\n[shed.usual]\nleast = 1";
        let less = "# shed = \"x\"\n    { path = \"/a/\", token = \"a\", body = 1 },\n[shed.usual]\nleast = 1";
        assert_eq!(without(text, &["shed"]), less);
        assert!(without(text, &["token", "shed"]).contains("{ path = \"/a/\", body = 1 }"));
    }

    #[test]
    fn every_policy_can_be_switched_off() {
        let variants = variants().unwrap();
        assert!(variants[1..].iter().all(|(_, text)| *text != variants[0].1));
    }
}
