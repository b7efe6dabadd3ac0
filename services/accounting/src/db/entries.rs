//! Tables `entry` and `posting`. Append only; that the postings balance is checked once more at commit.

use contracts::{Money, OrderId};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::name;
use crate::domain::{Entry, EntryId, EntryKind, Posting};

struct EntryRow {
    id: EntryId,
    at: OffsetDateTime,
    kind: String,
    memo: String,
    order_id: Option<OrderId>,
    reverses: Option<EntryId>,
    accounts: Vec<String>,
    amounts: Vec<i64>,
    currencies: Vec<String>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = sqlx::Error;

    fn try_from(row: EntryRow) -> Result<Self, sqlx::Error> {
        let sides = row.accounts.into_iter().zip(row.amounts).zip(row.currencies);
        let posting = |((account, amount), currency): ((String, i64), String)| {
            Ok(Posting { account, amount: Money::new(amount, name(&currency)?) })
        };
        Ok(Self {
            id: row.id,
            at: row.at,
            kind: name(&row.kind)?,
            memo: row.memo,
            order_id: row.order_id,
            reverses: row.reverses,
            postings: sides.map(posting).collect::<Result<_, sqlx::Error>>()?,
        })
    }
}

/// Which entries a list shows.
pub struct WantedEntries {
    /// Of this kind only.
    pub kind: Option<EntryKind>,
    /// Of this order only.
    pub order_id: Option<OrderId>,
    /// Only those before this entry.
    pub before: Option<EntryId>,
}

/// Books an entry with its postings; `false` if its id is taken, or what it reverses is reversed already.
pub async fn insert_entry(db: &mut PgConnection, new: &Entry) -> database::Result<bool> {
    let accounts: Vec<_> = new.postings.iter().map(|it| it.account.clone()).collect();
    let amounts: Vec<_> = new.postings.iter().map(|it| it.amount.amount).collect();
    let currencies: Vec<_> = new.postings.iter().map(|it| it.amount.currency.code().to_owned()).collect();
    let written = sqlx::query!(
        "WITH booked AS (
             INSERT INTO entry (id, at, kind, memo, order_id, reverses) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING RETURNING id
         )
         INSERT INTO posting (entry_id, account, amount, currency)
         SELECT booked.id, side.account, side.amount, side.currency
         FROM booked, unnest($7::text[], $8::bigint[], $9::text[]) AS side (account, amount, currency)",
        new.id.uuid(),
        new.at,
        new.kind.as_str(),
        new.memo,
        new.order_id.map(OrderId::uuid),
        new.reverses.map(EntryId::uuid),
        &accounts,
        &amounts,
        &currencies,
    )
    .execute(db)
    .await?;
    Ok(written.rows_affected() > 0)
}

/// The entry with an id.
pub async fn find_entry(db: &mut PgConnection, id: EntryId) -> database::Result<Option<Entry>> {
    let row = sqlx::query_as!(
        EntryRow,
        r#"SELECT id AS "id: _", at, kind, memo, order_id AS "order_id: _", reverses AS "reverses: _",
                  side.accounts AS "accounts!", side.amounts AS "amounts!", side.currencies AS "currencies!"
           FROM entry, LATERAL (
               SELECT array_agg(account ORDER BY account) AS accounts, array_agg(amount ORDER BY account) AS amounts,
                      array_agg(currency ORDER BY account) AS currencies
               FROM posting WHERE entry_id = entry.id) AS side
           WHERE id = $1"#,
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Entry::try_from).transpose()?)
}

/// The id of the entry that takes another back.
pub async fn find_reversal(db: &mut PgConnection, id: EntryId) -> database::Result<Option<EntryId>> {
    let reversal = sqlx::query_scalar!(r#"SELECT id AS "id: EntryId" FROM entry WHERE reverses = $1"#, id.uuid());
    Ok(reversal.fetch_optional(db).await?)
}

/// Entries, newest first.
pub async fn list_entries(db: &mut PgConnection, wanted: &WantedEntries, limit: i64) -> database::Result<Vec<Entry>> {
    let rows = sqlx::query_as!(
        EntryRow,
        r#"SELECT id AS "id: _", at, kind, memo, order_id AS "order_id: _", reverses AS "reverses: _",
                  side.accounts AS "accounts!", side.amounts AS "amounts!", side.currencies AS "currencies!"
           FROM entry, LATERAL (
               SELECT array_agg(account ORDER BY account) AS accounts, array_agg(amount ORDER BY account) AS amounts,
                      array_agg(currency ORDER BY account) AS currencies
               FROM posting WHERE entry_id = entry.id) AS side
           WHERE ($1::text IS NULL OR kind = $1)
             AND ($2::uuid IS NULL OR order_id = $2)
             AND ($3::uuid IS NULL OR id < $3)
           ORDER BY id DESC LIMIT $4"#,
        wanted.kind.map(EntryKind::as_str),
        wanted.order_id.map(OrderId::uuid),
        wanted.before.map(EntryId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|row| Entry::try_from(row).map_err(Into::into)).collect()
}
