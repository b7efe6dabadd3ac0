//! View `invariant_violation`: what must never be true. For tests and for an operator with a doubt.

use sqlx::PgConnection;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub rule: String,
    /// By what: an order, an entry, a currency.
    pub subject: String,
}

/// Up to `limit` broken promises. Always none.
pub async fn list_violations(db: &mut PgConnection, limit: i64) -> database::Result<Vec<Violation>> {
    let violations = sqlx::query_as!(
        Violation,
        r#"SELECT rule AS "rule!", subject AS "subject!" FROM invariant_violation ORDER BY rule, subject LIMIT $1"#,
        limit,
    );
    Ok(violations.fetch_all(db).await?)
}
