//! Staff and customers at everything else: goods, parcels, prices, carts, books. Asked until answered, each counts once.

use anyhow::{Context, Result, ensure};
use e2e::Shopper;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    orders::confirmed,
    stage::{Stage, insist},
};

async fn put(who: &Shopper, path: &str, body: Value) -> Result<Value> {
    Ok(insist(async || who.put(path, body.clone()).await).await?.expect(200)?.body)
}

async fn post(who: &Shopper, path: &str, body: Value, status: u16) -> Result<Value> {
    Ok(insist(async || who.post(path, body.clone()).await).await?.expect(status)?.body)
}

async fn get(who: &Shopper, path: &str) -> Result<Value> {
    Ok(insist(async || who.get(path).await).await?.expect(200)?.body)
}

/// The parcel leaves and arrives, and the order follows.
pub async fn sends_a_parcel(stage: &Stage<'_>) -> Result<()> {
    let id = confirmed(stage).await?;
    let (alice, sam) = (&stage.world.alice, &stage.world.sam);
    stage.arm().await?;
    for (step, state) in [("dispatch", "dispatched"), ("deliver", "delivered")] {
        post(sam, &format!("/api/shipping/v1/shipments/{id}/{step}"), json!({}), 200).await?;
        alice.until(&id, |it| it == state).await?;
    }
    sam.see(&format!("/api/inventory/v1/reservations/{id}"), |it| it["state"] == "shipped").await?;
    Ok(())
}

/// With a reference the same again counts once.
pub async fn moves_stock(stage: &Stage<'_>) -> Result<()> {
    let sam = &stage.world.sam;
    let stock = "/api/inventory/v1/stock/PLANT-FERN";
    let before = get(sam, stock).await?["on_hand"].as_i64().context("on hand")?;
    let reference = Uuid::now_v7().to_string();
    stage.arm().await?;
    for _ in 0..2 {
        let receipt = json!({"quantity": 7, "reference": reference});
        post(sam, &format!("{stock}/receipts"), receipt, 201).await?;
        let counted = json!({"quantity": -2, "reason": "two were broken", "reference": reference});
        post(sam, &format!("{stock}/adjustments"), counted, 201).await?;
    }
    let after = get(sam, stock).await?["on_hand"].as_i64().context("on hand")?;
    ensure!(after == before + 5, "{before} and 5 are not {after}");
    Ok(())
}

pub async fn edits_the_catalogue(stage: &Stage<'_>) -> Result<()> {
    let sam = &stage.world.sam;
    let path = "/api/store/v1/products/KNIFE-CHEF";
    let name = format!("Knife {}", Uuid::now_v7());
    let cents = json!({"amount": 4_900 + i64::from(rand::random::<u8>()), "currency": "EUR"});
    stage.arm().await?;
    let draft =
        json!({"name": name, "description": "Sharp.", "category": "kitchen", "price": cents, "weight_grams": 300});
    put(sam, path, draft).await?;
    put(sam, &format!("{path}/price"), json!({"price": cents})).await?;
    post(sam, &format!("{path}/withdrawal"), json!({}), 200).await?;
    insist(async || sam.delete(&format!("{path}/withdrawal")).await).await?.expect(200)?;
    let product = get(sam, path).await?;
    ensure!(product["name"] == name.as_str() && product["price"] == cents, "{product:#}");
    ensure!(product["withdrawn"] == false, "{product:#}");
    Ok(())
}

/// What was done before its answer was lost is refused the second time: it is there, or gone, already.
pub async fn arranges_categories(stage: &Stage<'_>) -> Result<()> {
    let sam = &stage.world.sam;
    let slug = Uuid::now_v7().simple().to_string();
    let path = format!("/api/store/v1/categories/{slug}");
    stage.arm().await?;
    let new = json!({"slug": slug, "name": "Glasses", "parent": "kitchen"});
    let added = insist(async || sam.post("/api/store/v1/categories", new.clone()).await).await?;
    ensure!(matches!(added.status.as_u16(), 201 | 409), "{} {}", added.status, added.body);
    let moved = put(sam, &path, json!({"name": "Glasses", "parent": "tableware"})).await?;
    ensure!(moved["parent"] == "tableware", "{moved}");
    let gone = insist(async || sam.delete(&path).await).await?.status.as_u16();
    ensure!(matches!(gone, 204 | 404), "{gone}");
    insist(async || sam.delete(&path).await).await?.expect(404)?;
    Ok(())
}

pub async fn gives_a_picture(stage: &Stage<'_>) -> Result<()> {
    let sam = &stage.world.sam;
    let path = "/api/store/v1/products/KNIFE-CHEF/picture";
    let drawing = format!("<svg><title>{}</title></svg>", Uuid::now_v7());
    stage.arm().await?;
    insist(async || sam.upload(path, "image/svg+xml", drawing.clone().into()).await).await?.expect(204)?;
    ensure!(get(sam, path).await? == drawing.as_str(), "another picture");
    Ok(())
}

/// A cart that was made and whose answer was lost is an empty cart too many, which harms nobody.
pub async fn fills_and_empties_carts(stage: &Stage<'_>) -> Result<()> {
    let alice = &stage.world.alice;
    stage.arm().await?;
    let cart = post(alice, "/api/store/v1/carts", json!({"currency": "EUR"}), 201).await?;
    let cart = format!("/api/store/v1/carts/{}", cart["id"].as_str().context("an id")?);
    for sku in ["MUG-BLUE", "MUG-GREEN"] {
        put(alice, &format!("{cart}/lines/{sku}"), json!({"quantity": 2})).await?;
    }
    insist(async || alice.delete(&format!("{cart}/lines/MUG-BLUE")).await).await?.expect(200)?;
    let lines = get(alice, &cart).await?["lines"].as_array().map(Vec::len);
    ensure!(lines == Some(1), "{lines:?} lines");
    let gone = insist(async || alice.delete(&cart).await).await?.status.as_u16();
    ensure!(matches!(gone, 204 | 404), "{gone}");
    insist(async || alice.get(&cart).await).await?.expect(404)?;
    Ok(())
}

pub async fn changes_a_rate(stage: &Stage<'_>) -> Result<()> {
    let sam = &stage.world.sam;
    let rates = get(sam, "/api/shipping/v1/rates").await?;
    let rate = rates["items"].as_array().and_then(|it| it.first()).context("a rate")?.clone();
    let part = |key: &str| rate[key].as_str().map_or_else(|| rate[key].to_string(), str::to_owned);
    let path = format!("/api/shipping/v1/rates/{}/{}/{}", part("zone"), part("service"), part("up_to_grams"));
    stage.arm().await?;
    let days = rate["days"].as_i64().context("days")? % 9 + 1;
    let changed = put(sam, &path, json!({"price": rate["price"], "days": days})).await?;
    ensure!(changed["days"] == days, "{changed}");
    ensure!(get(sam, "/api/shipping/v1/rates").await?["items"][0]["days"] == days, "not kept");
    Ok(())
}

/// Credit and entries by hand; with an id of one's own an entry is booked once.
pub async fn keeps_the_books(stage: &Stage<'_>) -> Result<()> {
    let sam = &stage.world.sam;
    let bob = format!("/api/accounting/v1/customer-accounts/{}", contracts::seed::BOB);
    let id = Uuid::now_v7();
    let postings = json!([
        {"account": "6000-EUR", "amount": {"amount": 1200, "currency": "EUR"}},
        {"account": "1000-EUR", "amount": {"amount": -1200, "currency": "EUR"}}]);
    let entry = json!({"id": id, "memo": "rent", "postings": postings});
    stage.arm().await?;
    let limit = json!({"credit_limit": {"amount": 100, "currency": "EUR"}});
    put(sam, &bob, limit).await?;
    let booked = insist(async || sam.post("/api/accounting/v1/entries", entry.clone()).await).await?;
    ensure!(booked.status.is_success(), "{} {}", booked.status, booked.body);
    let reversal = format!("/api/accounting/v1/entries/{id}/reversal");
    let once = post(sam, &reversal, json!({"memo": "booked twice"}), 200).await?;
    let again = post(sam, &reversal, json!({"memo": "booked twice"}), 200).await?;
    ensure!(once["id"] == again["id"], "reversed twice");
    Ok(())
}
