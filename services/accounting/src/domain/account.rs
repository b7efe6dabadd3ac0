//! The chart of accounts, and what the accounts hold.

use std::str::FromStr;

use contracts::{Currency, Money, OrderId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{EntryId, EntryKind, UnknownName};

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

/// One side of an entry, seen from its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountPosting {
    pub entry_id: EntryId,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub kind: EntryKind,
    #[schema(example = "rent of the warehouse")]
    pub memo: String,
    pub order_id: Option<OrderId>,
    /// Positive is a debit, negative a credit.
    pub amount: Money,
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
