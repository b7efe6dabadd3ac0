//! The lines of a cart.

use contracts::{CartId, Currency, Money, Quantity, Sku};
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::cart::{Candidate, Offer};

/// A product as it would go into a locked cart.
pub async fn find_candidate(db: &mut PgConnection, cart: CartId, sku: &Sku) -> database::Result<Option<Candidate>> {
    let row = sqlx::query!(
        r#"select name, price, currency as "currency: Currency", weight_grams, withdrawn,
             (select count(*) from cart_line where cart_line.cart = $1 and cart_line.sku <> $2) as "other_lines!"
           from product where sku = $2"#,
        cart.uuid(),
        sku.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Candidate {
        offer: Offer {
            sku: sku.clone(),
            name: row.name,
            price: Money::new(row.price, row.currency),
            weight_grams: row.weight_grams,
            withdrawn: row.withdrawn,
            available: None,
        },
        other_lines: row.other_lines,
    }))
}

/// Puts so many pieces of a product into a locked cart, instead of those it holds.
pub async fn put_line(
    db: &mut PgConnection,
    cart: CartId,
    sku: &Sku,
    quantity: Quantity,
    now: OffsetDateTime,
) -> database::Result<()> {
    sqlx::query!(
        "with line as (
           insert into cart_line (cart, sku, quantity, added_at) values ($1, $2, $3::bigint, $4)
           on conflict (cart, sku) do update set quantity = excluded.quantity)
         update cart set changed_at = $4 where id = $1",
        cart.uuid(),
        sku.as_str(),
        quantity.get(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a product out of a locked cart, if it is in it.
pub async fn delete_line(db: &mut PgConnection, cart: CartId, sku: &Sku, now: OffsetDateTime) -> database::Result<()> {
    sqlx::query!(
        "with line as (delete from cart_line where cart = $1 and sku = $2 returning cart)
         update cart set changed_at = $3 from line where id = line.cart",
        cart.uuid(),
        sku.as_str(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is in a cart, as it is offered now. At most as many as a cart may hold.
pub async fn list_offers(db: &mut PgConnection, cart: CartId, limit: i64) -> database::Result<Vec<(Offer, Quantity)>> {
    let rows = sqlx::query!(
        r#"select line.quantity as "quantity: Quantity", product.sku as "sku: Sku", product.name, product.price,
             product.currency as "currency: Currency", product.weight_grams, product.withdrawn
           from cart_line line join product using (sku)
           where line.cart = $1
           order by line.added_at, line.sku
           limit $2"#,
        cart.uuid(),
        limit,
    )
    .fetch_all(db)
    .await?;
    let offers = rows.into_iter().map(|row| {
        let offer = Offer {
            sku: row.sku,
            name: row.name,
            price: Money::new(row.price, row.currency),
            weight_grams: row.weight_grams,
            withdrawn: row.withdrawn,
            available: None,
        };
        (offer, row.quantity)
    });
    Ok(offers.collect())
}
