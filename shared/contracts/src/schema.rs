//! Schemas that several services write into their contracts.

use utoipa::openapi::{
    ObjectBuilder, Ref, RefOr, Schema,
    schema::{AdditionalProperties, KnownFormat, SchemaFormat, Type},
};

/// [`crate::Money`] whose amount is at least and at most so many minor units.
pub fn money_between(least: i64, most: i64) -> RefOr<Schema> {
    let amount = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some("Whole minor units: cents for EUR, yen for JPY."))
        .minimum(Some(least))
        .maximum(Some(most));
    let money = ObjectBuilder::new()
        .description(Some(format!("Money of {least} to {most} minor units.")))
        .property("amount", amount)
        .property("currency", Ref::from_schema_name("Currency"))
        .required("amount")
        .required("currency")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .examples([serde_json::json!({"amount": 1999, "currency": "EUR"})]);
    RefOr::T(money.build().into())
}
