//! Table `usage_total`.

use sqlx::PgConnection;

use crate::domain::{Month, UsageLine, UsageStatement};

/// Whose usage in which month.
pub struct WantedUsage {
    pub month: Month,
    /// Of this client only.
    pub client_id: Option<String>,
    /// And of nobody else than this one.
    pub own: Option<String>,
    /// Of clients after this one.
    pub after: Option<String>,
}

/// Adds to a client's totals. The lines come in the order of the key, so that two who add to the same do not lock each
/// other out.
pub async fn add_usage(
    db: &mut PgConnection,
    month: &Month,
    client_id: &str,
    lines: &[UsageLine],
) -> database::Result<()> {
    let plans: Vec<_> = lines.iter().map(|it| it.plan.clone()).collect();
    let routes: Vec<_> = lines.iter().map(|it| it.route.clone()).collect();
    let classes: Vec<_> = lines.iter().map(|it| it.status_class).collect();
    let calls: Vec<_> = lines.iter().map(|it| it.calls).collect();
    let billable: Vec<_> = lines.iter().map(|it| it.billable_calls).collect();
    sqlx::query!(
        "INSERT INTO usage_total (month, client_id, plan, route, status_class, calls, billable)
         SELECT $1, $2, line.plan, line.route, line.status_class, line.calls, line.billable
         FROM unnest($3::text[], $4::text[], $5::smallint[], $6::bigint[], $7::bigint[])
             AS line (plan, route, status_class, calls, billable)
         ON CONFLICT (month, client_id, plan, route, status_class) DO UPDATE
         SET calls = usage_total.calls + excluded.calls, billable = usage_total.billable + excluded.billable",
        month.as_str(),
        client_id,
        &plans,
        &routes,
        &classes,
        &calls,
        &billable,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The statements of up to so many clients, by client.
pub async fn list_usage(
    db: &mut PgConnection,
    wanted: &WantedUsage,
    limit: i64,
) -> database::Result<Vec<UsageStatement>> {
    let rows = sqlx::query!(
        r#"SELECT client_id, plan, route, status_class, calls, billable FROM usage_total
           WHERE month = $1 AND client_id = ANY (ARRAY (
               SELECT DISTINCT client_id FROM usage_total
               WHERE month = $1 AND ($2::text IS NULL OR client_id = $2) AND ($3::text IS NULL OR client_id = $3)
                   AND ($4::text IS NULL OR client_id > $4)
               ORDER BY client_id LIMIT $5))
           ORDER BY client_id, plan, route, status_class"#,
        wanted.month.as_str(),
        wanted.client_id.as_deref(),
        wanted.own.as_deref(),
        wanted.after.as_deref(),
        limit,
    )
    .fetch_all(db)
    .await?;
    let mut clients: Vec<(String, Vec<UsageLine>)> = Vec::new();
    for it in rows {
        if clients.last().is_none_or(|(client_id, _)| *client_id != it.client_id) {
            clients.push((it.client_id, Vec::new()));
        }
        let line = UsageLine {
            plan: it.plan,
            route: it.route,
            status_class: it.status_class,
            calls: it.calls,
            billable_calls: it.billable,
        };
        clients.last_mut().into_iter().for_each(|(_, lines)| lines.push(line.clone()));
    }
    let statement = |(client_id, lines)| UsageStatement::of(client_id, wanted.month.clone(), lines);
    let statements: Result<Vec<_>, _> = clients.into_iter().map(statement).collect();
    Ok(statements.map_err(|error| sqlx::Error::Decode(error.into()))?)
}
