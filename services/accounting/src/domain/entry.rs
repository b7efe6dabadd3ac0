//! Entries, whose postings sum to zero.

use std::str::FromStr;

use contracts::{Currency, Id, Money, OrderId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Refusal, UnknownName};

/// What an [`EntryId`] names.
pub enum EntryName {}

/// The id of an entry.
pub type EntryId = Id<EntryName>;

/// One side of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Posting {
    /// Code of the account.
    #[schema(example = "1200-EUR")]
    pub account: String,
    /// Positive is a debit, negative a credit; never zero. In the account's currency.
    pub amount: Money,
}

/// Why an entry was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// Money was taken for an order.
    Capture,
    /// An order was invoiced.
    Invoice,
    /// Money was given back for an order.
    Refund,
    /// A customer on account paid.
    Receipt,
    /// Staff made it.
    Manual,
    /// It takes back another entry.
    Reversal,
}

/// An entry of the ledger. Never changed, never deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Entry {
    pub id: EntryId,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub kind: EntryKind,
    #[schema(example = "rent of the warehouse")]
    pub memo: String,
    pub order_id: Option<OrderId>,
    /// The entry that this one takes back.
    pub reverses: Option<EntryId>,
    /// By account.
    pub postings: Vec<Posting>,
}

/// What an entry says, before it has an id and a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    pub kind: EntryKind,
    pub memo: String,
    pub order_id: Option<OrderId>,
    pub reverses: Option<EntryId>,
    pub postings: Vec<Posting>,
}

impl NewEntry {
    /// Books it.
    pub fn at(mut self, id: EntryId, at: OffsetDateTime) -> Entry {
        self.postings.sort_by(|a, b| a.account.cmp(&b.account));
        let Self { kind, memo, order_id, reverses, postings } = self;
        Entry { id, at, kind, memo, order_id, reverses, postings }
    }

    /// An entry that staff make: at least two postings, no account twice, none of nothing, all in balance.
    pub fn manual(memo: String, postings: Vec<Posting>) -> Result<Self, Refusal> {
        let invalid = |field: String, why| Refusal::InvalidEntry { field, why };
        if !(2..=100).contains(&postings.len()) {
            return Err(invalid("postings".to_owned(), "an entry has 2 to 100 postings"));
        }
        for (i, posting) in postings.iter().enumerate() {
            if posting.amount.amount == 0 || posting.amount.amount.unsigned_abs() > 1_000_000_000 {
                let why = "must be from 1 to 1000000000 minor units, or the negative of it";
                return Err(invalid(format!("postings[{i}].amount"), why));
            }
            if postings[..i].iter().any(|other| other.account == posting.account) {
                return Err(invalid(format!("postings[{i}].account"), "stands twice"));
            }
        }
        balanced(&postings)?;
        Ok(Self { kind: EntryKind::Manual, memo, order_id: None, reverses: None, postings })
    }
}

impl Entry {
    /// The same entry came again: answered as it stands, if it says the same.
    pub fn made_again(self, other: &Self) -> Result<Self, Refusal> {
        let says = |it: &Self| (it.kind, it.memo.clone(), it.reverses, it.postings.clone());
        if says(&self) == says(other) {
            return Ok(self);
        }
        Err(Refusal::ConflictingRequest { name: format!("entry {}", self.id) })
    }

    /// The entry that takes this one back.
    pub fn reversed(&self, memo: String) -> Result<NewEntry, Refusal> {
        if self.kind != EntryKind::Manual {
            return Err(Refusal::NotReversible { id: self.id });
        }
        let negated = |it: &Posting| Posting {
            account: it.account.clone(),
            amount: Money::new(-it.amount.amount, it.amount.currency),
        };
        let postings = self.postings.iter().map(negated).collect();
        Ok(NewEntry { kind: EntryKind::Reversal, memo, order_id: None, reverses: Some(self.id), postings })
    }
}

/// The postings sum to zero in each currency.
fn balanced(postings: &[Posting]) -> Result<(), Refusal> {
    for currency in [Currency::Eur, Currency::Usd, Currency::Gbp, Currency::Jpy] {
        let amounts = postings.iter().map(|posting| posting.amount).filter(|amount| amount.currency == currency);
        let difference: i64 = amounts.map(|amount| amount.amount).sum();
        if difference != 0 {
            return Err(Refusal::Unbalanced { currency, difference });
        }
    }
    Ok(())
}

impl EntryKind {
    const ALL: [Self; 6] = [Self::Capture, Self::Invoice, Self::Refund, Self::Receipt, Self::Manual, Self::Reversal];

    /// The kind as it is stored and answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Invoice => "invoice",
            Self::Refund => "refund",
            Self::Receipt => "receipt",
            Self::Manual => "manual",
            Self::Reversal => "reversal",
        }
    }
}

impl FromStr for EntryKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownName::of("kind of entry", text))
    }
}
