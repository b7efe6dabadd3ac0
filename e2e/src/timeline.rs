//! An order's timeline, for people.

use std::fmt::Write;

use serde_json::Value;

/// The order's state and every step, attempt, refusal and undo, one line each.
pub fn print(order: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = format!("order {}  {}\n", text(&order["id"]), text(&order["state"]).to_uppercase());
    for entry in order["timeline"].as_array().into_iter().flatten() {
        let at = text(&entry["at"]);
        // To the millisecond; trailing zeros of the fraction are not sent.
        let clock = at.split('T').nth(1).unwrap_or_default().trim_end_matches('Z');
        let clock = format!("{:0<12.12}", if clock.contains('.') { clock.to_owned() } else { format!("{clock}.") });
        let verb = if entry["direction"] == "undo" { "undo " } else { "" };
        let why = entry["detail"]["code"].as_str().map(|code| format!("  ({code})")).unwrap_or_default();
        let step = format!("{verb}{}", text(&entry["step"]));
        let _ = writeln!(out, "  {clock}  {:<13} {step:<32} {}{why}", text(&entry["saga"]), text(&entry["what"]));
    }
    out
}
