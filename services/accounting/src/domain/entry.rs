//! The ledger: accounts, and entries whose postings sum to zero.

use std::str::FromStr;

use contracts::{Currency, Id, Money, OrderId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Refusal, UnknownName};

/// What an [`EntryId`] names.
pub enum EntryName {}

/// The id of an entry.
pub type EntryId = Id<EntryName>;

/// The accounts that the business books on by itself. Each exists once per currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// Asset: what customers on account paid.
    Bank,
    /// Asset: what customers on account owe.
    CustomerReceivables,
    /// Asset: what the payment provider has taken for us.
    ProviderReceivable,
    /// Liability: what customers paid for orders that are not invoiced yet.
    CustomerPrepayments,
    /// Liability: tax that is not ours.
    VatPayable,
    /// Income: goods.
    SalesRevenue,
    /// Income: shipping.
    ShippingRevenue,
    /// Income, reduced: refunded invoices.
    SalesReturns,
}

impl Ledger {
    /// The account's code in the chart.
    pub fn code(self, currency: Currency) -> String {
        let number = match self {
            Self::Bank => "1000",
            Self::CustomerReceivables => "1100",
            Self::ProviderReceivable => "1200",
            Self::CustomerPrepayments => "2100",
            Self::VatPayable => "2200",
            Self::SalesRevenue => "4000",
            Self::ShippingRevenue => "4100",
            Self::SalesReturns => "4200",
        };
        format!("{number}-{currency}")
    }
}

/// What an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccountKind {
    Asset,
    Liability,
    Equity,
    Income,
    Expense,
}

/// An account of the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    /// Number and currency.
    #[schema(example = "1200-EUR")]
    pub code: String,
    #[schema(example = "Payment provider receivable EUR")]
    pub name: String,
    pub kind: AccountKind,
    pub currency: Currency,
}

/// What every account holds, and that debits equal credits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialBalance {
    /// By code.
    pub accounts: Vec<AccountBalance>,
    /// The sum of all balances, per currency. Always zero.
    pub totals: Vec<Money>,
}

/// What an account holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountBalance {
    #[serde(flatten)]
    pub account: Account,
    /// Minor units: positive for a debit balance, negative for a credit balance.
    #[schema(example = 11900)]
    pub balance: i64,
}

impl TrialBalance {
    /// The balance of these accounts.
    pub fn of(accounts: impl IntoIterator<Item = (Account, i64)>) -> Self {
        let accounts: Vec<_> =
            accounts.into_iter().map(|(account, balance)| AccountBalance { account, balance }).collect();
        let mut totals: Vec<Money> = Vec::new();
        for it in &accounts {
            match totals.iter_mut().find(|total| total.currency == it.account.currency) {
                Some(total) => total.amount += it.balance,
                None => totals.push(Money::new(it.balance, it.account.currency)),
            }
        }
        Self { accounts, totals }
    }
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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

impl AccountKind {
    const ALL: [Self; 5] = [Self::Asset, Self::Liability, Self::Equity, Self::Income, Self::Expense];

    /// The kind as it is stored and answered.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Liability => "liability",
            Self::Equity => "equity",
            Self::Income => "income",
            Self::Expense => "expense",
        }
    }
}

impl FromStr for AccountKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownName::of("kind of account", text))
    }
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
