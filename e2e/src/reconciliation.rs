//! Reconciling as an operator does it: page after page, and then the events that could not take effect meanwhile.

use std::fmt::Write;

use anyhow::Context;
use serde_json::{Value, json};

use crate::Shopper;

const SERVICES: [&str; 5] = ["store", "inventory", "accounting", "shipping", "order"];
/// A page of repairs must be answered before anybody gives up waiting for it.
const AT_ONCE: u32 = 25;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// How many orders were looked at.
    pub looked_at: u64,
    /// How many were left alone, because a saga is at work on them or others are just reacting.
    pub left_alone: u64,
    /// Those on which somebody disagrees.
    pub disputed: Vec<Value>,
}

impl Found {
    /// The ids of the orders on which somebody disagrees.
    pub fn ids(&self) -> Vec<&str> {
        self.disputed.iter().filter_map(|it| it["order_id"].as_str()).collect()
    }
}

/// Looks at every order. `wanted` says whether to repair, see the contract of `POST /v1/reconciliations`.
pub async fn reconcile(operator: &Shopper, wanted: &Value) -> anyhow::Result<Found> {
    let (mut found, mut after) = (Found::default(), String::new());
    loop {
        let path = format!("/api/order/v1/reconciliations?limit={AT_ONCE}{after}");
        let page = operator.post(&path, wanted.clone()).await?.expect(200)?.body;
        found.looked_at += page["looked_at"].as_u64().unwrap_or_default();
        found.left_alone += page["left_alone"].as_u64().unwrap_or_default();
        found.disputed.extend(page["disputed"].as_array().context("a page lists orders")?.iter().cloned());
        let Some(next) = page["next"].as_str() else { return Ok(found) };
        after = format!("&after={next}");
    }
}

/// Lets every event take effect that could not while something was missing. Answers how many did, and a line for each
/// that still cannot.
pub async fn redrive(operator: &Shopper) -> anyhow::Result<(usize, Vec<String>)> {
    let (mut done, mut left) = (0, Vec::new());
    for service in SERVICES {
        let mut after = String::new();
        loop {
            let path = format!("/api/{service}/v1/dead-letters?limit=100{after}");
            let page = operator.get(&path).await?.expect(200)?.body;
            for letter in page["items"].as_array().context("a page lists dead letters")? {
                let id = letter["id"].as_str().context("a dead letter has an id")?;
                let answer = operator.post(&format!("/api/{service}/v1/dead-letters/{id}/redrive"), json!({})).await?;
                if answer.status.is_success() {
                    done += 1;
                } else {
                    left.push(format!("{service}: {}: {}", letter["consumer"], letter["error"]));
                }
            }
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
    }
    Ok((done, left))
}

/// One disputed order, for people: a line for each who disagrees and for each step that was taken.
pub fn print(disputed: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let decided = disputed["decided"].as_str().unwrap_or("not known to the order service");
    let mut out = format!("order {}  {decided}\n", text(&disputed["order_id"]));
    for dissent in disputed["disagreements"].as_array().into_iter().flatten() {
        let steps: Vec<_> = dissent["steps"].as_array().into_iter().flatten().map(text).collect();
        let steps = if steps.is_empty() { "needs a person".to_owned() } else { steps.join(", ") };
        let _ = writeln!(out, "  {:<11} says {:<28} {steps}", text(&dissent["with"]), text(&dissent["found"]));
    }
    for taken in disputed["taken"].as_array().into_iter().flatten() {
        let more = ["code", "why", "note"].iter().find_map(|key| taken[*key].as_str());
        let more = more.map(|more| format!(" ({more})")).unwrap_or_default();
        let _ = writeln!(out, "  {:<40} {}{more}", text(&taken["step"]), text(&taken["outcome"]));
    }
    out
}
