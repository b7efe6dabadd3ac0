//! Value added tax, contained in every price.
//!
//! The rule: the tax in a total is `total × rate / (100 % + rate)`, rounded to the nearest minor unit, half up. It is
//! computed once per invoice and then divided over the lines in proportion to what they cost, by largest remainder, so
//! that the lines add up to the invoice exactly. (Computed line by line, rounding would make them differ.)

/// A rate, in hundredths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vat(i32);

/// The rate of everything sold here: 19 %. A simplification: one country, one rate.
pub const VAT: Vat = Vat(1_900);

impl Vat {
    /// Hundredths of a per cent.
    pub const fn rate(self) -> i32 {
        self.0
    }

    /// The tax contained in `gross`, which is not negative.
    pub fn within(self, gross: i64) -> i64 {
        let (gross, rate) = (i128::from(gross), i128::from(self.0));
        let whole = 10_000 + rate;
        let rounded = (2 * gross * rate + whole) / (2 * whole);
        i64::try_from(rounded).expect("a part of an amount is not larger than the amount")
    }

    /// The tax contained in the sum of `gross`, divided over its parts.
    pub fn over(self, gross: &[i64]) -> Vec<i64> {
        allocate(self.within(gross.iter().sum()), gross)
    }
}

/// Divides `total` in proportion to `weights` (none of them negative) by largest remainder: each part is its exact
/// share rounded down or up, and the parts sum to `total`. Of equal remainders the first is rounded up.
pub fn allocate(total: i64, weights: &[i64]) -> Vec<i64> {
    let whole: i128 = weights.iter().copied().map(i128::from).sum();
    if whole == 0 {
        return vec![0; weights.len()];
    }
    let share = |weight: &i64| i128::from(total) * i128::from(*weight);
    let mut parts: Vec<i64> = weights.iter().map(|w| part(share(w) / whole)).collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|&i| std::cmp::Reverse(share(&weights[i]) % whole));
    let left = total - parts.iter().sum::<i64>();
    for i in by_remainder.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        parts[i] += 1;
    }
    parts
}

fn part(share: i128) -> i64 {
    i64::try_from(share).expect("a part of an amount is not larger than the amount")
}

#[cfg(test)]
mod tests;
