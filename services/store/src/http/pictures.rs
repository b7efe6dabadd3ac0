//! `/v1/products/{sku}/picture`.

use axum::http::{StatusCode, header};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use contracts::Sku;
use utoipa::ToSchema;
use web::{Allowed, Keep, Path, Problem, Raw, contract::Problems};

use super::{Edit, Read};
use crate::{
    App, db,
    domain::{Picture, PictureKind, Refusal},
    error::Result,
};

/// The picture itself.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)]
pub struct Content(Vec<u8>);

/// An SVG is a document that could run scripts where it is opened by itself: it may do nothing but look.
const LOOK_ONLY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Everybody sees the same, and a picture changes seldom.
const PICTURE: Keep = Keep::Public { fresh: 300, while_asking: 3600, on_error: 86_400 };

/// See a product
///
/// A drawing or a photograph. A product without either is shown as a parcel.
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
        (status = 200, description = "The picture.",
         content((String = "image/svg+xml"), (Content = "image/png"), (Content = "image/jpeg"), (Content = "image/webp")),
         headers(("ETag" = String, description = "For `If-None-Match`."),
                 ("Cache-Control" = String, description = "Some minutes, for everybody."))),
        (status = 304, description = "The copy at hand is still right."),
        (status = 404, description = "`product_not_found`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn get_picture(_: Allowed<Read>, State(app): State<App>, Path(sku): Path<Sku>) -> Result<Response> {
    let mut db = app.pool.get().await?;
    let found = db::pictures::find_picture(&mut db, &sku).await?;
    let picture = found.ok_or_else(|| Refusal::ProductNotFound { sku: sku.clone() })?;
    let Picture { kind, bytes } = picture.unwrap_or_else(|| Picture::placeholder(&sku));
    let safe = [
        (header::CONTENT_TYPE, kind.media_type()),
        (header::CONTENT_SECURITY_POLICY, LOOK_ONLY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((PICTURE, safe, bytes).into_response())
}

/// Give a product a picture
///
/// At most 256 KiB, instead of any that it has. What a drawing would run or load, no browser runs or loads: it is
/// answered with a `Content-Security-Policy` that forbids both.
#[utoipa::path(
    put,
    path = "/v1/products/{sku}/picture",
    tag = "products",
    params(("sku" = Sku, Path, description = "Which product.")),
    request_body(description = "The picture, of the kind that `Content-Type` says.", content(
        (Content = "image/svg+xml"), (Content = "image/png"), (Content = "image/jpeg"), (Content = "image/webp"))),
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 204, description = "The product has it."),
        (status = 404, description = "`product_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported_media_type`: none of these.", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "`not_a_picture`: the body is not what `Content-Type` says.", body = Problem,
         content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn put_picture(
    _: Allowed<Edit>,
    State(app): State<App>,
    Path(sku): Path<Sku>,
    Raw { media_type, bytes }: Raw,
) -> Result<StatusCode> {
    let kind = PictureKind::of(&media_type).ok_or_else(no_such_kind)?;
    let picture = Picture::sent(kind, bytes.into())?;
    if db::pictures::put_picture(&mut *app.pool.single("put picture").await?, &sku, &picture).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::ProductNotFound { sku }.into())
    }
}

fn no_such_kind() -> Problem {
    let kinds = PictureKind::ALL.map(PictureKind::media_type).join(", ");
    let title = "The body is not a picture of a known kind";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", title)
        .detail(format!("known are {kinds}"))
}
