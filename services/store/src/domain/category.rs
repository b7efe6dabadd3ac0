//! Categories: what a customer is told of them, and what staff write.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Name, Slug};

/// A part of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Category {
    #[schema(example = "tableware")]
    pub slug: String,
    #[schema(example = "Tableware")]
    pub name: String,
    /// Slug of the category it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "kitchen")]
    pub parent: Option<String>,
    /// Products on sale in it and the categories below it.
    #[schema(example = 5)]
    pub products: i64,
}

/// A category that there is not yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCategory {
    /// Its address, for good.
    #[schema(value_type = String, pattern = "^[a-z0-9-]{1,40}$", example = "glasses")]
    pub slug: Slug,
    #[schema(value_type = String, min_length = 1, max_length = 120, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$", example = "Glasses")]
    pub name: Name,
    /// Slug of the category it is part of.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9-]{1,40}$", example = "tableware")]
    pub parent: Option<Slug>,
}

/// What can be changed of a category.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryEdit {
    #[schema(value_type = String, min_length = 1, max_length = 120, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$", example = "Glasses and cups")]
    pub name: Name,
    /// Slug of the category it is part of; without one it stands at the top.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9-]{1,40}$", example = "tableware")]
    pub parent: Option<Slug>,
}
