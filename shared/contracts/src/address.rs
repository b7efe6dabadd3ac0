//! A postal address.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a parcel goes. Each line is 1 to 100 characters without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Unchecked", deny_unknown_fields)]
#[schema(example = json!({"name": "Alice Example", "street": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"}))]
pub struct Address {
    /// Who receives it.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub name: String,
    /// Street and number.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub street: String,
    /// Postal code.
    #[schema(
        min_length = 1,
        max_length = 16,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub postal_code: String,
    /// Town or city.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    )]
    pub city: String,
    /// ISO 3166-1 alpha-2 code of the country.
    #[schema(pattern = "^[A-Z]{2}$", example = "DE")]
    pub country: String,
}

/// A part of the address that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A line is empty, too long or has control characters.
    #[error("`{0}` must be 1 to {1} characters without control characters")]
    Line(&'static str, usize),
    /// The country is not two capital letters.
    #[error("`country` must be an ISO 3166-1 alpha-2 code such as DE")]
    Country,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    name: String,
    street: String,
    postal_code: String,
    city: String,
    country: String,
}

impl TryFrom<Unchecked> for Address {
    type Error = AddressError;

    fn try_from(it: Unchecked) -> Result<Self, AddressError> {
        let Unchecked { name, street, postal_code, city, country } = it;
        Self { name, street, postal_code, city, country }.checked()
    }
}

impl Address {
    /// The address, if every part of it can be used.
    pub(crate) fn checked(self) -> Result<Self, AddressError> {
        line("name", &self.name, 100)?;
        line("street", &self.street, 100)?;
        line("postal_code", &self.postal_code, 16)?;
        line("city", &self.city, 100)?;
        if self.country.len() != 2 || !self.country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(AddressError::Country);
        }
        Ok(self)
    }
}

fn line(field: &'static str, text: &str, longest: usize) -> Result<(), AddressError> {
    let fits = !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(AddressError::Line(field, longest)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_line_that_is_wrong() {
        let parse = |country: &str, city: &str| {
            let json =
                serde_json::json!({"name": "A", "street": "B 1", "postal_code": "1", "city": city, "country": country});
            serde_json::from_value::<Address>(json).map_err(|e| e.to_string())
        };
        assert!(parse("DE", "Berlin").is_ok());
        assert!(parse("de", "Berlin").unwrap_err().contains("country"));
        assert!(parse("DE", " ").unwrap_err().contains("city"));
        assert!(parse("DE", "a\nb").unwrap_err().contains("city"));
    }
}
