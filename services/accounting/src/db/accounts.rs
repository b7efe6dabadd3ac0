//! Table `account` and view `account_balance`.

use contracts::{Currency, Money, OrderId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::name;
use crate::domain::{Account, AccountPosting, EntryId, Posting, TrialBalance};

struct AccountRow {
    code: String,
    name: String,
    kind: String,
    currency: String,
}

impl TryFrom<AccountRow> for Account {
    type Error = sqlx::Error;

    fn try_from(row: AccountRow) -> Result<Self, sqlx::Error> {
        Ok(Self { kind: name(&row.kind)?, currency: name(&row.currency)?, code: row.code, name: row.name })
    }
}

struct AccountPostingRow {
    entry_id: EntryId,
    at: OffsetDateTime,
    kind: String,
    memo: String,
    order_id: Option<OrderId>,
    amount: i64,
    currency: String,
}

impl TryFrom<AccountPostingRow> for AccountPosting {
    type Error = sqlx::Error;

    fn try_from(row: AccountPostingRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            entry_id: row.entry_id,
            at: row.at,
            kind: name(&row.kind)?,
            memo: row.memo,
            order_id: row.order_id,
            amount: Money::new(row.amount, name(&row.currency)?),
        })
    }
}

/// The chart, by code.
pub async fn list_accounts(db: &mut PgConnection, after: Option<&str>, limit: i64) -> database::Result<Vec<Account>> {
    let rows = sqlx::query_as!(
        AccountRow,
        "SELECT code, name, kind, currency FROM account WHERE $1::text IS NULL OR code > $1 ORDER BY code LIMIT $2",
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Account::try_from(row).map_err(Into::into)).collect()
}

/// Whether the chart has an account.
pub async fn account_exists(db: &mut PgConnection, code: &str) -> database::Result<bool> {
    let exists = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM account WHERE code = $1) AS "exists!""#, code);
    Ok(exists.fetch_one(db).await?)
}

/// The first posting whose account the chart does not have in its currency.
pub async fn find_unknown_account(
    db: &mut PgConnection,
    postings: &[Posting],
) -> database::Result<Option<(String, Currency)>> {
    let codes: Vec<_> = postings.iter().map(|it| it.account.clone()).collect();
    let currencies: Vec<_> = postings.iter().map(|it| it.amount.currency.code().to_owned()).collect();
    let row = sqlx::query!(
        r#"SELECT wanted.code AS "code!", wanted.currency AS "currency!"
           FROM unnest($1::text[], $2::text[]) AS wanted (code, currency)
           WHERE NOT EXISTS (
               SELECT FROM account WHERE account.code = wanted.code AND account.currency = wanted.currency)
           LIMIT 1"#,
        &codes,
        &currencies,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| name(&row.currency).map(|currency| (row.code, currency))).transpose()?)
}

/// The postings of an account, newest first.
pub async fn list_postings(
    db: &mut PgConnection,
    account: &str,
    before: Option<EntryId>,
    limit: i64,
) -> database::Result<Vec<AccountPosting>> {
    let rows = sqlx::query_as!(
        AccountPostingRow,
        r#"SELECT posting.entry_id AS "entry_id: _", entry.at, entry.kind, entry.memo, entry.order_id AS "order_id: _",
                  posting.amount, posting.currency
           FROM posting JOIN entry ON entry.id = posting.entry_id
           WHERE posting.account = $1 AND ($2::uuid IS NULL OR posting.entry_id < $2)
           ORDER BY posting.entry_id DESC LIMIT $3"#,
        account,
        before.map(EntryId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| AccountPosting::try_from(row).map_err(Into::into)).collect()
}

/// What every account holds, in one snapshot. The chart is short, so this list has no pages.
pub async fn trial_balance(db: &mut PgConnection) -> database::Result<TrialBalance> {
    let rows = sqlx::query!(
        r#"SELECT code AS "code!", name AS "name!", kind AS "kind!", currency AS "currency!", balance AS "balance!"
           FROM account_balance ORDER BY code"#
    )
    .fetch_all(db)
    .await?;
    let balance_of = |row: (AccountRow, i64)| Ok((Account::try_from(row.0)?, row.1));
    let accounts: Result<Vec<_>, sqlx::Error> = rows
        .into_iter()
        .map(|it| (AccountRow { code: it.code, name: it.name, kind: it.kind, currency: it.currency }, it.balance))
        .map(balance_of)
        .collect();
    Ok(TrialBalance::of(accounts?))
}
