//! `/v1/orders/{order_id}/cancellation`.

use contracts::order::{OrderCancelled, OrderStuck};
use reqwest::Method;
use testkit::eventually;

use crate::{
    gateway::Do,
    started::{Suite, any_key, id, told, wanted},
};

const CANCELLING: [&str; 3] = ["DELETE shipping", "POST accounting/refund", "DELETE inventory"];

#[tokio::test]
async fn a_confirmed_order_is_cancelled_stopped_refunded_and_put_back() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    assert_eq!(suite.cancel(order).await.expect(202).json()["state"], "cancelling");
    let shown = suite.becomes(order, "cancelled").await;
    assert_eq!(suite.gateway.effects(order)[5..], CANCELLING);
    assert!(shown["cancelled_at"].is_string());
    assert_eq!(suite.announced::<OrderCancelled>().await, 1);
    suite.end().await;
}

#[tokio::test]
async fn cancelling_twice_or_at_the_same_time_cancels_once() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    let answers = futures::future::join_all((0..8).map(|_| suite.cancel(order))).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    suite.becomes(order, "cancelled").await;
    assert_eq!(suite.cancel(order).await.expect(202).json()["state"], "cancelled");
    assert_eq!(suite.gateway.effects(order)[5..], CANCELLING);
    assert_eq!(suite.announced::<OrderCancelled>().await, 1);
    suite.end().await;
}

#[tokio::test]
async fn a_cancellation_refused_because_the_parcel_has_left_leaves_the_order_as_it_was() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    suite.gateway.next("DELETE shipping", &[Do::Refuse(409, "already_dispatched")]);
    suite.cancel(order).await.expect(202);
    let shown = suite.becomes(order, "confirmed").await;
    assert_eq!(shown["cancellation_refused"]["code"], "already_dispatched");
    assert_eq!(told(&shown, "refused"), ["stop shipment"]);
    assert_eq!(suite.gateway.effects(order).len(), 5, "nothing was refunded or put back");
    let again = suite.cancel(order).await.expect(409);
    assert_eq!(
        (again.code().as_str(), &again.json()["refused"]["code"]),
        ("cannot_cancel", &"already_dispatched".into())
    );
    assert_eq!(suite.announced::<OrderCancelled>().await, 0);
    suite.end().await;
}

#[tokio::test]
async fn a_refund_that_stays_silent_is_asked_for_until_it_is_done() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    suite.gateway.always("POST accounting/refund", Do::Unavailable);
    suite.cancel(order).await.expect(202);
    eventually(async || suite.announced::<OrderStuck>().await == 1).await;
    assert_eq!(suite.show(order).await["state"], "cancelling");
    suite.gateway.always("POST accounting/refund", Do::Accept);
    suite.becomes(order, "cancelled").await;
    assert_eq!(suite.gateway.effects(order)[5..], CANCELLING);
    suite.end().await;
}

#[tokio::test]
async fn only_a_confirmed_order_can_be_cancelled() {
    let suite = Suite::start().await;
    suite.gateway.always("PUT store", Do::Unavailable);
    let pending = suite.place().await;
    assert_eq!(suite.cancel(pending).await.expect(409).json()["state"], "pending");
    suite.gateway.always("PUT store", Do::Refuse(409, "cart_empty"));
    let compensated = id(&suite.post(&any_key(), 5, &wanted()).await.expect(201));
    assert_eq!(suite.cancel(compensated).await.expect(409).code(), "cannot_cancel");
    suite.end().await;
}

#[tokio::test]
async fn another_customers_order_is_not_found_and_staff_may_cancel_it() {
    let suite = Suite::start().await;
    let order = suite.confirmed().await;
    let ask = async |token: String| {
        let path = format!("/v1/orders/{order}/cancellation");
        suite.order.client.send(suite.order.client.request(Method::POST, &path, &token)).await
    };
    assert_eq!(ask(suite.bob()).await.expect(404).code(), "order_not_found");
    assert_eq!(suite.show(order).await["state"], "confirmed");
    ask(suite.sam()).await.expect(202);
    suite.becomes(order, "cancelled").await;
    suite.end().await;
}
