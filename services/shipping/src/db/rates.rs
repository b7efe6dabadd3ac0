//! Tables `country` and `rate`.

use contracts::Money;
use sqlx::PgConnection;

use super::{column, name};
use crate::domain::{Country, Rate, Service, Zone};

/// Far more rows than the tables have: a list without a page still has a limit.
const ALL: i64 = 500;

struct RateRow {
    zone: String,
    service: String,
    up_to_grams: i32,
    price_amount: i64,
    price_currency: String,
    days: i32,
}

impl TryFrom<RateRow> for Rate {
    type Error = sqlx::Error;

    fn try_from(row: RateRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            zone: name(&row.zone)?,
            service: name(&row.service)?,
            up_to_grams: column(i64::from(row.up_to_grams))?,
            price: Money::new(row.price_amount, name(&row.price_currency)?),
            days: column(i64::from(row.days))?,
        })
    }
}

/// Every country the carrier goes to, by code.
pub async fn list_countries(db: &mut PgConnection) -> database::Result<Vec<Country>> {
    let rows = sqlx::query!("select code, zone from country order by code limit $1", ALL).fetch_all(db).await?;
    rows.into_iter().map(|row| Ok(Country { zone: name(&row.zone)?, code: row.code })).collect()
}

/// Every rate, by zone, service and bracket.
pub async fn list_rates(
    db: &mut PgConnection,
    zone: Option<Zone>,
    service: Option<Service>,
) -> database::Result<Vec<Rate>> {
    let rows = sqlx::query_as!(
        RateRow,
        "select zone, service, up_to_grams, price_amount, price_currency, days
         from rate
         where ($1::text is null or zone = $1) and ($2::text is null or service = $2)
         order by zone, service, up_to_grams
         limit $3",
        zone.map(Zone::as_str),
        service.map(Service::as_str),
        ALL,
    )
    .fetch_all(db)
    .await?;
    rates(rows)
}

/// The rates to a country; none if the carrier does not go there.
pub async fn list_rates_to(db: &mut PgConnection, country: &str) -> database::Result<Vec<Rate>> {
    let rows = sqlx::query_as!(
        RateRow,
        "select zone, service, up_to_grams, price_amount, price_currency, days
         from country join rate using (zone)
         where code = $1
         order by service, up_to_grams
         limit $2",
        country,
        ALL,
    )
    .fetch_all(db)
    .await?;
    rates(rows)
}

/// The brackets of one zone and service, locked so that two changes together keep the rule that each keeps alone.
pub async fn lock_tariff(db: &mut PgConnection, zone: Zone, service: Service) -> database::Result<Vec<Rate>> {
    let rows = sqlx::query_as!(
        RateRow,
        "select zone, service, up_to_grams, price_amount, price_currency, days
         from rate
         where zone = $1 and service = $2
         order by up_to_grams
         limit $3
         for update",
        zone.as_str(),
        service.as_str(),
        ALL,
    )
    .fetch_all(db)
    .await?;
    rates(rows)
}

/// Gives an existing bracket another price and time.
pub async fn update_rate(db: &mut PgConnection, rate: &Rate) -> database::Result<()> {
    sqlx::query!(
        "update rate set price_amount = $4, price_currency = $5, days = $6
         where zone = $1 and service = $2 and up_to_grams = $3",
        rate.zone.as_str(),
        rate.service.as_str(),
        rate.up_to_grams.get(),
        rate.price.amount,
        rate.price.currency.code(),
        rate.days.get(),
    )
    .execute(db)
    .await?;
    Ok(())
}

fn rates(rows: Vec<RateRow>) -> database::Result<Vec<Rate>> {
    rows.into_iter().map(|row| Rate::try_from(row).map_err(Into::into)).collect()
}
