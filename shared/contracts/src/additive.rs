//! Readers for what stands both in events and in requests. In a request a member that is not known is a mistake; in an
//! event it was added by a newer publisher, and is ignored.

use serde::{Deserialize, Deserializer, de::Error};

use crate::{Address, Currency, Money};

pub(crate) fn money<'de, D: Deserializer<'de>>(from: D) -> Result<Money, D::Error> {
    #[derive(Deserialize)]
    struct Open {
        amount: i64,
        currency: Currency,
    }
    Open::deserialize(from).map(|open| Money::new(open.amount, open.currency))
}

pub(crate) fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
    #[derive(Deserialize)]
    struct Open {
        name: String,
        street: String,
        postal_code: String,
        city: String,
        country: String,
    }
    let Open { name, street, postal_code, city, country } = Open::deserialize(from)?;
    Address { name, street, postal_code, city, country }.checked().map_err(D::Error::custom)
}
