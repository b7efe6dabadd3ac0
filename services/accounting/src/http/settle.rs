//! Takes a payment to where a command wants it. Intents are written before the provider is asked and left by a
//! conditional update when it has answered; the provider is never asked inside a transaction. Whoever finds an intent
//! that another request left behind settles it first, so that every command can be repeated until it is answered.

use contracts::OrderId;
use database::Tx;

use crate::{
    App,
    db::{self, Progress},
    domain::{self, CustomerAccount, Decline, Method, Next, Payment, Reply, State, Terms, credit_used},
    error::{Error, Thing},
    events,
};

/// Goes on until `decide` is satisfied or refuses.
pub async fn drive(app: &App, mut payment: Payment, decide: impl Fn(&Payment) -> Next) -> Result<Payment, Error> {
    loop {
        payment = match decide(&payment) {
            Next::Done => return Ok(payment),
            Next::Refuse(refusal) => return Err(refusal.into()),
            Next::Begin(intent) => begin(app, &payment, intent).await?,
            Next::Settle => settle(app, payment).await?,
        };
    }
}

/// The payment of an order as it stands.
pub async fn find(app: &App, order_id: OrderId) -> Result<Payment, Error> {
    let mut db = app.pool.get().await?;
    db::find_payment(&mut db, order_id).await?.ok_or(Error::NotFound(Thing::Payment))
}

async fn begin(app: &App, payment: &Payment, intent: State) -> Result<Payment, Error> {
    let step = step(app, payment, intent, None);
    let begun = db::advance_payment(&mut *app.pool.single("advance payment").await?, payment.order_id, step).await?;
    match begun {
        Some(payment) => Ok(payment),
        // Another request was faster: decide anew.
        None => find(app, payment.order_id).await,
    }
}

async fn settle(app: &App, payment: Payment) -> Result<Payment, Error> {
    let terms = payment.terms().ok_or(Error::ProviderContradicts)?;
    if terms.method == Method::TokOnAccount {
        return settle_on_account(app, payment, &terms).await;
    }
    let reply = app.provider.ask(payment.state, payment.order_id, &terms).await?;
    let Some(to) = domain::after(payment.state, reply) else {
        let now = find(app, payment.order_id).await?;
        return if now.state == payment.state { Err(Error::ProviderContradicts) } else { Ok(now) };
    };
    let mut tx = app.pool.begin().await?;
    if let Some(settled) = finish(app, &mut tx, &payment, &terms, to, reply).await? {
        tx.commit("settle payment").await?;
        return Ok(settled);
    }
    // Another request was faster. The transaction has written nothing; its connection goes back first.
    drop(tx);
    find(app, payment.order_id).await
}

/// On account nobody else is asked: the decision, the credit it uses and the state change together.
async fn settle_on_account(app: &App, payment: Payment, terms: &Terms) -> Result<Payment, Error> {
    let mut tx = app.pool.begin().await?;
    // The payment is locked before the account, always, so that no two requests wait for each other.
    let found = db::lock_payment(&mut tx, payment.order_id).await?.ok_or(Error::NotFound(Thing::Payment))?;
    if found.state != payment.state {
        return Ok(found);
    }
    let account = db::lock_customer_account(&mut tx, terms.customer_id).await?;
    let account =
        account.unwrap_or_else(|| CustomerAccount::without_credit(terms.customer_id, terms.amount.money().currency));
    let reply = match (payment.state, account.allows(terms.amount)) {
        (State::Authorizing, Err(decline)) => Reply::Declined(decline),
        _ => Reply::Done,
    };
    let to = domain::after(payment.state, reply).ok_or(Error::ProviderContradicts)?;
    let settled = finish(app, &mut tx, &payment, terms, to, reply).await?.ok_or(Error::ProviderContradicts)?;
    let (owed, held) = credit_used(&settled);
    db::change_balance(&mut tx, terms.customer_id, owed, held).await?;
    tx.commit("settle on account").await?;
    Ok(settled)
}

/// The last step, with what it books and announces; `None` if another request took it.
async fn finish(
    app: &App,
    tx: &mut Tx,
    payment: &Payment,
    terms: &Terms,
    to: State,
    reply: Reply,
) -> Result<Option<Payment>, Error> {
    let decline = match reply {
        Reply::Declined(decline) if to == State::Declined => Some(decline),
        _ => None,
    };
    let step = step(app, payment, to, decline);
    let Some(settled) = db::advance_payment(tx, payment.order_id, step).await? else { return Ok(None) };
    match to {
        State::Captured => events::captured(tx, payment.order_id, terms, step.now).await?,
        State::Refunded => events::refunded(tx, payment.order_id, terms, step.now).await?,
        _ => {}
    }
    Ok(Some(settled))
}

fn step(app: &App, payment: &Payment, to: State, decline: Option<Decline>) -> Progress {
    let now = app.clock.now();
    Progress { from: payment.state, to, decline, now, expires_at: now + app.authorization_lifetime }
}
