//! Names of the domain's values in columns of type text, spelled as on the wire.

use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value::Error as Unknown},
};
use sqlx::{
    Postgres,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef},
};

/// A value that is kept by its name.
#[derive(Clone, Copy, Debug)]
pub struct Name<T>(pub T);

impl<T> sqlx::Type<Postgres> for Name<T> {
    fn type_info() -> PgTypeInfo {
        <str as sqlx::Type<Postgres>>::type_info()
    }
}

impl<'r, T: Deserialize<'r>> sqlx::Decode<'r, Postgres> for Name<T> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let name = <&str as sqlx::Decode<Postgres>>::decode(value)?;
        let name: serde::de::value::StrDeserializer<'_, Unknown> = name.into_deserializer();
        Ok(Self(T::deserialize(name)?))
    }
}

impl<T: Serialize> sqlx::Encode<'_, Postgres> for Name<T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let name = serde_json::to_value(&self.0)?;
        let name = name.as_str().ok_or("a value that has no name")?;
        <&str as sqlx::Encode<Postgres>>::encode(name, buffer)
    }
}
