//! Every booking balances, whatever was bought.

use contracts::{Address, Currency, CustomerId, Quantity, Sku, order::OrderConfirmed, order::OrderLine};
use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;

fn order(lines: Vec<(i64, i64)>, shipping: i64) -> OrderConfirmed {
    let euro = |amount| Money::new(amount, Currency::Eur);
    let total = shipping + lines.iter().map(|(quantity, price)| quantity * price).sum::<i64>();
    let line = |(quantity, price)| OrderLine {
        sku: Sku::parse("MUG-BLUE").unwrap(),
        name: "Blue mug".to_owned(),
        quantity: Quantity::new(quantity).unwrap(),
        unit_price: euro(price),
    };
    let text = |text: &str| text.to_owned();
    OrderConfirmed {
        order_id: OrderId::generate(),
        customer_id: CustomerId::generate(),
        lines: lines.into_iter().map(line).collect(),
        shipping_price: euro(shipping),
        total: euro(total),
        ship_to: Address {
            name: text("Alice"),
            street: text("Hauptstr. 1"),
            postal_code: text("10115"),
            city: text("Berlin"),
            country: text("DE"),
        },
        confirmed_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn issued(new: NewInvoice) -> Invoice {
    let (vat, total) = (Money::new(new.vat(), new.total.currency), new.total);
    Invoice {
        number: "INV-2026-00000001".to_owned(),
        order_id: new.order_id,
        customer_id: new.customer_id,
        issued_at: OffsetDateTime::UNIX_EPOCH,
        bill_to: new.bill_to,
        lines: new.lines,
        net: total.minus(vat).unwrap(),
        vat,
        vat_rate: 1900,
        total,
        credit_note: None,
    }
}

fn sum_of(entries: &[&NewEntry], account: &str) -> i64 {
    let postings = entries.iter().flat_map(|entry| &entry.postings);
    postings.filter(|posting| posting.account.starts_with(account)).map(|posting| posting.amount.amount).sum()
}

proptest! {
    #[test]
    fn an_order_captured_invoiced_and_refunded_leaves_nothing_open(
        lines in prop::collection::vec((1_i64..20, 1_i64..100_000), 1..10),
        shipping in 0_i64..5_000,
        on_account: bool,
    ) {
        let order = order(lines, shipping);
        let method = if on_account { Method::TokOnAccount } else { Method::TokOk };
        let terms = Terms { customer_id: order.customer_id, amount: order.total.try_into().unwrap(), method };
        let capture = captured(order.order_id, &terms);
        let new = NewInvoice::of(&order, order.total).unwrap();
        let invoice = invoiced(&new);
        let after_invoice = refunded(order.order_id, &terms, Some(&issued(new)));
        let before_invoice = refunded(order.order_id, &terms, None);
        for entry in [&capture, &invoice, &after_invoice, &before_invoice] {
            prop_assert_eq!(sum_of(&[entry], ""), 0);
            prop_assert!(entry.postings.len() >= 2 && entry.postings.iter().all(|it| it.amount.amount != 0));
        }
        for open in ["1100", "1200", "2100", "2200"] {
            prop_assert_eq!(sum_of(&[&capture, &invoice, &after_invoice], open), 0);
            prop_assert_eq!(sum_of(&[&capture, &before_invoice], open), 0);
        }
        prop_assert_eq!(sum_of(&[&invoice, &after_invoice], "4"), 0);
    }
}

#[test]
fn an_order_whose_lines_do_not_make_its_total_is_not_invoiced() {
    let mut wrong = order(vec![(1, 100)], 10);
    wrong.total.amount += 1;
    assert_eq!(NewInvoice::of(&wrong, wrong.total), Err(crate::domain::Mismatch::Total));
    let right = order(vec![(1, 100)], 10);
    let short = Money::new(1, Currency::Eur);
    assert_eq!(NewInvoice::of(&right, short), Err(crate::domain::Mismatch::Captured));
}
