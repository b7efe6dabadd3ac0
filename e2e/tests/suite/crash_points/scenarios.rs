//! Which process dies at which points, and what is done meanwhile.

use futures::FutureExt;

use super::{
    grants, letters, mending, metering, orders, pages, people, robots, running, staff,
    stage::{Case, Deed},
};

const MOMENTS: [&str; 2] = ["before", "after"];

/// One process that dies at each of these points, before and after, while something is done.
pub struct Scenario {
    pub process: &'static str,
    pub points: &'static [&'static str],
    deed: Deed,
    /// Where it died before: with what it left behind it is started, to die again.
    first: Option<&'static str>,
}

const fn when(process: &'static str, deed: Deed, points: &'static [&'static str]) -> Scenario {
    Scenario { process, points, deed, first: None }
}

impl Scenario {
    const fn after(self, first: &'static str) -> Self {
        Self { first: Some(first), ..self }
    }

    /// A case for each point and moment.
    pub fn cases(&self) -> impl Iterator<Item = Case> {
        let points = self.points.iter().flat_map(|point| MOMENTS.map(|moment| format!("{point}: {moment}")));
        points.map(|point| {
            let points = self.first.map(str::to_owned).into_iter().chain([point]).collect();
            Case { process: self.process, points, deed: self.deed }
        })
    }
}

/// What every relay does; the same code in every process, but other events.
const RELAY: &[&str] = &["publish", "mark published"];

/// Every point that there is. Those that take longest come first.
pub const SCENARIOS: &[Scenario] = &[
    // Events that are delivered again after their acknowledgement's time.
    when(
        "store",
        |s| orders::buys(s).boxed_local(),
        &["take effect (inventory.stock.changed.v1)", "take effect (order.confirmed.v1)"],
    ),
    when("store", |s| orders::cancels(s).boxed_local(), &["take effect (order.cancelled.v1)"]),
    when(
        "inventory",
        |s| orders::buys(s).boxed_local(),
        &["take effect (order.confirmed.v1)", "acknowledge (order.confirmed.v1)"],
    ),
    when("inventory", |s| staff::sends_a_parcel(s).boxed_local(), &["take effect (shipping.shipment.dispatched.v1)"]),
    when("accounting", |s| orders::buys(s).boxed_local(), &["take effect (order.confirmed.v1)"]),
    when("accounting", |s| metering::is_told_of_calls(s).boxed_local(), &["take effect (gateway.calls.metered.v1)"]),
    when("shipping", |s| orders::buys(s).boxed_local(), &["take effect (order.confirmed.v1)"]),
    when(
        "order",
        |s| orders::buys(s).boxed_local(),
        &["take effect (accounting.invoice.issued.v1)", "take effect (accounting.payment.captured.v1)"],
    ),
    when("order", |s| orders::cancels(s).boxed_local(), &["take effect (accounting.payment.refunded.v1)"]),
    when(
        "order",
        |s| staff::sends_a_parcel(s).boxed_local(),
        &["take effect (shipping.shipment.dispatched.v1)", "take effect (shipping.shipment.delivered.v1)"],
    ),
    when(
        "order",
        |s| letters::hears_of_an_unknown_order(s).boxed_local(),
        &["hand back", "count failure (shipping.shipment.dispatched.v1)"],
    ),
    when("order", |s| letters::hears_nonsense(s).boxed_local(), &["set aside"]),
    when("store", |s| letters::redrives_a_dead_letter(s).boxed_local(), &["redrive dead letter"]),
    when(
        "store",
        |s| letters::gives_a_dead_letter_up(s).boxed_local(),
        &["record failed redrive", "discard dead letter"],
    ),
    // Sagas.
    when(
        "order",
        |s| orders::buys(s).boxed_local(),
        &[
            "accept order",
            "save saga",
            "fetch token",
            "ask to do (check out cart)",
            "ask to do (reserve stock)",
            "ask to do (authorize payment)",
            "ask to do (book shipment)",
            "ask to do (capture payment)",
            "change order (confirm order)",
        ],
    ),
    when("order", |s| orders::buys_in_the_second_attempt(s).boxed_local(), &["take saga again"]),
    when("order", |s| orders::buys_and_waits(s).boxed_local(), &["keep answer"]),
    when(
        "order",
        |s| orders::is_refused_at_the_capture(s).boxed_local(),
        &[
            "ask to undo (check out cart)",
            "ask to undo (reserve stock)",
            "ask to undo (authorize payment)",
            "ask to undo (book shipment)",
            "change order (compensate order)",
        ],
    ),
    when(
        "order",
        |s| orders::cancels(s).boxed_local(),
        &[
            "begin cancellation",
            "ask to do (stop shipment)",
            "ask to do (refund payment)",
            "ask to do (release stock)",
            "change order (cancel order)",
        ],
    ),
    when("order", |s| orders::cancels_too_late(s).boxed_local(), &["change order (keep order)"]),
    when("order", |s| orders::is_stuck_and_retried(s).boxed_local(), &["raise alarm", "retry by hand"]),
    when("order", |s| orders::is_stuck_and_settled(s).boxed_local(), &["settle by hand"]),
    when("order", |s| running::finds_what_was_left_over(s).boxed_local(), &["take due sagas"])
        .after("accept order: after"),
    when("order", |s| running::finds_what_was_left_over(s).boxed_local(), RELAY)
        .after("change order (confirm order): after"),
    when("order", |s| running::starts_again(s).boxed_local(), &["forget idempotency keys"]),
    when("order", |s| running::starts_on_an_empty_database(s).boxed_local(), &["migrate"]),
    when(
        "order",
        |s| mending::is_told_what_it_missed(s).boxed_local(),
        &[
            "begin repair",
            "ask what is known (shipping)",
            "ask to repair (announce shipment)",
            "repair order (take in news)",
            "end repair",
        ],
    ),
    when("shipping", |s| mending::gives_a_parcel_back(s).boxed_local(), &["recover transit"]),
    when("shipping", |s| mending::announces_again(s).boxed_local(), &["announce shipment again"]),
    // Participants.
    when("store", |s| orders::buys(s).boxed_local(), &["check out cart"]),
    when("store", |s| orders::is_refused_at_the_capture(s).boxed_local(), &["reopen cart"]),
    when(
        "store",
        |s| staff::fills_and_empties_carts(s).boxed_local(),
        &["create cart", "put line", "delete line", "delete cart"],
    ),
    when(
        "store",
        |s| staff::edits_the_catalogue(s).boxed_local(),
        &["edit product", "change price", "change withdrawal"],
    ),
    when(
        "store",
        |s| staff::arranges_categories(s).boxed_local(),
        &["add category", "change category", "delete category"],
    ),
    when("store", |s| staff::gives_a_picture(s).boxed_local(), &["put picture"]),
    when("store", |s| staff::edits_the_catalogue(s).boxed_local(), RELAY).after("edit product: after"),
    when("store", |s| running::starts_on_an_empty_database(s).boxed_local(), &["migrate", "seed catalogue"]),
    when("inventory", |s| orders::buys(s).boxed_local(), &["reserve stock"]),
    when("inventory", |s| orders::is_refused_at_the_capture(s).boxed_local(), &["release stock"]),
    when("inventory", |s| staff::moves_stock(s).boxed_local(), &["receive stock", "adjust stock"]),
    when("inventory", |s| orders::buys(s).boxed_local(), RELAY).after("reserve stock: after"),
    when(
        "inventory",
        |s| running::starts_again(s).boxed_local(),
        &[
            "make stream",
            "make consumer",
            "take relay lease",
            "publish again",
            "forget published",
            "forget inbox",
            "forget failures",
        ],
    ),
    when("inventory", |s| running::stops(s).boxed_local(), &["give relay lease back"]),
    when("inventory", |s| running::starts_on_an_empty_database(s).boxed_local(), &["migrate", "seed stock"]),
    when(
        "accounting",
        |s| orders::buys(s).boxed_local(),
        &[
            "begin payment",
            "advance payment",
            "settle payment",
            "authorize charge",
            "capture charge",
            "ask provider (authorizing)",
            "ask provider (capturing)",
        ],
    ),
    when("accounting", |s| orders::buys_on_account_and_pays(s).boxed_local(), &["settle on account", "book receipt"]),
    when(
        "accounting",
        |s| orders::is_refused_at_the_capture(s).boxed_local(),
        &["void charge", "ask provider (voiding)"],
    ),
    when("accounting", |s| orders::cancels(s).boxed_local(), &["refund charge", "ask provider (refunding)"]),
    when("accounting", |s| orders::is_refused_and_voided_unasked(s).boxed_local(), &["void payment unseen"]),
    when(
        "accounting",
        |s| staff::keeps_the_books(s).boxed_local(),
        &["set credit limit", "book entry", "reverse entry"],
    ),
    when("accounting", |s| orders::buys(s).boxed_local(), RELAY).after("ask provider (capturing): after"),
    when("accounting", |s| running::starts_on_an_empty_database(s).boxed_local(), &["migrate", "seed credit"]),
    when("shipping", |s| orders::buys(s).boxed_local(), &["book shipment"]),
    when("shipping", |s| orders::is_refused_at_the_capture(s).boxed_local(), &["cancel shipment"]),
    when("shipping", |s| staff::sends_a_parcel(s).boxed_local(), &["move parcel"]),
    when("shipping", |s| staff::changes_a_rate(s).boxed_local(), &["change rate"]),
    when("shipping", |s| staff::sends_a_parcel(s).boxed_local(), RELAY).after("move parcel: after"),
    when("shipping", |s| running::starts_on_an_empty_database(s).boxed_local(), &["migrate"]),
    // Who counts calls.
    when("gateway", |s| metering::is_called(s).boxed_local(), &["announce unstored", "make tallies", "change tally"]),
    // Who is let in.
    when("auth", |s| people::logs_in(s).boxed_local(), &["log in", "issue code", "exchange code"]),
    when("auth", |s| people::mistypes(s).boxed_local(), &["count guess", "refuse login"]),
    when("auth", |s| people::presents_a_wrong_secret(s).boxed_local(), &["record client failures"]),
    when("auth", |s| grants::pushes_a_request(s).boxed_local(), &["push request", "present request"]),
    when("auth", |s| grants::proves_a_key(s).boxed_local(), &["use jwt"]),
    when(
        "auth",
        |s| grants::logs_a_device_in(s).boxed_local(),
        &["begin device login", "look up device", "allow device", "poll device", "exchange device code"],
    ),
    when("auth", |s| grants::denies_a_device(s).boxed_local(), &["deny device"]),
    when("auth", |s| people::logs_out(s).boxed_local(), &["log out"]),
    when(
        "auth",
        |s| pages::has_an_application_told(s).boxed_local(),
        &["take up logouts", "tell client", "settle logout"],
    ),
    when("auth", |s| pages::allows(s).boxed_local(), &["remember consent"]),
    when("auth", |s| pages::takes_back(s).boxed_local(), &["withdraw consent"]),
    when("auth", |s| pages::ends_all_other_sessions(s).boxed_local(), &["end sessions"]),
    when("auth", |s| people::refreshes(s).boxed_local(), &["exchange refresh token"]),
    when(
        "auth",
        |s| people::refreshes_twice(s).boxed_local(),
        &["find refresh token used", "revoke for refresh token used"],
    ),
    when("auth", |s| people::guesses_a_code(s).boxed_local(), &["find code used", "revoke for code used"]),
    when("auth", |s| people::revokes(s).boxed_local(), &["revoke token"]),
    when("auth", |s| people::revokes(s).boxed_local(), RELAY).after("revoke token: after"),
    when("auth", |s| people::logs_a_machine_in(s).boxed_local(), &["issue token to client"]),
    when(
        "auth",
        |s| people::registers(s).boxed_local(),
        &["allow registration", "register client", "change registration", "delete registration", "forbid registration"],
    ),
    when("auth", |s| robots::publishes_its_keys(s).boxed_local(), &["fetch client keys"]),
    when("auth", |s| people::shuts_out(s).boxed_local(), &["shut user out", "shut client out"]),
    when("auth", |s| people::rotates_keys(s).boxed_local(), &["rotate signing keys", "retire signing key"]),
    when("auth", |s| running::starts_again(s).boxed_local(), &["purge"]),
    when(
        "auth",
        |s| running::starts_on_an_empty_database(s).boxed_local(),
        &["migrate", "make signing key", "seed clients and users"],
    ),
];
