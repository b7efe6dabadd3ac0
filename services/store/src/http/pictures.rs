//! `/v1/products/{sku}/picture`.

use axum::http::{HeaderMap, header};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use contracts::Sku;
use web::{Allowed, Path, Problem, contract::Problems};

use super::{Read, conditional};
use crate::{
    App, db,
    domain::{Refusal, picture},
    error::Result,
};

/// An SVG is a document that could run scripts where it is opened by itself: it may do nothing but look.
const LOOK_ONLY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// See a product
///
/// A drawing. A product that nobody has drawn yet is shown as a parcel.
#[utoipa::path(
    get,
    path = "/v1/products/{sku}/picture",
    tag = "products",
    params(
        ("sku" = Sku, Path, description = "Which product."),
        ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand."),
    ),
    security(("oauth2" = ["store:read"])),
    responses(
        (status = 200, description = "The picture.", body = String, content_type = "image/svg+xml",
         headers(("ETag" = String, description = "For `If-None-Match`."))),
        (status = 304, description = "The copy at hand is still right."),
        (status = 404, description = "`product_not_found`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn get_picture(
    _: Allowed<Read>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    headers: HeaderMap,
) -> Result<Response> {
    let mut db = app.pool.get().await?;
    let found = db::pictures::find_picture(&mut db, &sku).await?;
    let drawn = found.ok_or_else(|| Refusal::ProductNotFound { sku: sku.clone() })?;
    let svg = drawn.unwrap_or_else(|| picture::placeholder(&sku));
    let tag = format!("{:08x}", picture::fingerprint(svg.as_bytes()));
    let safe = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CONTENT_SECURITY_POLICY, LOOK_ONLY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "private, max-age=300"),
    ];
    Ok(conditional::unless_known(&headers, &tag, || (safe, svg).into_response()))
}
