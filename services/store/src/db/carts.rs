//! Carts and their lines.

use contracts::{CartId, Currency, CustomerId, Money, MoneyError, Quantity, Sku};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    Cart, CartState, CartSummary, Line,
    cart::{Head, Offer},
};

fn state(word: &str) -> CartState {
    if word == "checked_out" { CartState::CheckedOut } else { CartState::Open }
}

/// Adds an empty cart.
pub async fn insert_cart(
    db: &mut PgConnection,
    cart: CartId,
    customer: Uuid,
    currency: Currency,
    now: OffsetDateTime,
) -> database::Result<()> {
    sqlx::query!(
        "insert into cart (id, customer, currency, created_at, changed_at) values ($1, $2, $3, $4, $4)",
        cart.uuid(),
        customer,
        currency.code(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Up to `limit` carts of a customer, latest first, from before `before` on.
pub async fn list_carts(
    db: &mut PgConnection,
    customer: Uuid,
    before: Option<CartId>,
    limit: i64,
) -> database::Result<Vec<CartSummary>> {
    let rows = sqlx::query!(
        r#"select id as "id: CartId", state, currency as "currency: Currency", created_at, changed_at,
             (select count(*) from cart_line where cart_line.cart = cart.id) as "lines!"
           from cart
           where customer = $1 and ($2::uuid is null or id < $2)
           order by id desc
           limit $3"#,
        customer,
        before.map(CartId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    let carts = rows.into_iter().map(|row| CartSummary {
        id: row.id,
        state: state(&row.state),
        currency: row.currency,
        lines: row.lines,
        created_at: row.created_at,
        changed_at: row.changed_at,
    });
    Ok(carts.collect())
}

struct CartRow {
    customer: CustomerId,
    state: String,
    currency: Currency,
    created_at: OffsetDateTime,
    changed_at: OffsetDateTime,
    quantity: Option<Quantity>,
    sku: Option<Sku>,
    name: Option<String>,
    price: Option<i64>,
    weight_grams: Option<i32>,
    withdrawn: Option<bool>,
    available: Option<i64>,
}

/// A cart with its lines at today's prices; of `owner` only, where one is given.
pub async fn find_cart(
    db: &mut PgConnection,
    cart: CartId,
    owner: Option<Uuid>,
) -> database::Result<Option<Result<Cart, MoneyError>>> {
    let rows = sqlx::query_as!(
        CartRow,
        r#"select cart.customer as "customer: CustomerId", cart.state, cart.currency as "currency: Currency",
             cart.created_at, cart.changed_at,
             line.quantity as "quantity?: Quantity", product.sku as "sku?: Sku", product.name as "name?",
             product.price as "price?", product.weight_grams as "weight_grams?", product.withdrawn as "withdrawn?",
             stock.available as "available?"
           from cart
           left join cart_line line on line.cart = cart.id
           left join product on product.sku = line.sku
           left join availability stock on stock.sku = line.sku
           where cart.id = $1 and ($2::uuid is null or cart.customer = $2)
           order by line.added_at, line.sku"#,
        cart.uuid(),
        owner,
    )
    .fetch_all(db)
    .await?;
    Ok(fold(cart, rows))
}

fn fold(id: CartId, rows: Vec<CartRow>) -> Option<Result<Cart, MoneyError>> {
    let head = rows.first()?;
    let mut cart = Cart {
        id,
        customer_id: head.customer,
        state: state(&head.state),
        currency: head.currency,
        lines: Vec::new(),
        total: Money::zero(head.currency),
        weight_grams: 0,
        created_at: head.created_at,
        changed_at: head.changed_at,
    };
    for line in rows.into_iter().filter_map(CartRow::line) {
        match line.and_then(|line| Ok((cart.total.plus(line.total)?, line))) {
            Ok((total, line)) => {
                cart.total = total;
                cart.weight_grams += line.weight_grams;
                cart.lines.push(line);
            }
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(cart))
}

impl CartRow {
    fn line(self) -> Option<Result<Line, MoneyError>> {
        let offer = Offer {
            sku: self.sku?,
            name: self.name?,
            price: Money::new(self.price?, self.currency),
            weight_grams: self.weight_grams?,
            withdrawn: self.withdrawn?,
            available: self.available,
        };
        Some(Line::of(offer, self.quantity?))
    }
}

/// The head of a customer's cart, locked until the transaction ends.
pub async fn lock_cart(db: &mut PgConnection, cart: CartId, customer: Uuid) -> database::Result<Option<Head>> {
    let row = sqlx::query!(
        r#"select state, currency as "currency: Currency" from cart where id = $1 and customer = $2 for update"#,
        cart.uuid(),
        customer,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Head { state: state(&row.state), currency: row.currency }))
}

/// Deletes a locked cart with its lines.
pub async fn delete_cart(db: &mut PgConnection, cart: CartId) -> database::Result<()> {
    sqlx::query!("delete from cart where id = $1", cart.uuid()).execute(db).await?;
    Ok(())
}

/// Hands an open cart of `customer` to an order: of many that ask at once, one gets `true`.
pub async fn check_out_cart(
    db: &mut PgConnection,
    cart: CartId,
    customer: CustomerId,
    now: OffsetDateTime,
) -> database::Result<bool> {
    let done = sqlx::query!(
        "update cart set state = 'checked_out', changed_at = $3
         where id = $1 and customer = $2 and state = 'open'",
        cart.uuid(),
        customer.uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a cart back to its customer.
pub async fn reopen_cart(db: &mut PgConnection, cart: CartId, now: OffsetDateTime) -> database::Result<()> {
    sqlx::query!("update cart set state = 'open', changed_at = $2 where id = $1", cart.uuid(), now).execute(db).await?;
    Ok(())
}

/// The customer has this cart, in whatever state.
pub async fn cart_exists(db: &mut PgConnection, cart: CartId, customer: CustomerId) -> database::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from cart where id = $1 and customer = $2) as "found!""#,
        cart.uuid(),
        customer.uuid(),
    );
    Ok(found.fetch_one(db).await?)
}
