//! `/v1/categories`: a tree that staff arrange.

use axum::{extract::State, http::StatusCode};
use sqlx::PgConnection;
use web::{
    Allowed, Json, Keep, Page, Paging, Path, Problem, Query,
    contract::{BodyProblems, Problems},
};

use super::{Edit, Read};
use crate::{
    App, db,
    domain::{Category, CategoryEdit, NewCategory, Refusal, Slug},
    error::{Error, Result},
};

/// The tree is everybody's. The numbers of products in it follow after a minute.
const TREE: Keep = Keep::Public { fresh: 60, while_asking: 300, on_error: 3600 };

/// List the categories
#[utoipa::path(
    get,
    path = "/v1/categories",
    tag = "categories",
    params(Paging, ("If-None-Match" = Option<String>, Header, description = "Entity tag of the copy at hand.")),
    security(("oauth2" = ["store:read"])),
    responses(
        (status = 200, description = "A page of categories, by slug.", body = Page<Category>,
         headers(("ETag" = String, description = "For `If-None-Match`."), ("Cache-Control" = String, description = "A minute, for everybody."))),
        (status = 304, description = "The copy at hand is still right."),
        Problems
    )
)]
pub async fn list_categories(
    _: Allowed<Read>,
    State(app): State<App>,
    Query(paging): Query<Paging>,
) -> Result<(Keep, Json<Page<Category>>)> {
    let after: Option<String> = paging.cursor()?;
    let mut db = app.pool.get().await?;
    let rows = db::categories::list_categories(&mut db, after.as_deref(), paging.limit.rows()).await?;
    Ok((TREE, Json(Page::of(rows, paging.limit, |category| category.slug.clone()))))
}

/// Add a category
#[utoipa::path(
    post,
    path = "/v1/categories",
    tag = "categories",
    request_body = NewCategory,
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 201, description = "Added.", body = Category),
        (status = 409, description = "`category_exists`, `category_cycle`", body = Problem,
         content_type = "application/problem+json"),
        Problems, BodyProblems
    )
)]
pub async fn add_category(
    _: Allowed<Edit>,
    State(app): State<App>,
    Json(new): Json<NewCategory>,
) -> Result<(StatusCode, Json<Category>)> {
    let mut tx = app.pool.begin().await?;
    let category = (new.slug.as_str(), new.name.as_str(), new.parent.as_ref().map(Slug::as_str));
    if !db::categories::insert_category(&mut tx, category).await? {
        return Err(Refusal::CategoryExists { slug: new.slug.into() }.into());
    }
    let category = find(&mut tx, &new.slug).await?;
    tx.commit("add category").await?;
    Ok((StatusCode::CREATED, Json(category)))
}

/// Rename or move a category
///
/// Its products and the categories below it go with it.
#[utoipa::path(
    put,
    path = "/v1/categories/{slug}",
    tag = "categories",
    params(("slug" = String, Path, pattern = "^[a-z0-9-]{1,40}$", description = "Which category.")),
    request_body = CategoryEdit,
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 200, description = "As it is now.", body = Category),
        (status = 404, description = "`category_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`category_cycle`", body = Problem, content_type = "application/problem+json"),
        Problems, BodyProblems
    )
)]
pub async fn put_category(
    _: Allowed<Edit>,
    State(app): State<App>,
    Path(slug): Path<Slug>,
    Json(CategoryEdit { name, parent }): Json<CategoryEdit>,
) -> Result<Json<Category>> {
    let mut tx = app.pool.begin().await?;
    db::categories::lock_tree(&mut tx).await?;
    if let Some(parent) = &parent
        && db::categories::is_within(&mut tx, parent.as_str(), slug.as_str()).await?
    {
        return Err(Refusal::CategoryCycle.into());
    }
    let parent = parent.as_ref().map(Slug::as_str);
    db::categories::update_category(&mut tx, slug.as_str(), name.as_str(), parent).await?;
    let category = find(&mut tx, &slug).await?;
    tx.commit("change category").await?;
    Ok(Json(category))
}

/// Remove a category
///
/// Only an empty one: without products, on sale or withdrawn, and without categories below it.
#[utoipa::path(
    delete,
    path = "/v1/categories/{slug}",
    tag = "categories",
    params(("slug" = String, Path, pattern = "^[a-z0-9-]{1,40}$", description = "Which category.")),
    security(("oauth2" = ["store:write"])),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "`category_not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`category_in_use`", body = Problem, content_type = "application/problem+json"),
        Problems
    )
)]
pub async fn delete_category(_: Allowed<Edit>, State(app): State<App>, Path(slug): Path<Slug>) -> Result<StatusCode> {
    let mut db = app.pool.single("delete category").await?;
    match db::categories::delete_category(&mut db, slug.as_str()).await.map_err(Error::from) {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(Refusal::CategoryNotFound { slug: slug.into() }.into()),
        Err(Error::Refused(Refusal::UnknownCategory | Refusal::UnknownParent)) => Err(Refusal::CategoryInUse.into()),
        Err(error) => Err(error),
    }
}

async fn find(db: &mut PgConnection, slug: &Slug) -> Result<Category> {
    let found = db::categories::find_category(db, slug.as_str()).await?;
    Ok(found.ok_or_else(|| Refusal::CategoryNotFound { slug: slug.as_str().to_owned() })?)
}
