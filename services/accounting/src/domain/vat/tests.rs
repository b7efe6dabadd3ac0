//! The laws of dividing money.

use proptest::prelude::*;

use super::*;

#[test]
fn the_tax_within_a_price_is_rounded_half_up() {
    assert_eq!(VAT.within(119), 19);
    assert_eq!(VAT.within(100), 16); // 15.966
    assert_eq!(VAT.within(3), 0); // 0.479
    assert_eq!(VAT.within(0), 0);
    assert_eq!(Vat(10_000).within(5), 3); // 2.5
}

#[test]
fn the_first_of_equal_shares_gets_the_odd_cent() {
    assert_eq!(allocate(100, &[1, 1, 1]), [34, 33, 33]);
    assert_eq!(allocate(1, &[0, 5, 5]), [0, 1, 0]);
    assert_eq!(allocate(5, &[0, 0]), [0, 0]);
}

proptest! {
    #[test]
    fn the_parts_sum_to_the_whole_and_none_is_off_by_a_unit(
        total in 0_i64..1_000_000_000_000,
        weights in prop::collection::vec(0_i64..1_000_000_000, 1..40),
    ) {
        prop_assume!(weights.iter().any(|w| *w > 0));
        let parts = allocate(total, &weights);
        prop_assert_eq!(parts.iter().sum::<i64>(), total);
        let whole: i128 = weights.iter().map(|w| i128::from(*w)).sum();
        for (part, weight) in parts.iter().zip(&weights) {
            let off = i128::from(*part) * whole - i128::from(total) * i128::from(*weight);
            prop_assert!(off.abs() < whole, "{part} of {total} for {weight} of {whole}");
        }
    }

    #[test]
    fn the_tax_of_the_lines_is_the_tax_of_the_invoice_and_never_more_than_a_line(
        gross in prop::collection::vec(0_i64..1_000_000_000, 1..40),
    ) {
        let tax = VAT.over(&gross);
        prop_assert_eq!(tax.iter().sum::<i64>(), VAT.within(gross.iter().sum()));
        prop_assert!(tax.iter().zip(&gross).all(|(tax, gross)| (0..=*gross).contains(tax)));
    }

    #[test]
    fn the_tax_is_within_half_a_unit_of_the_exact_one(gross in 0_i64..i64::MAX) {
        let exact_times_119 = i128::from(gross) * 19;
        let off = i128::from(VAT.within(gross)) * 119 - exact_times_119;
        prop_assert!(off.abs() * 2 <= 119);
    }
}
