//! The catalogue of the demonstration. Adds what is missing and leaves alone what is there: staff may have edited it.

mod demo;

use contracts::{Currency, Money, Sku};
use database::Pool;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    db,
    domain::{Description, Draft, Name, Price, Product, Slug, Weight},
};

/// A product of the demonstration.
struct Demo {
    sku: &'static str,
    name: &'static str,
    category: &'static str,
    cents: i64,
    grams: i64,
    withdrawn: bool,
    description: &'static str,
    svg: &'static str,
}

impl Demo {
    fn draft(&self) -> anyhow::Result<Draft> {
        Ok(Draft {
            name: Name::parse(self.name)?,
            description: Description::parse(self.description)?,
            category: self.category.parse::<Slug>()?,
            price: Price::try_from(Money::new(self.cents, Currency::Eur))?,
            weight_grams: Weight::try_from(self.grams)?,
        })
    }
}

/// Loads it, in one transaction. Several instances may do so at once.
pub async fn load(pool: &Pool, now: OffsetDateTime) -> anyhow::Result<()> {
    let mut tx = pool.begin().await?;
    for category in demo::CATEGORIES {
        db::categories::insert_category(&mut tx, *category).await?;
    }
    for product in demo::PRODUCTS {
        add(&mut tx, product, now).await?;
    }
    tx.commit("seed catalogue").await?;
    Ok(())
}

async fn add(tx: &mut PgConnection, product: &Demo, now: OffsetDateTime) -> anyhow::Result<()> {
    let sku = Sku::parse(product.sku)?;
    if !db::products::insert_product(tx, &sku, &product.draft()?, now).await? {
        return Ok(());
    }
    db::pictures::insert_picture(tx, &sku, product.svg).await?;
    if product.withdrawn {
        db::products::set_withdrawn(tx, &sku, true, now).await?;
    }
    if let Some(changed) = db::products::find_product(tx, &sku).await?.as_ref().map(Product::changed) {
        messaging::announce(tx, &changed, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contracts::seed;

    use super::*;

    #[test]
    fn the_demonstration_sells_what_inventory_stocks_and_all_of_it_is_fit_to_sell() {
        let stocked: BTreeSet<_> = seed::PRODUCTS.iter().map(|product| product.sku).collect();
        let sold: BTreeSet<_> = demo::PRODUCTS.iter().map(|product| product.sku).collect();
        assert_eq!(sold, stocked);
        for product in demo::PRODUCTS {
            product.draft().unwrap();
            assert!(demo::CATEGORIES.iter().any(|(slug, ..)| *slug == product.category), "{}", product.sku);
        }
    }

    #[test]
    fn every_picture_is_a_drawing_of_its_own_that_cannot_run_or_load_anything() {
        let pictures: BTreeSet<_> = demo::PRODUCTS.iter().map(|product| product.svg).collect();
        assert_eq!(pictures.len(), demo::PRODUCTS.len());
        for svg in pictures {
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
            for active in ["<script", "href", "<image", "foreignObject", "url(", "onload", "onclick"] {
                assert!(!svg.contains(active), "{active}");
            }
        }
    }
}
