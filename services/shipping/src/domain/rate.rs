//! Rates: a zone by country, a price per service and weight bracket.

use std::str::FromStr;

use contracts::{Currency, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Booking, Days, Grams, HEAVIEST, Refusal, UnknownName};

/// How fast a parcel travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "standard")]
pub enum Service {
    Standard,
    Express,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Express];

    /// The name on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Express => "express",
        }
    }
}

impl FromStr for Service {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// Countries that cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(example = "domestic")]
pub enum Zone {
    Domestic,
    Europe,
    World,
}

impl Zone {
    /// Every zone.
    pub const ALL: [Self; 3] = [Self::Domestic, Self::Europe, Self::World];

    /// The name on the wire and in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domestic => "domestic",
            Self::Europe => "europe",
            Self::World => "world",
        }
    }
}

impl FromStr for Zone {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// A country the carrier goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    #[schema(example = "DE")]
    pub code: String,
    pub zone: Zone,
}

/// What one weight bracket of a zone costs with one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rate {
    pub zone: Zone,
    pub service: Service,
    /// The bracket: its heaviest parcel, inclusive.
    pub up_to_grams: Grams,
    pub price: Money,
    pub days: Days,
}

/// One way to ship a parcel, offered to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShippingOption {
    pub service: Service,
    pub price: Money,
    pub days: Days,
}

/// Every way to ship `weight` to `country`, whose zone has these `rates` (none if the carrier does not go there).
pub fn quote(rates: &[Rate], country: &str, weight: Grams) -> Result<Vec<ShippingOption>, Refusal> {
    if rates.is_empty() {
        return Err(Refusal::UnserviceableAddress { country: country.to_owned() });
    }
    let options: Vec<_> = Service::ALL.into_iter().filter_map(|service| option(rates, service, weight)).collect();
    if options.is_empty() { Err(overweight(rates.iter(), weight)) } else { Ok(options) }
}

/// The way to ship what is booked, if the price the customer accepted is still the price.
pub fn price(rates: &[Rate], booking: &Booking) -> Result<ShippingOption, Refusal> {
    let Booking { weight_grams: weight, service, price: accepted, .. } = *booking;
    let offers = quote(rates, &booking.to.country, weight)?;
    let Some(offer) = offers.into_iter().find(|offer| offer.service == service) else {
        return Err(overweight(rates.iter().filter(|rate| rate.service == service), weight));
    };
    if offer.price == accepted {
        Ok(offer)
    } else {
        Err(Refusal::PriceMismatch { quoted: accepted, current: offer.price })
    }
}

/// Refuses `rates` of one zone and service if a price is not in euros or not positive, or if a heavier parcel would
/// cost less than a lighter one.
pub fn check_tariff(rates: &[Rate]) -> Result<(), Refusal> {
    let mut ascending = rates.to_vec();
    ascending.sort_by_key(|rate| rate.up_to_grams);
    if let Some(rate) = ascending.iter().find(|rate| rate.price.currency != Currency::Eur) {
        return Err(Refusal::UnsupportedCurrency { currency: rate.price.currency });
    }
    if let Some(rate) = ascending.iter().find(|rate| rate.price.amount <= 0) {
        return Err(Refusal::PriceNotPositive { price: rate.price });
    }
    match ascending.windows(2).find(|pair| pair[1].price.amount < pair[0].price.amount) {
        None => Ok(()),
        Some(pair) => Err(Refusal::PriceFallsWithWeight { lighter: pair[0].up_to_grams, heavier: pair[1].up_to_grams }),
    }
}

/// The smallest bracket that holds `weight`.
fn option(rates: &[Rate], service: Service, weight: Grams) -> Option<ShippingOption> {
    rates
        .iter()
        .filter(|rate| rate.service == service && rate.up_to_grams >= weight && weight <= HEAVIEST)
        .min_by_key(|rate| rate.up_to_grams)
        .map(|rate| ShippingOption { service, price: rate.price, days: rate.days })
}

fn overweight<'a>(rates: impl Iterator<Item = &'a Rate>, weight: Grams) -> Refusal {
    let limit = rates.map(|rate| rate.up_to_grams).max().unwrap_or(HEAVIEST).min(HEAVIEST);
    Refusal::Overweight { weight, limit }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grams(grams: i64) -> Grams {
        grams.try_into().unwrap()
    }

    fn rate(service: Service, up_to: i64, cents: i64) -> Rate {
        Rate {
            zone: Zone::Domestic,
            service,
            up_to_grams: grams(up_to),
            price: Money::new(cents, Currency::Eur),
            days: 2.try_into().unwrap(),
        }
    }

    fn booking(weight: i64, service: Service, price: Money) -> Booking {
        let to = serde_json::json!({"name": "A", "street": "B 1", "postal_code": "1", "city": "C", "country": "DE"});
        let to = serde_json::from_value(to).unwrap();
        Booking { customer_id: contracts::seed::ALICE, to, weight_grams: grams(weight), service, price }
    }

    fn tariff() -> Vec<Rate> {
        vec![
            rate(Service::Standard, 5000, 690),
            rate(Service::Standard, 1000, 490),
            rate(Service::Standard, 30_000, 1990),
            rate(Service::Express, 1000, 1190),
        ]
    }

    #[test]
    fn a_bracket_includes_its_heaviest_parcel() {
        let standard = |weight| quote(&tariff(), "DE", grams(weight)).unwrap()[0].price.amount;
        assert_eq!([1, 1000, 1001, 5000, 5001, 30_000].map(standard), [490, 490, 690, 690, 1990, 1990]);
    }

    #[test]
    fn a_service_that_does_not_take_the_weight_is_not_offered() {
        assert_eq!(quote(&tariff(), "DE", grams(1000)).unwrap().len(), 2);
        assert_eq!(quote(&tariff(), "DE", grams(1001)).unwrap().len(), 1);
        let refused = price(&tariff(), &booking(1001, Service::Express, Money::new(1190, Currency::Eur)));
        assert_eq!(refused, Err(Refusal::Overweight { weight: grams(1001), limit: grams(1000) }));
    }

    #[test]
    fn a_parcel_over_thirty_kilograms_is_overweight() {
        let refused = quote(&tariff(), "DE", grams(30_001));
        assert_eq!(refused, Err(Refusal::Overweight { weight: grams(30_001), limit: HEAVIEST }));
    }

    #[test]
    fn a_country_without_rates_is_unserviceable() {
        assert_eq!(quote(&[], "AQ", grams(1)), Err(Refusal::UnserviceableAddress { country: "AQ".to_owned() }));
    }

    #[test]
    fn a_price_is_accepted_only_if_it_is_the_current_one() {
        let accept = |money| price(&tariff(), &booking(900, Service::Standard, money));
        assert!(accept(Money::new(490, Currency::Eur)).is_ok());
        for other in [Money::new(489, Currency::Eur), Money::new(491, Currency::Eur), Money::new(490, Currency::Usd)] {
            let current = Money::new(490, Currency::Eur);
            assert_eq!(accept(other), Err(Refusal::PriceMismatch { quoted: other, current }));
        }
    }

    proptest! {
        #[test]
        fn in_an_accepted_tariff_the_price_never_falls_with_weight(
            brackets in proptest::collection::btree_map(1..=30_000_i64, 1..5000_i64, 1..8),
            light in 1..=30_000_i64,
            more in 0..=30_000_i64,
        ) {
            let rates: Vec<_> = brackets.iter().map(|(g, cents)| rate(Service::Standard, *g, *cents)).collect();
            let at = |weight| quote(&rates, "DE", grams(weight)).ok().map(|options| options[0].price.amount);
            let ascending = brackets.values().collect::<Vec<_>>().is_sorted();
            prop_assert_eq!(check_tariff(&rates).is_ok(), ascending);
            if let (true, Some(lighter), Some(heavier)) = (ascending, at(light), at(light + more)) {
                prop_assert!(lighter <= heavier);
            }
        }
    }
}
