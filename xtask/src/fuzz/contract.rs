//! The committed contract as one pass uses it.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::passes::Pass;
use crate::workspace::{PROCESSES, root};

/// The contract, and the ids of the operations that a pass is about.
pub fn read(pass: &Pass) -> Result<(String, Vec<String>)> {
    let path = match PROCESSES.into_iter().find(|(name, _)| *name == pass.service) {
        Some((_, directory)) => root().join(directory).join("openapi.json"),
        // What the gateway joins.
        None => root().join("gateway/contracts").join(format!("{}.json", pass.service)),
    };
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut contract: Value = serde_json::from_str(&text)?;
    let mut wanted = Vec::new();
    let paths = contract["paths"].as_object_mut().context("a contract has paths")?;
    for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        if asks_for(operation, pass.scopes) {
            wanted.extend(operation["operationId"].as_str().map(str::to_owned));
        }
        if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
            // It would document every status there is. Of what it stands for, the gateway's refusal of a long address
            // may meet any operation.
            if let Some(any_other) = responses.remove("default") {
                responses.insert("414".to_owned(), any_other);
            }
            // The schema of a stream is taken for that of each event; ours is that of the whole text.
            for content in responses.values_mut().filter_map(|response| response.get_mut("content")?.as_object_mut()) {
                content.remove("text/event-stream").map(|_| content.insert("text/event-stream".to_owned(), json!({})));
            }
        }
    }
    Ok((contract.to_string(), wanted))
}

fn asks_for(operation: &Value, scopes: &[&str]) -> bool {
    let ways = operation["security"].as_array().into_iter().flatten();
    let asked: BTreeSet<&str> =
        ways.filter_map(|way| way["oauth2"].as_array()).flatten().filter_map(Value::as_str).collect();
    scopes.is_empty() || scopes.iter().any(|scope| asked.contains(scope))
}

#[cfg(test)]
mod tests {
    use super::{super::passes::PASSES, *};

    #[test]
    fn of_undocumented_statuses_only_the_gateways_414_is_let_through() {
        for pass in PASSES {
            let (document, _) = read(pass).unwrap();
            let document: Value = serde_json::from_str(&document).unwrap();
            let items = document["paths"].as_object().unwrap().values().filter_map(Value::as_object);
            for operation in items.flat_map(|item| item.values()) {
                assert!(operation["responses"].get("default").is_none(), "{}: {operation:#}", pass.service);
            }
        }
        let (orders, _) = read(PASSES.iter().find(|pass| pass.service == "order").unwrap()).unwrap();
        let orders: Value = serde_json::from_str(&orders).unwrap();
        assert!(orders["paths"]["/v1/orders"]["get"]["responses"]["414"].is_object());
    }
}
