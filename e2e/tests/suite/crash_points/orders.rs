//! Customers while something dies: they buy, are refused, cancel. What was accepted ends, and stays what it is.

use anyhow::{Context, Result, ensure};
use e2e::{Answer, Purchase, client_token, patiently};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::{Stage, insist};

/// An order that is ready to be placed, with the key under which it will be.
struct Wanted {
    body: Value,
    key: String,
}

async fn wanted(stage: &Stage<'_>, purchase: &Purchase) -> Result<Wanted> {
    let alice = &stage.world.alice;
    let cart = alice.fill_cart(purchase).await?;
    Ok(Wanted { body: alice.order_for(&cart, purchase).await?, key: Uuid::now_v7().to_string() })
}

async fn place(stage: &Stage<'_>, wanted: &Wanted, prefer: &str) -> Result<Answer> {
    let headers = [("Idempotency-Key", wanted.key.as_str()), ("Prefer", prefer)];
    let send =
        async || stage.world.alice.send(Method::POST, "/api/order/v1/orders", Some(wanted.body.clone()), &headers);
    let answer = insist(async || send().await.await).await?;
    ensure!(matches!(answer.status.as_u16(), 201 | 202), "not accepted: {} {}", answer.status, answer.body);
    Ok(answer)
}

/// Places it and waits until it has ended as expected; asked again with the same key it is the same order.
async fn ends(stage: &Stage<'_>, wanted: &Wanted, prefer: &str, outcome: &str) -> Result<String> {
    let id = place(stage, wanted, prefer).await?.text("id")?;
    let order = stage.world.alice.ended(&id).await?;
    ensure!(order["state"] == outcome, "not {outcome}: {order:#}");
    ensure!(place(stage, wanted, prefer).await?.text("id")? == id, "the same key made another order");
    Ok(id)
}

/// What is confirmed is invoiced and prepared.
async fn followed_up(stage: &Stage<'_>, id: &str) -> Result<()> {
    let alice = &stage.world.alice;
    let heard = ["invoice issued", "payment captured"];
    let told = |order: &Value| {
        let steps = order["timeline"].as_array().into_iter().flatten();
        let steps: Vec<_> = steps.filter_map(|entry| entry["step"].as_str()).collect();
        order["invoice_number"].is_string() && heard.iter().all(|step| steps.contains(step))
    };
    alice.see(&format!("/api/order/v1/orders/{id}"), told).await?;
    alice.see(&format!("/api/shipping/v1/shipments/{id}"), |it| it["state"] == "prepared").await?;
    stage.world.sam.see(&format!("/api/inventory/v1/reservations/{id}"), |it| it["state"] == "committed").await?;
    Ok(())
}

pub async fn confirmed(stage: &Stage<'_>) -> Result<String> {
    let order = stage.world.alice.buy(&Purchase::default()).await?;
    ensure!(order["state"] == "confirmed", "{order:#}");
    let id = order["id"].as_str().context("an order has an id")?.to_owned();
    followed_up(stage, &id).await?;
    Ok(id)
}

async fn bought(stage: &Stage<'_>, method: &str, prefer: &str) -> Result<()> {
    let wanted = wanted(stage, &Purchase::default().paid_with(method)).await?;
    stage.arm().await?;
    let id = ends(stage, &wanted, prefer, "confirmed").await?;
    followed_up(stage, &id).await
}

pub async fn buys(stage: &Stage<'_>) -> Result<()> {
    bought(stage, "tok_ok", "respond-async").await
}

/// The payment provider stays silent at first, so the step is asked for again.
pub async fn buys_in_the_second_attempt(stage: &Stage<'_>) -> Result<()> {
    bought(stage, "tok_silent_once", "respond-async").await
}

pub async fn buys_and_waits(stage: &Stage<'_>) -> Result<()> {
    bought(stage, "tok_ok", "wait=2").await
}

/// Alice's credit is given back by what she pays, so that she can buy again.
pub async fn buys_on_account_and_pays(stage: &Stage<'_>) -> Result<()> {
    let wanted = wanted(stage, &Purchase::default().paid_with("tok_on_account")).await?;
    stage.arm().await?;
    let id = ends(stage, &wanted, "respond-async", "confirmed").await?;
    followed_up(stage, &id).await?;
    let sam = &stage.world.sam;
    let alice = contracts::seed::ALICE;
    let path = format!("/api/accounting/v1/customer-accounts/{alice}");
    let owed = async || -> Result<Value> { Ok(insist(async || sam.get(&path).await).await?.expect(200)?.body) };
    let before = owed().await?["outstanding"]["amount"].as_i64().context("owed")?;
    let receipt = format!("{path}/receipts/{}", Uuid::now_v7());
    for _ in 0..2 {
        let paid = json!({"amount": {"amount": before, "currency": "EUR"}});
        insist(async || sam.put(&receipt, paid.clone()).await).await?.expect(200)?;
    }
    ensure!(owed().await?["outstanding"]["amount"] == 0, "paid once: {}", owed().await?);
    Ok(())
}

/// The last step that may be refused is, so that every step is undone.
pub async fn is_refused_at_the_capture(stage: &Stage<'_>) -> Result<()> {
    let wanted = wanted(stage, &Purchase::default().paid_with("tok_capture_declined")).await?;
    stage.arm().await?;
    ends(stage, &wanted, "respond-async", "compensated").await?;
    Ok(())
}

/// An undo that overtakes its do: it arrives at an order whose payment nobody has asked for.
pub async fn is_refused_and_voided_unasked(stage: &Stage<'_>) -> Result<()> {
    let order = stage.world.alice.buy(&Purchase::of("CLOCK-SUN")).await?;
    let suite = &stage.world.suite;
    let token = client_token(suite.public_url(), "order", &suite.secrets().order_client).await?;
    let machine = e2e::Shopper::with_token(suite.public_url(), &token)?;
    let path = format!("/api/accounting/v1/payments/{}", order["id"].as_str().unwrap_or_default());
    stage.arm().await?;
    insist(async || machine.delete(&path).await).await?.expect(204)?;
    let late = json!({"customer_id": contracts::seed::ALICE, "amount": {"amount": 100, "currency": "EUR"}, "method": "tok_ok"});
    let refused = insist(async || machine.put(&path, late.clone()).await).await?.expect(409)?;
    ensure!(refused.text("code")? == "payment_voided", "{}", refused.body);
    Ok(())
}

async fn cancel(stage: &Stage<'_>, id: &str) -> Result<()> {
    let path = format!("/api/order/v1/orders/{id}/cancellation");
    insist(async || stage.world.alice.post(&path, json!({})).await).await?.expect(202)?;
    Ok(())
}

pub async fn cancels(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    stage.arm().await?;
    cancel(stage, &id).await?;
    let order = stage.world.alice.ended(&id).await?;
    ensure!(order["state"] == "cancelled", "{order:#}");
    let refunded = |order: &Value| order["timeline"].to_string().contains("payment refunded");
    stage.world.alice.see(&format!("/api/order/v1/orders/{id}"), refunded).await?;
    cancel(stage, &id).await
}

/// The parcel has left, and the order has not heard of it yet.
pub async fn cancels_too_late(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    stage.dispatch_untold(&id).await?;
    stage.arm().await?;
    cancel(stage, &id).await?;
    let kept = stage.world.alice.ended(&id).await?;
    ensure!(kept["state"] == "confirmed", "{kept:#}");
    Ok(())
}

/// A step that must be done meets silence, and an operator asks for it again.
pub async fn is_stuck_and_retried(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    let suite = &stage.world.suite;
    suite.kill("accounting")?;
    stage.arm_with(&impatient()).await?;
    cancel(stage, &id).await?;
    let retry = by_hand(stage, &id, "retry", json!({})).await?;
    ensure!(retry.status == 202, "{} {}", retry.status, retry.body);
    suite.restart("accounting").await?;
    ensure!(stage.world.alice.ended(&id).await?["state"] == "cancelled", "not cancelled");
    Ok(())
}

/// The stock is put back behind the order's back, and an operator says so.
pub async fn is_stuck_and_settled(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    let suite = &stage.world.suite;
    let token = client_token(suite.public_url(), "order", &suite.secrets().order_client).await?;
    let machine = e2e::Shopper::with_token(suite.public_url(), &token)?;
    suite.kill("inventory")?;
    stage.arm_with(&impatient()).await?;
    cancel(stage, &id).await?;
    let settlement = json!({"outcome": "done", "reason": "counted by hand"});
    let settled = by_hand(stage, &id, "settlement", settlement).await?;
    ensure!(settled.status == 202 || settled.status == 409, "{} {}", settled.status, settled.body);
    suite.restart("inventory").await?;
    let path = format!("/api/inventory/v1/reservations/{id}");
    insist(async || machine.delete(&path).await).await?.expect(204)?;
    ensure!(stage.world.alice.ended(&id).await?["state"] == "cancelled", "not cancelled");
    Ok(())
}

/// Any silence raises the alarm.
fn impatient() -> [(&'static str, String); 3] {
    let retry = "200".to_owned();
    [("STUCK_AFTER_MS", "1".to_owned()), ("CALL_TIMEOUT_MS", "2000".to_owned()), ("RETRY_DELAY_MAX_MS", retry)]
}

/// What an operator does about a saga that is stuck, once it is: at the first try that the crash did not swallow.
async fn by_hand(stage: &Stage<'_>, id: &str, what: &str, body: Value) -> Result<Answer> {
    let olga = &stage.world.olga;
    patiently(async || {
        let stuck = olga.get("/api/order/v1/sagas?state=stuck").await?.expect(200)?;
        ensure!(stuck.body.to_string().contains(id), "not stuck yet");
        Ok(())
    })
    .await?;
    let path = format!("/api/order/v1/sagas/{id}/cancellation/{what}");
    let body = if what == "retry" { None } else { Some(body) };
    insist(async || olga.send(Method::POST, &path, body.clone(), &[]).await).await
}
