//! Buying on account: how far a customer's credit reaches.

use contracts::{Currency, CustomerId, Money};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Amount, Decline, EntryId, Payment, Refusal, State};

/// A customer who may buy on account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CustomerAccount {
    pub customer_id: CustomerId,
    /// How much may be open at the most.
    pub credit_limit: Money,
    /// Captured, not refunded and not yet paid. Below zero if a paid order was refunded.
    pub outstanding: Money,
    /// Authorized and not yet captured.
    pub held: Money,
}

/// Money that a customer on account paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receipt {
    /// Chosen by whoever recorded it.
    pub id: Uuid,
    pub customer_id: CustomerId,
    pub amount: Money,
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// What was booked.
    pub entry_id: EntryId,
}

impl Receipt {
    /// The same receipt came again: answered as it stands, if it is the same.
    pub fn recorded_again(self, customer_id: CustomerId, amount: Amount) -> Result<Self, Refusal> {
        if self.customer_id == customer_id && self.amount == amount.money() {
            return Ok(self);
        }
        Err(Refusal::ConflictingRequest { name: format!("receipt {}", self.id) })
    }
}

impl CustomerAccount {
    /// Nobody has credit unless staff gave it.
    pub fn without_credit(customer_id: CustomerId, currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { customer_id, credit_limit: zero, outstanding: zero, held: zero }
    }

    /// Whether `wanted` fits in what is left: what is held for other orders counts as if it were owed.
    pub fn allows(&self, wanted: Amount) -> Result<(), Decline> {
        let wanted = wanted.money();
        let Self { credit_limit, outstanding, held, .. } = self;
        let open = outstanding.plus(*held).and_then(|open| open.plus(wanted));
        match open {
            Ok(open) if open.amount <= credit_limit.amount => Ok(()),
            _ => Err(Decline::OverCreditLimit { limit: *credit_limit, outstanding: *outstanding, held: *held, wanted }),
        }
    }

    /// The account with another limit. Its currency changes only while nothing is open, nor `refundable`: what was bought
    /// and paid in a currency is given back in it.
    pub fn with_limit(&self, credit_limit: Money, refundable: bool) -> Result<Self, Refusal> {
        let kept_in = self.credit_limit.currency;
        if kept_in == credit_limit.currency {
            return Ok(Self { credit_limit, ..self.clone() });
        }
        if self.outstanding.amount == 0 && self.held.amount == 0 && !refundable {
            let account = Self::without_credit(self.customer_id, credit_limit.currency);
            return Ok(Self { credit_limit, ..account });
        }
        Err(Refusal::CurrencyInUse { currency: kept_in })
    }

    /// Whether `paid` can be taken: not more than is owed.
    pub fn takes(&self, paid: Amount) -> Result<(), Refusal> {
        let (paid, owed) = (paid.money(), self.outstanding);
        let fits = paid.currency == owed.currency && paid.amount <= owed.amount;
        if fits { Ok(()) } else { Err(Refusal::MoreThanOwed { paid, owed }) }
    }
}

/// What a payment on account changes when it arrives in `payment.state`: owed, held.
pub fn credit_used(payment: &Payment) -> (i64, i64) {
    let amount = payment.amount.map_or(0, |money| money.amount);
    match payment.state {
        State::Authorized => (0, amount),
        State::Captured => (amount, -amount),
        // A void that overtook the authorization finds nothing held.
        State::Voided if payment.authorized_at.is_some() => (0, -amount),
        State::Refunded => (-amount, 0),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euro(amount: i64) -> Money {
        Money::new(amount, Currency::Eur)
    }

    fn amount(amount: i64, currency: Currency) -> Amount {
        Amount::try_from(Money::new(amount, currency)).unwrap()
    }

    fn account(outstanding: i64, held: i64) -> CustomerAccount {
        let customer_id = CustomerId::generate();
        CustomerAccount { customer_id, credit_limit: euro(100), outstanding: euro(outstanding), held: euro(held) }
    }

    #[test]
    fn credit_reaches_to_the_limit_and_not_a_cent_further() {
        assert!(account(40, 20).allows(amount(40, Currency::Eur)).is_ok());
        let decline = account(40, 20).allows(amount(41, Currency::Eur)).unwrap_err();
        let (limit, outstanding, held, wanted) = (euro(100), euro(40), euro(20), euro(41));
        assert_eq!(decline, Decline::OverCreditLimit { limit, outstanding, held, wanted });
    }

    #[test]
    fn credit_in_one_currency_is_none_in_another() {
        assert!(account(0, 0).allows(amount(1, Currency::Usd)).is_err());
        assert!(account(0, 0).with_limit(Money::zero(Currency::Usd), false).is_ok());
        assert!(account(0, 1).with_limit(Money::zero(Currency::Usd), false).is_err());
        assert!(account(0, 0).with_limit(Money::zero(Currency::Usd), true).is_err());
    }

    #[test]
    fn no_more_is_taken_than_is_owed() {
        assert!(account(40, 0).takes(amount(40, Currency::Eur)).is_ok());
        assert!(account(40, 0).takes(amount(41, Currency::Eur)).is_err());
        assert!(account(40, 0).takes(amount(1, Currency::Gbp)).is_err());
    }
}
