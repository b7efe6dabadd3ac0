//! Pictures of products: drawings as text, all else as bytes.

use contracts::Sku;
use sqlx::PgConnection;

use crate::domain::{Picture, PictureKind};

/// The picture of a product: outside `None` without the product, inside `None` without a picture.
pub async fn find_picture(db: &mut PgConnection, sku: &Sku) -> database::Result<Option<Option<Picture>>> {
    let found = sqlx::query!(
        r#"select media_type as "media_type?", coalesce(content, convert_to(svg, 'UTF8')) as bytes
           from product left join picture using (sku) where product.sku = $1"#,
        sku.as_str()
    );
    let Some(row) = found.fetch_optional(db).await? else { return Ok(None) };
    let Some((media_type, bytes)) = row.media_type.zip(row.bytes) else { return Ok(Some(None)) };
    let kind = PictureKind::of(&media_type).ok_or_else(|| sqlx::Error::Decode(media_type.into()))?;
    Ok(Some(Some(Picture { kind, bytes })))
}

/// Puts a drawing on a product that has no picture.
pub async fn insert_picture(db: &mut PgConnection, sku: &Sku, svg: &str) -> database::Result<()> {
    sqlx::query!("insert into picture (sku, svg) values ($1, $2) on conflict (sku) do nothing", sku.as_str(), svg)
        .execute(db)
        .await?;
    Ok(())
}

/// Gives a product this picture instead of any that it has; `false` without the product.
pub async fn put_picture(db: &mut PgConnection, sku: &Sku, picture: &Picture) -> database::Result<bool> {
    let done = sqlx::query!(
        "insert into picture (sku, media_type, svg, content)
         select sku, $2, case when $4 then convert_from($3, 'UTF8') end, case when not $4 then $3 end
         from product where sku = $1
         on conflict (sku) do update
         set media_type = excluded.media_type, svg = excluded.svg, content = excluded.content",
        sku.as_str(),
        picture.kind.media_type(),
        &picture.bytes,
        picture.kind == PictureKind::Svg,
    );
    Ok(done.execute(db).await?.rows_affected() == 1)
}
