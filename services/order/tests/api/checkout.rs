//! Buying: what goes through, and what a refusal at each step leads to.

use contracts::order::{OrderCompensated, OrderConfirmed};
use futures::{StreamExt, stream};
use serde_json::json;

use crate::{
    gateway::Do,
    started::{Suite, any_key, id, told, wanted},
};

const FORWARDS: [&str; 5] = ["PUT store", "PUT inventory", "PUT accounting", "PUT shipping", "POST accounting/capture"];
const BACKWARDS: [&str; 4] = ["DELETE shipping", "DELETE accounting", "DELETE inventory", "DELETE store"];
const STEPS: [&str; 6] =
    ["check out cart", "reserve stock", "authorize payment", "book shipment", "capture payment", "confirm order"];

#[tokio::test]
async fn an_order_goes_through_and_its_timeline_shows_every_step() {
    let suite = Suite::start().await;
    let answer = suite.post(&any_key(), 5, &wanted()).await.expect(201);
    assert_eq!((&answer.json()["state"], &answer.json()["total"]["amount"]), (&json!("confirmed"), &json!(2990)));
    assert_eq!(answer.header("preference-applied"), Some("wait=5"));
    assert_eq!(answer.header("location"), Some(format!("orders/{}", id(&answer)).as_str()));
    let order = id(&answer);
    assert_eq!(suite.gateway.effects(order), FORWARDS);
    let shown = suite.show(order).await;
    assert_eq!(told(&shown, "asked"), STEPS[..5]);
    assert_eq!(told(&shown, "done"), STEPS);
    assert_eq!((suite.announced::<OrderConfirmed>().await, suite.announced::<OrderCompensated>().await), (1, 0));
    suite.end().await;
}

#[tokio::test]
async fn each_request_carries_what_the_participant_needs() {
    let suite = Suite::start().await;
    let wanted = wanted();
    let order = id(&suite.post(&any_key(), 5, &wanted).await.expect(201));
    let asked = suite.gateway.asked(order);
    let alice = contracts::seed::ALICE;
    assert_eq!(asked[0].body, json!({"cart_id": wanted["cart_id"], "customer_id": alice}));
    assert_eq!(asked[1].body, json!({"lines": [{"sku": "MUG-BLUE", "quantity": 2}]}));
    let amount = json!({"amount": 2990, "currency": "EUR"});
    assert_eq!(asked[2].body, json!({"customer_id": alice, "amount": amount, "method": "tok_ok"}));
    let to = &wanted["ship_to"];
    let price = &wanted["shipping"]["price"];
    let shipment = json!({"customer_id": alice, "to": to, "weight_grams": 700, "service": "standard", "price": price});
    assert_eq!(asked[3].body, shipment);
    assert!(asked.iter().all(|asked| !asked.request_id.is_empty()));
    let patience = suite.config.participants.call_timeout_ms;
    assert!(asked.iter().all(|asked| (1..=patience).contains(&asked.request_timeout_ms)), "{asked:?}");
    suite.end().await;
}

#[tokio::test]
async fn a_refusal_at_any_step_undoes_exactly_what_was_asked_for_from_last_to_first() {
    let suite = Suite::start().await;
    for (failed, what) in FORWARDS.into_iter().enumerate() {
        suite.gateway.next(what, &[Do::Refuse(409, "refused_for_the_test")]);
        let answer = suite.post(&any_key(), 5, &wanted()).await.expect(201);
        let order = id(&answer);
        let shown = suite.show(order).await;
        assert_eq!(shown["state"], "compensated", "{what}");
        assert_eq!(shown["reason"]["step"], STEPS[failed], "{what}");
        assert_eq!(shown["reason"]["code"], "refused_for_the_test");
        assert_eq!(told(&shown, "refused"), [STEPS[failed]]);
        // The refused one as well, if it can be: its request might arrive once more.
        let asked = BACKWARDS.len().min(failed + 1);
        let undone: Vec<_> = STEPS[..asked].iter().rev().copied().collect();
        assert_eq!(told(&shown, "undone"), undone, "{what}");
        let effects: Vec<_> = FORWARDS[..failed].iter().chain(&BACKWARDS[BACKWARDS.len() - asked..]).collect();
        assert_eq!(suite.gateway.effects(order).iter().collect::<Vec<_>>(), effects, "{what}");
    }
    assert_eq!((suite.announced::<OrderConfirmed>().await, suite.announced::<OrderCompensated>().await), (0, 5));
    suite.end().await;
}

#[tokio::test]
async fn a_request_that_arrives_again_after_its_refusal_has_no_effect() {
    let suite = Suite::start().await;
    for what in &FORWARDS[..4] {
        suite.gateway.next(what, &[Do::Refuse(409, "refused_for_the_test")]);
        let order = id(&suite.post(&any_key(), 5, &wanted()).await.expect(201));
        suite.becomes(order, "compensated").await;
        let before = suite.gateway.effects(order);
        assert_eq!(suite.gateway.repeat(order, what).await, 409, "{what}");
        assert_eq!(suite.gateway.effects(order), before, "{what}");
    }
    suite.end().await;
}

#[tokio::test]
async fn a_refusal_keeps_the_participants_words() {
    let suite = Suite::start().await;
    suite.gateway.next("PUT inventory", &[Do::Refuse(409, "out_of_stock")]);
    let order = id(&suite.post(&any_key(), 5, &wanted()).await);
    let shown = suite.show(order).await;
    let refused = shown["timeline"].as_array().unwrap().iter().find(|entry| entry["what"] == "refused").unwrap();
    let detail = json!({"code": "out_of_stock", "title": "Refused", "detail": "for the test"});
    assert_eq!(refused["detail"], detail);
    suite.end().await;
}

#[tokio::test]
async fn prices_in_two_currencies_are_refused_before_any_money_moves() {
    let suite = Suite::start().await;
    let mut wanted = wanted();
    wanted["shipping"]["price"]["currency"] = json!("USD");
    let answer = suite.post(&any_key(), 5, &wanted).await.expect(201);
    assert_eq!(answer.json()["reason"]["code"], "currency_mismatch");
    let effects = ["PUT store", "PUT inventory", "DELETE inventory", "DELETE store"];
    assert_eq!(suite.gateway.effects(id(&answer)), effects);
    suite.end().await;
}

#[tokio::test]
async fn a_hundred_orders_share_one_token() {
    // A burst meets a process as it runs: with its connections made.
    let suite = Suite::with(|config| config.database.at_once = true).await;
    let orders: Vec<_> = stream::iter(0..100).map(|_| suite.place()).buffer_unordered(20).collect().await;
    for order in orders {
        suite.becomes(order, "confirmed").await;
        assert_eq!(suite.gateway.effects(order), FORWARDS);
    }
    assert_eq!(suite.gateway.tokens_given(), 1);
    suite.end().await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced() {
    let suite = Suite::start().await;
    suite.confirmed().await;
    suite.gateway.revoke_tokens();
    let order = suite.confirmed().await;
    assert_eq!(suite.gateway.effects(order), FORWARDS);
    suite.end().await;
}
