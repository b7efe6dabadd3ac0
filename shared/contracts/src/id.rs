//! Ids: one type per kind of thing over a `UUIDv7` (RFC 9562, section 5.7), so that they sort by creation
//! and one kind is never passed where another is meant.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::{
    Postgres,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema},
};
use uuid::Uuid;

/// The kinds of things that have an [`Id`].
pub mod kind {
    /// An order.
    pub enum Order {}
    /// A cart.
    pub enum Cart {}
    /// A customer: the user who buys.
    pub enum Customer {}
    /// An announced event.
    pub enum Event {}
}

/// The id of an order; every participant names its part of the order by it.
pub type OrderId = Id<kind::Order>;
/// The id of a cart.
pub type CartId = Id<kind::Cart>;
/// The id of a customer: the `sub` of a user.
pub type CustomerId = Id<kind::Customer>;
/// The id of an event: `CloudEvents` `id`, `Nats-Msg-Id`, and the key of the inbox.
pub type EventId = Id<kind::Event>;

/// The id of a thing of kind `K`.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// A new id, larger than all that this process made before.
    pub fn generate() -> Self {
        Self(Uuid::now_v7(), PhantomData)
    }

    /// The id as a plain UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The id with this UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K> From<Uuid> for Id<K> {
    fn from(uuid: Uuid) -> Self {
        Self::from_uuid(uuid)
    }
}

impl<K> From<Id<K>> for Uuid {
    fn from(id: Id<K>) -> Self {
        id.0
    }
}

impl<K> FromStr for Id<K> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::from_str(text).map(Self::from_uuid)
    }
}

impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}

impl<K> sqlx::Type<Postgres> for Id<K> {
    fn type_info() -> PgTypeInfo {
        <Uuid as sqlx::Type<Postgres>>::type_info()
    }
}

impl<K> sqlx::postgres::PgHasArrayType for Id<K> {
    fn array_type_info() -> PgTypeInfo {
        <Uuid as sqlx::postgres::PgHasArrayType>::array_type_info()
    }
}

impl<K> sqlx::Encode<'_, Postgres> for Id<K> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <Uuid as sqlx::Encode<Postgres>>::encode_by_ref(&self.0, buffer)
    }
}

impl<'r, K> sqlx::Decode<'r, Postgres> for Id<K> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <Uuid as sqlx::Decode<Postgres>>::decode(value).map(Self::from_uuid)
    }
}

impl<K> PartialSchema for Id<K> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(schema::Type::String)
            .format(Some(schema::SchemaFormat::KnownFormat(schema::KnownFormat::Uuid)))
            .examples(["01900000-0000-7000-8000-000000000001"])
            .into()
    }
}

impl<K> ToSchema for Id<K> {}
